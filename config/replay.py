"""Rebuild every table from the log alone, in a scratch database, and compare row by row.

The log and the tables are read in one snapshot, which blocks no writer. The rows that the fold
gives are written to the scratch database through the same models, so that both sides took the same
way in and out.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.apps import apps
from django.db import connections, transaction

from assay import wire
from assay.errors import AssayError
from competitions.audit.claims import Difference, show_pair
from competitions.audit.history import TABLES, History, collector_paused
from config.checkpoints import Tree
from ledger.errors import LogDamaged
from ledger.rules.rows import Row

SNAPSHOT, SCRATCH = "replay_snapshot", "replay_scratch"
BATCH = 2000
_COLUMNS = ("log_index", "raw", "item", "kind", "signer", "anchor", "cause")

# Every model is rebuilt by the fold (its row class is in TABLES), or stands here with the reason.
NOT_REPLAYED = {
    "ledger.Message": "the log itself; each column is checked against the signed bytes",
    "ledger.Checkpoint": "checked against the tree of the entries and the log's key",
    "ledger.Edge": "a cache of the tree; checked against it",
    "ledger.Lease": "who does a job now",
    "ledger.Bookmark": "how far a reader has read",
    "ledger.Blob": "an index of the store; what matters is named by messages",
    "ledger.Upload": "a file that comes in by parts",
    "ledger.Cosignature": "a witness's signature; whoever reads it checks it",
    "ledger.Witness": "what a witness answered last",
    "competitions.Draft": "a sponsor's work before it is published",
    "competitions.Evaluation": "who scores what now, under which lease",
    "competitions.Sealed": "the final slice before it is opened; its commitment is on the log",
    "web.ApiToken": "who is signed in now",
    "auth.Permission": "Django's own",
    "auth.Group": "Django's own",
    "auth.Group_permissions": "Django's own",
    "auth.User": "sign-in to the web pages; the account is on the log",
    "auth.User_groups": "Django's own",
    "auth.User_user_permissions": "Django's own",
    "contenttypes.ContentType": "Django's own",
    "sessions.Session": "who is signed in now",
    "account.EmailAddress": "sign-in to the web pages",
    "account.EmailConfirmation": "sign-in to the web pages",
    "axes.AccessAttempt": "guards the sign-in",
    "axes.AccessAttemptExpiration": "guards the sign-in",
    "axes.AccessLog": "guards the sign-in",
    "axes.AccessFailureLog": "guards the sign-in",
}


class ModelUnlisted(AssayError):
    """A model neither follows from the log nor is on NOT_REPLAYED. Facts: models."""

    code, status = "replay.model_unlisted", 500
    next_step = "Fold it, or name it in NOT_REPLAYED of config/replay.py with the reason."


@dataclass
class Report:
    """What a replay found. damage: the first message or checkpoint that does not hold."""

    messages: int = 0
    checkpoints: int = 0
    rows: int = 0
    seconds: float = 0.0
    waiting: int = 0
    damage: LogDamaged | None = None
    differences: list[Difference] = field(default_factory=list)

    @property
    def is_equal(self) -> bool:
        return not (self.waiting or self.damage or self.differences)

    @property
    def messages_per_s(self) -> int:
        """Read, verified, folded, written and compared."""
        return round(self.messages / self.seconds) if self.seconds else 0


def replay() -> Report:
    """Replay into a scratch database that is gone afterwards. raises ModelUnlisted"""
    with TemporaryDirectory(prefix="assay-replay-") as folder:
        file = Path(folder) / "scratch.db"
        make_scratch(file)
        return replay_into(file)


def make_scratch(file: Path) -> None:
    """An empty database with the tables of the fold, and the checks that their columns have."""
    with _alias(SCRATCH, _sqlite(file)), connections[SCRATCH].schema_editor() as editor:
        for table in TABLES:
            editor.create_model(apps.get_model(table.TABLE))


def replay_into(file: Path) -> Report:
    """Replay into an empty scratch database. raises ModelUnlisted"""
    if odd := unlisted():
        raise ModelUnlisted(f"{', '.join(odd)} is neither replayed nor listed.", models=odd)
    began, report = time.monotonic(), Report()
    with (
        _alias(SNAPSHOT, _snapshot()),
        _alias(SCRATCH, _sqlite(file)),
        transaction.atomic(using=SNAPSHOT),
        collector_paused(),
    ):
        _replay(report)
    report.seconds = time.monotonic() - began
    return report


def unlisted() -> list[str]:
    """Labels of models that are neither rebuilt by the fold nor on NOT_REPLAYED."""
    known = {table.TABLE for table in TABLES} | set(NOT_REPLAYED)
    labels = {
        f"{room.label}.{model.__name__}"
        for room in apps.get_app_configs()
        for model in room.get_models(include_auto_created=True)
    }
    return sorted(labels - known)


def _replay(report: Report) -> None:
    log = apps.get_model("ledger.Message").objects.using(SNAPSHOT)
    report.waiting = log.filter(log_index=None).count()
    if report.waiting:
        return
    history = History()
    tree = Tree(history, SNAPSHOT)
    try:
        for stored in log.order_by("log_index").values_list(*_COLUMNS).iterator(BATCH):
            _follow(history, stored)
            tree.check_at(history.size)
        tree.check_end()
    except LogDamaged as error:
        report.damage = error
    report.messages, report.checkpoints = len(history.names), tree.checked
    if report.damage:
        return
    _drop_indexes()
    with transaction.atomic(using=SCRATCH):
        for table in TABLES:
            write_rows(table, history.rows.all(table), SCRATCH)
    for table in TABLES:
        report.rows += history.rows.count(table)
        report.differences += sorted(_differences(table, history), key=lambda one: one.row)


def _follow(history: History, stored: tuple[Any, ...]) -> None:
    """Take one stored message. raises LogDamaged when its place, bytes or columns do not hold"""
    index, raw, item, kind, signer, anchor, cause = stored
    if index != history.size:
        text = f"Message {history.size} is missing: the next one has index {index}."
        raise LogDamaged(text, where="log", index=history.size, cause="missing", item=item)
    entry = history.follow(bytes(raw))
    signed = (entry.id, entry.kind, entry.signer, entry.anchor, entry.cause)
    if (item, kind, signer, anchor, cause) == signed:
        return
    for column, found, value in zip(_COLUMNS[2:], stored[2:], signed, strict=True):
        if found != value:
            shown, wanted = show_pair(found, value)
            text = f"Message {index}, column {column}: found {shown}, the bytes say {wanted}."
            raise LogDamaged(text, where="log", index=index, cause=column, item=entry.id)


def _drop_indexes() -> None:
    """Nothing is searched for in the scratch database; what must be unique stays so."""
    find = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%%'"
    with connections[SCRATCH].cursor() as cursor:
        cursor.execute(find)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {connections[SCRATCH].ops.quote_name(name)}")


def write_rows(table: type[Row], rows: Sequence[Row], alias: str) -> None:
    """Put the fold's rows into an empty table, each value as its column writes it."""
    target, meta = connections[alias], _meta(table)
    names = [one.name for one in fields(table)]  # type: ignore[arg-type]
    quote = target.ops.quote_name
    named = ", ".join(quote(meta.get_field(name).column) for name in names)
    places = ", ".join(["%s"] * len(names))
    insert = f"INSERT INTO {quote(meta.db_table)} ({named}) VALUES ({places})"  # noqa: S608 - ours
    write = _writer(table, names, alias)
    with target.cursor() as cursor:
        for at in range(0, len(rows), BATCH):
            cursor.executemany(insert, [write(row) for row in rows[at : at + BATCH]])


