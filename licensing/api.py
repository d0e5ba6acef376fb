"""The rights' part of the API: works and their terms, quotes, licences, royalties, and orders."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from types import MappingProxyType

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from ninja import Query, Router, Schema

from evaluator.registry import show_score
from ledger.api import Order
from ledger.api.files import Served, sent
from ledger.rules.entry import Entry
from licensing import actions, queries
from licensing.models import Grant
from licensing.rules.deed import Clause
from licensing.rules.may import Denied, Granted, Priced, Use
from licensing.rules.search import score_e9
from web import auth
from web.api import Page, TokenAuth
from web.receipts import receipt_url

DEFAULT_USES = "commercial"
SCORE = r"^(-?[0-9]{1,6}(\.[0-9]{1,9})?)?$"


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
    is_offered: bool
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
    """What the terms answer to one use: granted, priced, denied with its reason."""

    use: str
    answer: str
    sentence: str
    reason: str = ""
    amount_nano: str = ""
    schedule: str = ""
    currency: str = ""
    conditions: list[str] = []
    rate_e8: int = 0
    until_ms: int


class LinkOut(Schema):
    """A parent or child; rate_e8: what the parent takes of sales, parts per 10^8."""

    work: str
    title: str
    rate_e8: int


class WorkDetail(WorkOut):
    """A work with its deed, raw tags and lineage."""

    uses: list[UseOut]
    tags: list[tuple[str, str]]
    parents: list[LinkOut]
    children: list[LinkOut]


class FileOut(Schema):
    """A file and its bytes. sha256: 64 hex digits."""

    name: str
    size_bytes: int
    sha256: str


class DownloadOut(FileOut):
    """What can be downloaded of a work, from `url`. files: what is inside, when it is a ZIP."""

    work: str
    kind: str
    url: str
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
    until_ms: int
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


def routers() -> list[tuple[str, Router]]:
    """(prefix, router) of everything that this room answers."""
    works = Router()
    works.get("", response=Page[WorkOut])(_works)
    works.get("/{work}", response=WorkDetail)(_work)
    works.get("/{work}/quote", response=QuoteOut)(_quote)
    works.get("/{work}/download", response=DownloadOut)(_download)
    works.get("/{work}/folder.zip")(_folder)
    licences = Router()
    licences.get("", response=Page[LicenceOut], auth=TokenAuth("read"))(_licences)
    licences.get("/{grant}", response=LicenceOut)(_licence)
    royalties = Router()
    royalties.get("", response=list[DueOut], auth=TokenAuth("read"))(_royalties)
    return [("/works", works), ("/licences", licences), ("/royalties", royalties)]


def _buy(entry: Entry, now: datetime) -> dict[str, object]:
    return _licence_json(actions.buy_licence(entry, now=now), now)


def _draw(entry: Entry, now: datetime) -> dict[str, object]:
    amount_nano = actions.draw_royalty(entry, now=now)
    return {"work": entry.body.work, "payee": entry.actor, "amount_nano": str(amount_nano)}


def _register(entry: Entry, now: datetime) -> dict[str, object]:
    return {"work": actions.register_work(entry, now=now), "owner": entry.actor}


ORDERS: Mapping[str, Order] = MappingProxyType(
    {"licence.buy": _buy, "royalty.draw": _draw, "work.register": _register}
)


def _works(  # noqa: PLR0913, PLR0917 - each is a field of the address
    request: HttpRequest,  # noqa: ARG001
    q: str = Query("", max_length=200),
    kind: str = Query("", pattern="^(base|data|adapter)?$"),
    owner: str = Query("", max_length=120),
    base: str = Query("", max_length=120),
    task: str = Query("", max_length=40),
    metric: str = Query("", max_length=40),
    use: str = Query("", pattern=f"^({'|'.join(Use)})?$"),
    min_score: str = Query("", pattern=SCORE),
    max_score: str = Query("", pattern=SCORE),
    after: str = Query("", max_length=120),
    limit: int = Query(50, ge=1, le=200),
) -> dict[str, object]:
    """The works whose licences are sold, newest first; `after` is the `next` of the page before.

    task, metric and score are those of the contest that an adapter won; use: what the terms give.
    """
    least_e9, most_e9 = (score_e9(one) if one else None for one in (min_score, max_score))
    wanted = queries.Wanted(q, kind, owner, base, task, metric, use, least_e9, most_e9)
    found = queries.offers(wanted, after=after, limit=limit, now=timezone.now())
    return {"items": [_listing_json(one) for one in found.rows], "next": found.next}


def _work(request: HttpRequest, work: str) -> dict[str, object]:  # noqa: ARG001
    """One work: what its terms allow, sentence by sentence, and what it was made from."""
    found, now = queries.work(work), timezone.now()
    return {
        **_listing_json(queries.listing(found, now=now)),
        "uses": [_use_json(one) for one in queries.deed_of(work, now=now)],
        "tags": queries.tags_of(found),
        "parents": [_link_json(one) for one in queries.parents(work)],
        "children": [_link_json(one) for one in queries.children(work, limit=200).rows],
    }


def _download(request: HttpRequest, work: str) -> dict[str, object]:  # noqa: ARG001
    """What can be downloaded of a work: an adapter as a folder for peft, data as its file."""
    found = queries.download(work)
    told = {name: getattr(found, name) for name in ("name", "kind", "size_bytes", "sha256")}
    names = ("name", "size_bytes", "sha256")
    files = [dict(zip(names, one, strict=True)) for one in found.files]
    return {**told, "work": work, "url": found.path, "files": files}


def _folder(request: HttpRequest, work: str) -> HttpResponseBase:
    """The folder of an adapter as a ZIP that is the same every time; `Range` gives a part of it."""
    found = queries.download(work)
    whole = queries.folder_pieces(work)
    file = Served(found.sha256, found.size_bytes)
    response = sent(request, file, lambda span: _part_of(whole, *span), keeps="no-cache")
    response.headers["Content-Disposition"] = f'attachment; filename="{found.name}"'
    response.headers["Content-Type"] = "application/zip"
    return response


def _part_of(pieces: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    """The bytes from `start` to before `end` of what comes piece by piece."""
    place = 0
    for piece in pieces:
        part = piece[max(start - place, 0) : max(end - place, 0)]
        place += len(piece)
        if part:
            yield part
        if place >= end:
            return


def _quote(request: HttpRequest, work: str, uses: str = DEFAULT_USES) -> dict[str, object]:
    """What a licence for these uses (commas between them) costs now, and who is paid.

    With a token, for its account: who has bought access does not pay for it again.
    """
    is_known = "Authorization" in request.headers
    account = TokenAuth("read")(request).account if is_known else ""
    found = queries.quote(work, uses.split(","), account=account, now=timezone.now())
    split = queries.split_of(work, found.price.price_nano)
    return {
        "work": work,
        "uses": list(found.price.uses),
        "terms_version": found.terms_version,
        "price_nano": str(found.price.price_nano),
        "schedule": found.price.schedule.value,
        "conditions": list(found.price.conditions),
        "until_ms": found.price.until_ms,
        "fee_nano": str(split.fee_nano),
        "split": [
            {
                "payee": one.payee,
                "role": one.role,
                "work": one.work.id,
                "amount_nano": str(one.amount_nano),
            }
            for one in split.contributors
        ],
        "held_nano": str(split.held_nano),
        "held": [one.id for one in found.held],
        "renews": found.renews,
    }


def _licences(
    request: HttpRequest,
    after: str = Query("", max_length=120),
    limit: int = Query(50, ge=1, le=200),
) -> dict[str, object]:
    """The licences of the caller, newest first; `after` is the `next` of the page before."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    found, now = queries.grants_of(caller.account, after=after, limit=limit), timezone.now()
    return {"items": [_licence_json(one, now) for one in found.rows], "next": found.next}


