"""Works: their terms, what a licence costs, and the files to download."""

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router

from licensing import queries
from licensing.api import delivery
from licensing.api.shown import (
    QuoteOut,
    WorkDetail,
    WorkOut,
    inherited_json,
    link_json,
    listing_json,
    use_json,
)
from licensing.errors import (
    MixedSchedules,
    NotForSale,
    UseDenied,
    UsesInvalid,
    WorkUnknown,
)
from licensing.rules.may import Use
from licensing.rules.search import score_e9
from web.api import Page, TokenAuth
from web.openapi import documented

DEFAULT_USES = "commercial"
SCORE = r"^(-?[0-9]{1,6}(\.[0-9]{1,9})?)?$"


def router() -> Router:
    """/works"""
    works = Router()
    works.get("", response=Page[WorkOut])(_works)
    works.get("/{work}", response=WorkDetail, openapi_extra=documented(WorkUnknown))(_work)
    refusals = (WorkUnknown, NotForSale, UsesInvalid, UseDenied, MixedSchedules)
    says = documented(*refusals, scope="read")
    works.get("/{work}/quote", response=QuoteOut, openapi_extra=says)(_quote)
    delivery.add_to(works)
    return works


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
    return {"items": [listing_json(one) for one in found.rows], "next": found.next}


def _work(request: HttpRequest, work: str) -> dict[str, object]:  # noqa: ARG001
    """One work: what its terms allow, sentence by sentence, and what it was made from."""
    found, now = queries.work(work), timezone.now()
    return {
        **listing_json(queries.listing(found, now=now)),
        "uses": [use_json(one) for one in queries.deed_of(work, now=now)],
        "tags": queries.tags_of(found),
        "inherited": inherited_json(found.inherited),
        "parents": [link_json(one) for one in queries.parents(work)],
        "children": [link_json(one) for one in queries.children(work, limit=200).rows],
    }


def _quote(request: HttpRequest, work: str, uses: str = DEFAULT_USES) -> dict[str, object]:
    """What a licence for these uses (commas between them) costs now, and who is paid.

    With a token, for its account: who has bought access does not pay for it again.
    """
    is_known = "Authorization" in request.headers
    account = TokenAuth("read")(request).account if is_known else ""
    found = queries.quote(work, uses.split(","), account=account, now=timezone.now())
    split = queries.split_of(work, found.offer.price_nano)
    return {
        "work": work,
        "uses": list(found.offer.uses),
        "terms_version": found.terms_version,
        "price_nano": str(found.offer.price_nano),
        "schedule": found.offer.schedule.value,
        "conditions": list(found.offer.conditions),
        "inherited": inherited_json(found.offer.inherited),
        "rate_e8": found.offer.rate_e8,
        "from_ms": found.offer.from_ms,
        "until_ms": found.offer.until_ms,
        "access_until_ms": found.offer.access_until_ms,
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
