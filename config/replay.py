"""Rebuild every table from the log alone, in a scratch database, and compare row by row.

The log and the tables are read in one snapshot, which blocks no writer. What the scratch database
is and how two rows are compared: config/scratch.py.
"""

import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connections, transaction

from assay.client import Told
from assay.errors import AssayError
from audit.claims import Difference, show_pair
from audit.history import TABLES, History, collector_paused
from config import scratch
from config.checkpoints import Tree
from ledger.errors import LogDamaged

SNAPSHOT = "replay_snapshot"
BATCH = 2000
STEP = 256  # messages between two words on how far it is
_COLUMNS = ("log_index", "raw", "item", "kind", "signer", "anchor", "cause")

# Every model is rebuilt by the fold (its row class is in TABLES), or stands here with the reason.
NOT_REPLAYED = {
    "ledger.Message": "the log itself; each column is checked against the signed bytes",
    "ledger.Checkpoint": "checked against the tree of the entries and the log's key",
    "ledger.Edge": "a cache of the tree; checked against it",
    "ledger.Lease": "who does a job now",
    "ledger.Bookmark": "how far a reader has read",
    "ledger.Blob": "an index of the store; what matters is named by messages",
    "ledger.Holder": "who sent the bytes of a blob; no message says it",
    "ledger.Upload": "a file that comes in by parts",
    "ledger.Cosignature": "a witness's signature; whoever reads it checks it",
    "ledger.Witness": "what a witness answered last",
    "licensing.BillingParty": "names and addresses on invoices: private, and in no log",
    "licensing.SearchCard": "an index of works and of what contests measured, for searches",
    "licensing.SearchRight": "an index of the terms, for searches",
    "licensing.ShareDue": "an index of pools and shares, for lists; what is paid is reckoned anew",
    "licensing.Meter": "what this site counts of metered use before it redeems the voucher",
    "licensing.MeteredRequest": "ids of paid requests, so that none is charged twice",
    "licensing.OutputRecord": "an index of files of records; each record is proved by its batch",
    "competitions.Draft": "a sponsor's work before it is published",
    "competitions.Evaluation": "who scores what now, under which lease",
    "competitions.HeldUp": "why a winner is no licensed work yet; the sweep finds it again",
    "competitions.Turn": "whose work is next",
    "competitions.Cost": "how long runs took here",
    "competitions.NormalForm": "an index of adapters by their directions; it follows from each",
    "competitions.Opening": "what commitments hold, secret; the commitments are on the log",
    "competitions.Preview": "what a worker read of a draft's files",
    "competitions.Unopened": "what seals hold, secret until the close; the seals are on the log",
    "competitions.Sealed": "the final slice before it is opened; its commitment is on the log",
    "web.ApiToken": "who is signed in now",
    "web.OneTimeCode": "who is about to sign in",
    "web.Spending": "what somebody has spent of the site's budgets: its policy, no fact",
    "auth.Permission": "Django's own",
    "auth.Group": "Django's own",
    "auth.Group_permissions": "Django's own",
    "auth.User": "sign-in to the web pages; the account is on the log",
    "auth.User_groups": "Django's own",
    "auth.User_user_permissions": "Django's own",
    "contenttypes.ContentType": "Django's own",
    "web.Session": "who is signed in now",
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


def replay(told: Told) -> Report:
    """Replay into a scratch database that is gone afterwards.

    told    hears (messages read, messages in all); the comparison of rows is not counted
    raises  ModelUnlisted
    """
    with TemporaryDirectory(prefix="assay-replay-") as folder:
        file = Path(folder) / "scratch.db"
        scratch.make(file)
        return replay_into(file, told)


def replay_into(file: Path, told: Told) -> Report:
    """Replay into an empty scratch database. told, raises: as for `replay`"""
    if odd := unlisted():
        raise ModelUnlisted(f"{', '.join(odd)} is neither replayed nor listed.", models=odd)
    began, report = time.monotonic(), Report()
    with (
        scratch.alias(SNAPSHOT, _snapshot()),
        scratch.opened(file),
        transaction.atomic(using=SNAPSHOT),
        collector_paused(),
    ):
        _replay(report, told)
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


def _replay(report: Report, told: Told) -> None:
    log = apps.get_model("ledger.Message").objects.using(SNAPSHOT)
    report.waiting = log.filter(log_index=None).count()
    if report.waiting:
        return
    history, total = History(settings.LOG_ORIGIN), log.count()
    tree = Tree(history, SNAPSHOT)
    try:
        for stored in log.order_by("log_index").values_list(*_COLUMNS).iterator(BATCH):
            if history.size % STEP == 0:
                told(history.size, total)
            _follow(history, stored)
            tree.check_at(history.size)
        told(total, total)
        tree.check_end()
    except LogDamaged as error:
        report.damage = error
    report.messages, report.checkpoints = len(history.kinds), tree.checked
    if report.damage:
        return
    scratch.fill(history.rows)
    for table in TABLES:
        report.rows += history.rows.count(table)
        found = scratch.differences(table, SNAPSHOT, history)
        report.differences += sorted(found, key=lambda one: one.row)


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


# --- the live database ------------------------------------------------------------------------


def _snapshot() -> dict[str, object]:
    """The live database, read at one moment: no locks on SQLite, repeatable read on PostgreSQL."""
    live = deepcopy(connections["default"].settings_dict)
    if connections["default"].vendor == "sqlite":
        live["OPTIONS"] = {**live["OPTIONS"], "transaction_mode": "DEFERRED"}
    else:
        level = {"isolation_level": 3}  # psycopg.IsolationLevel.REPEATABLE_READ
        live["OPTIONS"] = {**live["OPTIONS"], **level}
    return live
