"""Looking outputs up: who recorded them, when, and the proof from record to log."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.db.models import Count, Min, Q

from assay import records
from ledger import blobs
from ledger import queries as record
from licensing import errors
from licensing.models import OutputBatch, OutputRecord, Work
from licensing.queries.works import works_of

MOST = 50


@dataclass(frozen=True)
class Output:
    """One record of an output. line: the record as it was hashed; path: from it to the root."""

    batch: OutputBatch
    work: Work
    place: int
    line: bytes
    record: records.Record
    path: tuple[str, ...]


@dataclass(frozen=True)
class Outputs:
    """A page of records, the first claim first. next: where the following page begins"""

    found: list[Output]
    next: str


def output_batch(batch: str) -> OutputBatch:
    """raises BatchUnknown"""
    found = OutputBatch.objects.filter(pk=batch).first()
    if found is None:
        raise errors.BatchUnknown(f"No batch {batch[:16]} is recorded.", batch=batch)
    return found


def outputs(hashes: Collection[str], *, after: str = "", limit: int = MOST) -> Outputs:
    """The records of outputs with one of these hashes, the oldest first.

    A batch whose file was withdrawn is left out: nothing of it can be proved.
    """
    rows = OutputRecord.objects.filter(output__in=hashes)
    begun = OutputRecord.objects.filter(pk=after).first() if after else None
    if begun is not None:
        later = Q(at_ms=begun.at_ms, id__gt=begun.id) | Q(at_ms__gt=begun.at_ms)
        rows = rows.filter(later)
    listed = list(rows.order_by("at_ms", "id")[: limit + 1])
    shown = listed[:limit]
    batches = OutputBatch.objects.in_bulk({one.batch for one in shown})
    works = works_of({one.work for one in batches.values()})
    files = record.public_blobs({one.records for one in batches.values()})
    found = [
        _output(batches[one.batch], works, one.place)
        for one in shown
        if batches[one.batch].records in files
    ]
    return Outputs(found, shown[-1].pk if len(listed) > limit else "")


def recorded(work: str, hashes: Sequence[str]) -> list[dict[str, object]]:
    """How often each output is recorded as made with a work, and when first, in this order."""
    batches = OutputBatch.objects.filter(work=work)
    rows = OutputRecord.objects.filter(output__in=hashes, batch__in=batches.values("pk"))
    counted = rows.values_list("output").annotate(count=Count("id"), first_ms=Min("at_ms"))
    found = {output: (count, first_ms) for output, count, first_ms in counted.order_by()}
    told = [(one, *found.get(one, (0, 0))) for one in hashes]
    return [dict(zip(("hash", "records", "first_ms"), one, strict=True)) for one in told]


def _output(batch: OutputBatch, works: dict[str, Work], place: int) -> Output:
    lines = _lines(batch.records)
    line = lines[place]
    path = tuple(records.path_of(lines, place))
    return Output(batch, works[batch.work], place, line, records.read_line(line, place), path)


@lru_cache(maxsize=8)
def _lines(name: str) -> tuple[bytes, ...]:
    """The lines of a file of records: its bytes are named by their hash, so they never change."""
    raw = blobs.read(name, limit_bytes=records.MOST_FILE_BYTES)
    return tuple(records.lines_in(raw))