def _licence(request: HttpRequest, grant: str) -> dict[str, object]:  # noqa: ARG001
    """What a licence allows, to whom, until when, and its signed text."""
    return _licence_json(queries.grant(grant), timezone.now())


def _royalties(request: HttpRequest) -> list[dict[str, object]]:
    """What is due to the caller, work by work, the largest amount first."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    return [
        {
            "work": one.work.id,
            "title": one.work.title,
            "weight": one.weight,
            "drawn_nano": str(one.drawn_nano),
            "due_nano": str(one.due_nano),
        }
        for one in queries.royalties(caller.account)
    ]


def _listing_json(listing: queries.Listing) -> dict[str, object]:
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
        "is_offered": work.is_offered,
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


def _use_json(clause: Clause) -> dict[str, object]:
    answer = clause.answer
    told: dict[str, object] = {
        "use": clause.use.value,
        "answer": type(answer).__name__.lower(),
        "sentence": clause.sentence,
        "until_ms": clause.until_ms,
    }
    if isinstance(answer, Denied):
        return {**told, "reason": answer.reason}
    told["conditions"] = [one.value for one in answer.conditions]
    if isinstance(answer, Granted):
        return {**told, "rate_e8": answer.rate_e8}
    assert isinstance(answer, Priced)
    amount = {"amount_nano": str(answer.amount_nano), "currency": answer.currency}
    return {**told, **amount, "schedule": answer.schedule.value}


def _link_json(link: queries.Link) -> dict[str, object]:
    return {"work": link.work.id, "title": link.work.title, "rate_e8": link.rate_e8}


def _licence_json(grant: Grant, now: datetime) -> dict[str, object]:
    return {
        "grant": grant.id,
        "work": grant.work,
        "terms_version": grant.terms_version,
        "uses": list(grant.uses),
        "holder": grant.holder,
        "price_nano": str(grant.price_nano),
        "from_ms": grant.from_ms,
        "until_ms": grant.until_ms,
        "state": queries.state_of(grant, now=now),
        "jws": grant.jws,
        "message": grant.message,
        "receipt_url": receipt_url(grant.message),
        "message_url": f"/log/entry/{grant.message}",
    }
