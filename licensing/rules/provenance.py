"""Who may say that outputs were made with a work, and what of it stays on the log."""

import re

from assay import messages
from assay.records import MOST_RECORDS
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of
from licensing import errors
from licensing.rules import catalogue
from licensing.rules.may import Use
from licensing.rules.offer import gives, offer
from licensing.rules.rows import Grant, OutputBatch

_SHA256 = re.compile(r"[0-9a-f]{64}")


def recorded(entry: Entry, rows: Rows) -> None:
    """The fold of `provenance.recorded`. raises WorkUnknown, RecordingRefused, MessageRefused"""
    body: messages.ProvenanceRecorded = entry.body
    order = need_order(entry, "provenance.record")
    asked: messages.ProvenanceRecord = order.body
    account, licence = actor_of(order, rows), asked.licence or ""
    if rows.get(OutputBatch, order.id):
        raise refused(entry, "the order was answered already")
    told = (body.batch, body.account, body.work, body.root, body.size, body.records, body.licence)
    wanted = (order.id, account, asked.work, asked.root, asked.size, asked.records, licence)
    if told != wanted:
        raise refused(entry, "it says something else than its order")
    if not (_SHA256.fullmatch(asked.root) and _SHA256.fullmatch(asked.records)):
        raise refused(entry, "root or file is no SHA-256")
    if not 1 <= asked.size <= MOST_RECORDS:
        raise refused(entry, f"a batch has 1 to {MOST_RECORDS} records")
    check_user(asked.work, licence, account, rows, at_ms=body.at_ms)
    rows.put(
        OutputBatch(
            id=order.id,
            work=body.work,
            account=account,
            licence=licence,
            root=body.root,
            size=body.size,
            records=body.records,
            at_ms=body.at_ms,
            message=entry.id,
        )
    )


def check_user(work: str, licence: str, account: str, rows: Rows, *, at_ms: int) -> None:
    """That the account uses the work by right: as its owner, by a licence, or by free terms.

    raises WorkUnknown, RecordingRefused
    """
    found = catalogue.work_of(work, rows)
    if licence:
        grant = rows.get(Grant, licence)
        is_theirs = grant is not None and (grant.work, grant.holder) == (work, account)
        if grant is None or not is_theirs or not _stands(grant, at_ms):
            message = f"{account} holds no licence {licence[:16]} of this work now."
            raise errors.RecordingRefused(message, work=work, licence=licence)
        return
    given = offer(catalogue.subject(found, rows), [Use.COPY.value], now_ms=at_ms)
    if account != found.owner and given.answer != "granted":
        message = f"{found.title} is used under a licence: name yours."
        raise errors.RecordingRefused(message, work=work, licence="")


def _stands(grant: Grant, at_ms: int) -> bool:
    return any(gives(grant, use, at_ms=at_ms) for use in grant.uses)
