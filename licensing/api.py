"""The rights' part of the API: works and their terms, quotes, licences, royalties, and orders."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router, Schema

from ledger.api import Order
from ledger.rules.entry import Entry
from licensing import actions, queries
from licensing.models import Grant, Work
from licensing.rules.deed import Clause
from licensing.rules.may import Denied, Granted, Priced
from web import auth
from web.api import Page, TokenAuth, page
from web.receipts import receipt_url

DEFAULT_USES = "commercial"


class WorkOut(Schema):
    """A work as a list shows it; price_nano: of commercial use, empty when it is not given."""

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


class PartOut(Schema):
    """What one payee gets of a sale."""

    payee: str
    role: str
    work: str
    amount_nano: str


class QuoteOut(Schema):
    """What a licence costs now: price = fee + split + held (rounding, kept in the pools)."""

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
    licences = Router()
    licences.get("", response=Page[LicenceOut], auth=TokenAuth())(_licences)
    licences.get("/{grant}", response=LicenceOut)(_licence)
    royalties = Router()
    royalties.get("", response=list[DueOut], auth=TokenAuth())(_royalties)
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
    owner: str = "",
    after: int = Query(0, ge=0, le=10**8),
    limit: int = Query(50, ge=1, le=200),
) -> dict[str, object]:
    """The works whose licences are sold, newest first; `after` is how many to pass over."""
    found = queries.offers(kind=kind, text=q)
    if owner:
        found = found.filter(owner=owner)
    shown = queries.listings(list(found[after : after + limit + 1]), now=timezone.now())
    items = [_work_json(one.work, one.price_nano) for one in shown]
    return page(items, cursor=lambda _: str(after + limit), limit=limit)


def _work(request: HttpRequest, work: str) -> dict[str, object]:  # noqa: ARG001
    """One work: what its terms allow, sentence by sentence, and what it was made from."""
    found, now = queries.work(work), timezone.now()
    listing = queries.listings([found], now=now)[0]
    return {
        **_work_json(found, listing.price_nano),
        "uses": [_use_json(one) for one in queries.deed_of(work, now=now)],
        "tags": queries.tags_of(work),
        "parents": [_link_json(one) for one in queries.parents(work)],
        "children": [_link_json(one) for one in queries.children(work, limit=200)],
    }


def _quote(request: HttpRequest, work: str, uses: str = DEFAULT_USES) -> dict[str, object]:
    """What a licence for these uses (commas between them) costs now, and who is paid.

    With a token, for its account: who has bought access does not pay for it again.
    """
    is_known = "Authorization" in request.headers
    account = TokenAuth()(request).account if is_known else ""
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
    }


def _licences(
    request: HttpRequest,
    after: int = Query(0, ge=0, le=10**8),
    limit: int = Query(50, ge=1, le=200),
) -> dict[str, object]:
    """The licences of the caller, newest first."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    shown = list(queries.grants(holder=caller.account)[after : after + limit + 1])
    now = timezone.now()
    items = [_licence_json(one, now) for one in shown]
    return page(items, cursor=lambda _: str(after + limit), limit=limit)


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


def _work_json(work: Work, price_nano: int | None) -> dict[str, object]:
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
