"""Who made an output: the look-up by hash or by text, with proof; and the order that records."""

from datetime import datetime
from hashlib import sha256

from django.http import HttpRequest
from ninja import Query, Router, Schema

from ledger.rules.entry import Entry
from licensing import actions, queries
from licensing.api import metered
from licensing.errors import BatchUnknown, HashInvalid
from licensing.models import OutputBatch
from web.openapi import documented
from web.receipts import receipt_url

MOST_TEXT = 4000
HASH = r"^([0-9a-f]{64})?$"


class BatchOut(Schema):
    """Outputs recorded together. root: RFC 6962, over the lines of the file `records_url`.

    licence: the grant; empty where the terms ask for none, and for the work's owner
    """

    batch: str
    work: str
    title: str
    account: str
    licence: str
    root: str
    size: int
    records: str
    records_url: str
    at_ms: int
    message: str
    order_url: str
    receipt_url: str


class OutputOut(BatchOut):
    """An output's record. `path`, nearest first, leads from the leaf of `line` at `place` to root.

    line: the bytes as they were hashed, canonical JSON in the names of ANS-112
    said_ms: when it was made, by its maker's clock; at_ms: when the log took the batch
    """

    place: int
    line: str
    path: list[str]
    output: str
    prompt: str
    model: str
    made_for: str
    said_ms: int


class OutputsOut(Schema):
    """A page of records, the first claim first. hash: what was looked up."""

    hash: str
    items: list[OutputOut]
    next: str


def router() -> Router:
    """/v1/rail"""
    rail = Router()
    says = documented(HashInvalid)
    rail.get("/lookup", response=OutputsOut, openapi_extra=says)(_lookup)
    metered.add_to(rail)
    says = documented(BatchUnknown)
    rail.get("/batches/{batch}", response=BatchOut, openapi_extra=says)(_batch)
    return rail


def _lookup(
    request: HttpRequest,  # noqa: ARG001
    hash: str = Query("", pattern=HASH),
    text: str = Query("", max_length=MOST_TEXT),
    after: str = Query("", max_length=120),
    limit: int = Query(queries.MOST_OUTPUTS, ge=1, le=queries.MOST_OUTPUTS),
) -> dict[str, object]:
    """Who recorded an output, by its SHA-256 or by its whole text; each with the proof.

    The text is hashed as it is given, and forgotten. Anybody may ask, for nothing.
    """
    if bool(hash) == bool(text):
        raise HashInvalid("Give either `hash` or `text`.")
    wanted = hash or sha256(text.encode(errors="surrogatepass")).hexdigest()
    found = queries.outputs([wanted], after=after, limit=limit)
    items = [_output_json(one) for one in found.found]
    return {"hash": wanted, "items": items, "next": found.next}


def _batch(request: HttpRequest, batch: str) -> dict[str, object]:  # noqa: ARG001
    """One batch of records: who recorded how many outputs of which work."""
    found = queries.output_batch(batch)
    return _batch_json(found, queries.work(found.work).title)


def record(entry: Entry, now: datetime) -> dict[str, object]:
    """The answer to a `provenance.record` order."""
    found = actions.record_outputs(entry, now=now)
    return {"batch": found.pk, "size": found.size, "root": found.root}


def _output_json(one: queries.Output) -> dict[str, object]:
    told = one.record
    return {
        **_batch_json(one.batch, one.work.title),
        "place": one.place,
        "line": one.line.decode(),
        "path": list(one.path),
        "output": told.output,
        "prompt": told.prompt,
        "model": told.model,
        "made_for": told.made_for,
        "said_ms": told.at_ms,
    }


def _batch_json(one: OutputBatch, title: str) -> dict[str, object]:
    names = ("work", "account", "licence", "root", "size", "records", "at_ms", "message")
    return {
        **{name: getattr(one, name) for name in names},
        "batch": one.pk,
        "title": title,
        "records_url": f"/api/blobs/{one.records}",
        "order_url": f"/log/entry/{one.pk}",
        "receipt_url": receipt_url(one.pk),
    }
