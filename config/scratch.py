"""The scratch database of a replay: what the fold gives, written beside the live tables.

Rows are written through the same models as the live ones, so that both sides took the same way in
and out. They are compared as the databases hold them, JSON as text; only what differs is read.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from django.apps import apps
from django.db import connections, models, transaction
from django.db.models.functions import Cast

from assay import wire
from audit.claims import Difference, show_pair
from audit.history import TABLES, History
from ledger.rules.rows import MemoryRows, Row

SCRATCH = "replay_scratch"
BATCH = 2000
_Values = tuple[Any, ...]


def make(file: Path) -> None:
    """An empty database with the tables of the fold, and the checks that their columns have."""
    with opened(file), connections[SCRATCH].schema_editor() as editor:
        for table in TABLES:
            editor.create_model(apps.get_model(table.TABLE))


@contextmanager
def opened(file: Path) -> Iterator[None]:
    """The scratch database in this file, for as long as the block lasts."""
    with alias(SCRATCH, _sqlite(file)):
        yield


@contextmanager
def alias(name: str, settings: dict[str, object]) -> Iterator[None]:
    """A database under a name, for as long as the block lasts."""
    connections.settings[name] = settings
    try:
        yield
    finally:
        connections[name].close()
        del connections[name]
        del connections.settings[name]


def fill(rows: MemoryRows) -> None:
    """Write every row of the fold into the empty tables."""
    _drop_indexes()
    with transaction.atomic(using=SCRATCH):
        for table in TABLES:
            write_rows(table, rows.all(table), SCRATCH)


def write_rows(table: type[Row], rows: Sequence[Row], into: str) -> None:
    """Put the fold's rows into an empty table, each value as its column writes it."""
    target, meta = connections[into], _meta(table)
    names = [one.name for one in fields(table)]  # type: ignore[arg-type]
    quote = target.ops.quote_name
    named = ", ".join(quote(meta.get_field(name).column) for name in names)
    places = ", ".join(["%s"] * len(names))
    insert = f"INSERT INTO {quote(meta.db_table)} ({named}) VALUES ({places})"  # noqa: S608 - ours
    write = _writer(table, names, target)
    with target.cursor() as cursor:
        for at in range(0, len(rows), BATCH):
            cursor.executemany(insert, [write(row) for row in rows[at : at + BATCH]])


def differences(table: type[Row], live: str, history: History) -> Iterator[Difference]:
    """Every value in which the live table is another than the scratch one."""
    columns = _columns(table)
    at = columns.index(_meta(table).pk)
    rebuilt = {row[at]: row for row in _held(table, SCRATCH)}
    for row in _held(table, live):
        wanted = rebuilt.pop(row[at], None)
        if row != wanted:
            yield from _between(table, row[at], (row, wanted), history)
    for key, wanted in rebuilt.items():
        yield from _between(table, key, (None, wanted), history)


def _between(
    table: type[Row], key: str, pair: tuple[_Values | None, _Values | None], history: History
) -> Iterator[Difference]:
    """What is not the same in a live row and the rebuilt one; None: there is no such row."""
    live, wanted = pair
    cause = history.cause_of(table, key)
    if live is None or wanted is None:
        names = (one and key for one in (live, wanted))
        yield Difference(table.TABLE, key, "id", *show_pair(*names), cause)
        return
    for column, *held in zip(_columns(table), live, wanted, strict=True):
        found, derived = (_read(column, one) for one in held)
        if found != derived:
            yield Difference(table.TABLE, key, column.attname, *show_pair(found, derived), cause)


# --- values and columns -----------------------------------------------------------------------


def _writer(table: type[Row], names: Sequence[str], target: Any) -> Callable[[Row], Sequence[Any]]:
    """A row's values as its columns write them; most are whole numbers and texts already."""
    shapes, take, meta = wire.hints(table), attrgetter(*names), _meta(table)
    deep = [
        (at, shapes[name], meta.get_field(name))
        for at, name in enumerate(names)
        if not _is_plain(shapes[name])
    ]
    if not deep:
        return take

    def write(row: Row) -> Sequence[Any]:
        values = list(take(row))
        for at, shape, field in deep:
            values[at] = field.get_db_prep_save(wire.encode(values[at], shape), target)
        return values

    return write


def _is_plain(shape: Any) -> bool:
    return shape in (str, int, bool) or shape in (str | None, int | None)


def _held(table: type[Row], where: str) -> Iterator[_Values]:
    """The rows of a table as the database holds them: JSON is text, yes and no are 1 and 0."""
    columns = [_as_held(one) for one in _columns(table)]
    rows = apps.get_model(table.TABLE).objects.using(where).values_list(*columns)
    return iter(rows.iterator(BATCH))


def _as_held(column: Any) -> Any:
    if isinstance(column, models.JSONField):
        return Cast(column.attname, models.TextField())
    if isinstance(column, models.BooleanField):
        return Cast(column.attname, models.IntegerField())
    return column.attname


def _read(column: Any, held: Any) -> Any:
    """The value in what a database holds; what is no JSON stays as it is, to be shown."""
    if held is not None and isinstance(column, models.JSONField):
        with suppress(ValueError):
            return json.loads(held)
    return bool(held) if isinstance(column, models.BooleanField) else held


def _columns(table: type[Row]) -> list[Any]:
    """The columns that follow from the log; not those that the database computes from them."""
    return [one for one in _meta(table).concrete_fields if not one.generated]


def _meta(table: type[Row]) -> Any:
    """The columns of a table. `_meta` is Django's own documented name for them."""
    return apps.get_model(table.TABLE)._meta  # noqa: SLF001


# --- the file ---------------------------------------------------------------------------------


def _drop_indexes() -> None:
    """Nothing is searched for in the scratch database; what must be unique stays so."""
    find = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql LIKE 'CREATE INDEX%%'"
    with connections[SCRATCH].cursor() as cursor:
        cursor.execute(find)
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX {connections[SCRATCH].ops.quote_name(name)}")


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
