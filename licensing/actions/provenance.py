"""Who made an output: records in batches."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from assay import messages, records
from ledger import blobs, log
from ledger.actions import ms, publish_blob
from ledger.queries import named_blob
from ledger.rules.accounts import Account
from ledger.rules.entry import Entry
from licensing import errors, queries
from licensing.models import OutputBatch, OutputRecord
from licensing.rules.fold import licensing


def record_outputs(order: Entry, *, now: datetime) -> OutputBatch:
    """Record the outputs of a `provenance.record` order; their file is public from then on.

    returns  the batch; the same order again gives the same batch
    raises   WorkUnknown, RecordingRefused, RecordsDiffer, RecordInvalid, BlobUnknown
    """
    asked: messages.ProvenanceRecord = order.body
    named_blob(asked.records, account=order.actor, is_claimed=True)
    lines = records.lines_in(blobs.read(asked.records, limit_bytes=records.MOST_FILE_BYTES))
    outputs = [_made_with(line, place, asked) for place, line in enumerate(lines)]
    if (records.root_of(lines), len(lines)) != (asked.root, asked.size):
        reason = "its root or its size is another one"
        raise errors.RecordsDiffer(f"The file is not that: {reason}.", reason=reason)
    return _record_batch(order, outputs, now=now)


def _made_with(line: bytes, place: int, asked: messages.ProvenanceRecord) -> str:
    """The hash of the output of one record. raises RecordInvalid, RecordsDiffer"""
    one = records.read_line(line, place)
    if (one.work, one.licence) != (asked.work, asked.licence or ""):
        reason = f"record {place} names another work or licence"
        raise errors.RecordsDiffer(f"The file is not that: {reason}.", reason=reason)
    return one.output


@transaction.atomic
def _record_batch(order: Entry, outputs: list[str], *, now: datetime) -> OutputBatch:
    asked: messages.ProvenanceRecord = order.body
    log.Tables().lock(Account, [order.actor])
    if log.find(order.id):
        return queries.output_batch(order.id)
    told = (asked.root, asked.size, asked.records, asked.licence or "", ms(now))
    fact = messages.ProvenanceRecorded(order.id, asked.work, order.actor, *told)
    log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
    publish_blob(asked.records, now=now)
    index_outputs(order.id, outputs)
    return queries.output_batch(order.id)


def index_outputs(batch: str, outputs: Sequence[str]) -> None:
    """Write down where each output of a batch is found; again, nothing is added."""
    at_ms = queries.output_batch(batch).at_ms
    rows = [
        OutputRecord(id=f"{batch}/{place}", output=one, batch=batch, place=place, at_ms=at_ms)
        for place, one in enumerate(outputs)
    ]
    OutputRecord.objects.bulk_create(rows, ignore_conflicts=True)