def _writer(table: type[Row], names: Sequence[str], alias: str) -> Callable[[Row], Sequence[Any]]:
    """A row's values as its columns write them; most are whole numbers and texts already."""
    shapes, take = wire.hints(table), attrgetter(*names)
    deep = [(at, name) for at, name in enumerate(names) if not _is_plain(shapes[name])]
    if not deep:
        return take

    def write(row: Row) -> Sequence[Any]:
        values = list(take(row))
        for at, name in deep:
            value = wire.encode(values[at], shapes[name])
            values[at] = _meta(table).get_field(name).get_db_prep_save(value, connections[alias])
        return values

    return write


def _is_plain(shape: Any) -> bool:
    return shape in (str, int, bool) or shape in (str | None, int | None)


def _differences(table: type[Row], history: History) -> Iterator[Difference]:
    """Every value that differs between the two databases."""
    label = table.TABLE
    meta = _meta(table)
    names = [one.attname for one in meta.concrete_fields]
    at = names.index(meta.pk.attname)
    rebuilt = {row[at]: row for row in _stored(label, SCRATCH, names)}
    for live in _stored(label, SNAPSHOT, names):
        wanted = rebuilt.pop(live[at], None)
        if live == wanted:
            continue
        cause = history.cause_of(table, live[at])
        if wanted is None:
            yield Difference(label, live[at], "id", *show_pair(live[at], None), cause)
            continue
        for column, found, value in zip(names, live, wanted, strict=True):
            if found != value:
                yield Difference(label, live[at], column, *show_pair(found, value), cause)
    for key in rebuilt:
        yield Difference(label, key, "id", *show_pair(None, key), history.cause_of(table, key))


def _meta(table: type[Row]) -> Any:
    """The columns of a table. `_meta` is Django's own documented name for them."""
    return apps.get_model(table.TABLE)._meta  # noqa: SLF001


def _stored(label: str, alias: str, names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    rows = apps.get_model(label).objects.using(alias).values_list(*names)
    return iter(rows.iterator(BATCH))


# --- the two databases ------------------------------------------------------------------------


@contextmanager
def _alias(name: str, settings: dict[str, object]) -> Iterator[None]:
    """A database under a name, for as long as the block lasts."""
    connections.settings[name] = settings
    try:
        yield
    finally:
        connections[name].close()
        del connections[name]
        del connections.settings[name]


def _snapshot() -> dict[str, object]:
    """The live database, read at one moment: no locks on SQLite, repeatable read on PostgreSQL."""
    live = deepcopy(connections["default"].settings_dict)
    if connections["default"].vendor == "sqlite":
        live["OPTIONS"] = {**live["OPTIONS"], "transaction_mode": "DEFERRED"}
    else:
        level = {"isolation_level": 3}  # psycopg.IsolationLevel.REPEATABLE_READ
        live["OPTIONS"] = {**live["OPTIONS"], **level}
    return live


def _sqlite(file: Path) -> dict[str, object]:
    """A throw-away file: nobody needs it after a power cut."""
    speed = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;"
    given = {
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(file),
            "OPTIONS": {"init_command": speed},
        }
    }
    filled: dict[str, dict[str, object]] = connections.configure_settings(given)
    return filled["default"]
