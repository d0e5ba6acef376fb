"""What the API tells of works, quotes, licences and dues."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from ninja import Schema

from evaluator.registry import show_score
from licensing import queries
from licensing.models import Grant
from licensing.rules.deed import Clause
from licensing.rules.terms import OUR_CURRENCY
from web.receipts import receipt_url


class WorkOut(Schema):
    """A work as a list shows it; price_nano: of commercial use, empty when it is not given.

    From `competition` on: what a contest measured on its final slice; empty for other works.
    """

    id: str
    kind: str
    title: str
    owner: str
    registered_ms: int
    terms_version: int
    state: str
    content: str
    licence: str
    price_nano: str
    message: str
    competition: str
    entry: str
    base: str
    task: str
    metric: str
    score: str
    score_low: str
    score_high: str
    baseline: str


class UseOut(Schema):
    """What the terms answer to one use: granted, priced, denied with its reason.

    amount_nano: for the use by itself; price_nano: with the access that it needs.
    """

    use: str
    answer: str
    sentence: str
    reason: str = ""
    amount_nano: str = ""
    price_nano: str = ""
    schedule: str = ""
    currency: str = ""
    conditions: list[str] = []
    rate_e8: int = 0
    until_ms: int


class ObligationOut(Schema):
    """What whoever uses a work owes to one above it; owes: a condition, or `licence:` and SPDX."""

    work: str
    owes: str


class LinkOut(Schema):
    """A parent or child; rate_e8: what the parent takes of sales, parts per 10^8."""

    work: str
    title: str
    rate_e8: int


class WorkDetail(WorkOut):
    """A work with its deed, raw tags and lineage."""

    uses: list[UseOut]
    tags: list[tuple[str, str]]
    inherited: list[ObligationOut]
    parents: list[LinkOut]
    children: list[LinkOut]


class FileOut(Schema):
    """A file and its bytes. sha256: 64 hex digits."""

    name: str
    size_bytes: int
    sha256: str


class DownloadOut(FileOut):
    """What can be downloaded of a work, from `url`. files: what is inside, when it is a ZIP.

    is_gated: only who holds a licence gets it, by a signature at `url`
    """

    work: str
    kind: str
    url: str
    is_gated: bool
    files: list[FileOut]


class PartOut(Schema):
    """What one payee gets of a sale."""

    payee: str
    role: str
    work: str
    amount_nano: str


class QuoteOut(Schema):
    """What a licence costs now: price = fee + split + held_nano (rounding, kept in the pools).

    held: licences of the caller for one of these uses. Who buys again names one as `beside`.
    renews: the caller's newest licence for them that has ended: an order of each period its own.
    """

    work: str
    uses: list[str]
    terms_version: int
    price_nano: str
    schedule: str
    conditions: list[str]
    inherited: list[ObligationOut]
    rate_e8: int
    from_ms: int
    until_ms: int
    access_until_ms: int
    fee_nano: str
    split: list[PartOut]
    held_nano: str
    held: list[str]
    renews: str


class LicenceOut(Schema):
    """A licence. jws: the grant, signed by the operator; message: the fact that granted it."""

    grant: str
    work: str
    terms_version: int
    uses: list[str]
    holder: str
    price_nano: str
    from_ms: int
    until_ms: int
    access_until_ms: int
    state: str
    jws: str
    message: str
    receipt_url: str
    message_url: str


class DueOut(Schema):
    """What a pool holds for the caller. weight: of the caller among the payees."""

    work: str
    title: str
    weight: int
    drawn_nano: str
    due_nano: str


def listing_json(listing: queries.Listing) -> dict[str, object]:
    work, card, price_nano = listing.work, listing.card, listing.price_nano
    figures = (card.score_e9, card.low_e9, card.high_e9, card.baseline_e9)
    score, low, high, baseline = ("" if one is None else show_score(one) for one in figures)
    return {
        "id": work.id,
        "kind": work.kind,
        "title": work.title,
        "owner": work.owner,
        "registered_ms": work.registered_ms,
        "terms_version": work.terms_version,
        "state": work.state,
        "content": work.content,
        "licence": work.licence,
        "price_nano": "" if price_nano is None else str(price_nano),
        "message": work.message,
        "competition": card.competition,
        "entry": card.entry,
        "base": card.base,
        "task": card.evaluator,
        "metric": card.metric,
        "score": score,
        "score_low": low,
        "score_high": high,
        "baseline": baseline,
    }


def use_json(clause: Clause) -> dict[str, object]:
    given = clause.offer
    told: dict[str, object] = {
        "use": clause.use.value,
        "answer": given.answer,
        "sentence": clause.sentence,
        "until_ms": clause.until_ms,
    }
    if given.reason:
        return {**told, "reason": given.reason}
    told |= {"conditions": list(given.conditions), "rate_e8": given.rate_e8}
    if given.answer == "granted":
        return told
    amount_nano, price_nano = str(clause.asks.amount_nano), str(given.price_nano)
    amounts = {"amount_nano": amount_nano, "price_nano": price_nano, "currency": OUR_CURRENCY}
    return {**told, **amounts, "schedule": given.schedule.value}


def inherited_json(inherited: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    return [{"work": work, "owes": owes} for work, owes in inherited]


def link_json(link: queries.Link) -> dict[str, object]:
    return {"work": link.work.id, "title": link.work.title, "rate_e8": link.rate_e8}


def licence_json(grant: Grant, now: datetime) -> dict[str, object]:
    return {
        "grant": grant.id,
        "work": grant.work,
        "terms_version": grant.terms_version,
        "uses": list(grant.uses),
        "holder": grant.holder,
        "price_nano": str(grant.price_nano),
        "from_ms": grant.from_ms,
        "until_ms": grant.until_ms,
        "access_until_ms": grant.access_until_ms,
        "state": queries.state_of(grant, now=now),
        "jws": grant.jws,
        "message": grant.message,
        "receipt_url": receipt_url(grant.message),
        "message_url": f"/log/entry/{grant.message}",
    }
