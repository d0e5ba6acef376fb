"""Reading the rights: works, deeds, quotes, lineage, pools, grants. Nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from ledger import log
from ledger.queries import balance_nano
from licensing import errors
from licensing.models import Edge, Grant, PoolShare, TermsVersion, Work
from licensing.rules import catalogue, sale
from licensing.rules.deed import Clause, deed
from licensing.rules.lineage import due, edges_above
from licensing.rules.may import Use
from licensing.rules.parents import check_parent, needed_use
from licensing.rules.pricing import Price, price
from licensing.rules.reading import read_own
from licensing.rules.rows import Work as WorkRow
from licensing.rules.rows import pool_of, terms_key
from licensing.rules.royalty import Sale, share_sale
from licensing.rules.terms import Tag


@dataclass(frozen=True)
class Quote:
    """What a licence would cost this account now, and who would get how much of it.

    shares  work -> nano-tokens; shares of the sale before anybody draws. Nothing is written
    """

    work: WorkRow
    price: Price
    terms_version: int
    shares: Sale


@dataclass(frozen=True)
class Due:
    """What an account can draw from the pool of one work."""

    work: Work
    weight: int
    drawn_nano: int
    due_nano: int


def works(*, kind: str = "", owner: str = "") -> QuerySet[Work]:
    """Works, newest first."""
    wanted = {name: value for name, value in (("kind", kind), ("owner", owner)) if value}
    return Work.objects.filter(**wanted).order_by("-registered_ms", "id")


def offers() -> QuerySet[Work]:
    """Adapters whose licences are sold, newest first."""
    return works(kind="adapter").filter(is_offered=True, state="live")


def work(work_id: str) -> Work:
    """raises WorkUnknown"""
    found = Work.objects.filter(pk=work_id).first()
    if found is None:
        raise errors.WorkUnknown(f"No work {work_id[:16]} is registered.", work=work_id)
    return found


def has_work(work_id: str) -> bool:
    return Work.objects.filter(pk=work_id).exists()


def tags_of(work_id: str) -> list[Tag]:
    """The licence tags that hold now, as they were given. raises WorkUnknown"""
    key = terms_key(work_id, work(work_id).terms_version)
    return [(name, value) for name, value in TermsVersion.objects.get(pk=key).tags]


def deed_of(work_id: str, *, now: datetime) -> tuple[Clause, ...]:
    """The terms in sentences, one per use. raises WorkUnknown"""
    rows = log.Tables()
    found = catalogue.work_of(work_id, rows)
    reading = catalogue.reading_of(found, rows)
    return deed(reading, registered_ms=found.registered_ms, now_ms=_ms(now))


def quote(work_id: str, uses: Sequence[str], *, account: str, now: datetime) -> Quote:
    """What these uses cost now. account: the buyer, or "" for a visitor.

    raises WorkUnknown, NotForSale, UsesInvalid, UseDenied, MixedSchedules
    """
    rows, at_ms = log.Tables(), _ms(now)
    found = catalogue.work_of(work_id, rows)
    sale.check_for_sale(found)
    has_access = catalogue.may_use(Use.COPY, work_id, account, rows=rows, at_ms=at_ms)
    reading = catalogue.reading_of(found, rows)
    asked = price(found, reading, uses, now_ms=at_ms, has_access=has_access)
    shares = share_sale(
        work_id, asked.price_nano, links_above(work_id), fee_e8=sale.SALE_FEE_E8, payment_id=""
    )
    return Quote(found, asked, found.terms_version, shares)


def links_above(work_id: str) -> Mapping[str, Mapping[str, int]]:
    """All links reachable upward from a work: child -> parent -> rate_e8; a query per level."""
    links: dict[str, dict[str, int]] = {}
    level = {work_id}
    while level:
        links |= {child: {} for child in level}
        for edge in Edge.objects.filter(child__in=level):
            links[edge.child][edge.parent] = edge.rate_e8
        level = {parent for child in level for parent in links[child]} - set(links)
    return links


def lineage(work_id: str) -> QuerySet[Edge]:
    """Every edge above a work, each once."""
    keys = [f"{child}/{parent}" for child, parent, _ in edges_above(work_id, links_above(work_id))]
    return Edge.objects.filter(pk__in=keys).order_by("child", "parent")


def due_above(work_id: str) -> Mapping[str, int]:
    """ancestor -> parts per 10^8 of every sale of the work."""
    return due(work_id, links_above(work_id))


def payees(work_id: str) -> QuerySet[PoolShare]:
    """Who is paid from a work's own pool."""
    return PoolShare.objects.filter(work=work_id).order_by("payee")


def pool_nano(work_id: str) -> int:
    """What lies in a work's pool, not yet drawn. raises AccountUnknown"""
    return balance_nano(pool_of(work_id))


def royalties(account: str) -> list[Due]:
    """What an account can draw, work by work."""
    rows = log.Tables()
    shares = PoolShare.objects.filter(payee=account).order_by("work")
    found = Work.objects.in_bulk([share.work for share in shares])
    return [
        Due(
            work=found[share.work],
            weight=share.weight,
            drawn_nano=share.drawn_nano,
            due_nano=sale.due_from_pool(share.work, rows)[account],
        )
        for share in shares
    ]


def grant(grant_id: str) -> Grant:
    """raises GrantUnknown"""
    found = Grant.objects.filter(pk=grant_id).first()
    if found is None:
        raise errors.GrantUnknown(f"No licence {grant_id[:16]} was granted.", grant=grant_id)
    return found


def grants(*, holder: str = "", work_id: str = "") -> QuerySet[Grant]:
    """Licences, newest first."""
    wanted = {name: value for name, value in (("holder", holder), ("work", work_id)) if value}
    return Grant.objects.filter(**wanted).order_by("-from_ms", "id")


def check_parents(
    tags: Sequence[Tag], parents: Sequence[str], *, owner: str, now: datetime
) -> Mapping[str, int]:
    """Could a work under these tags be made from these parents now? For a door to ask early.

    returns  parent -> rate_e8 that the link would take
    raises   TermsRefused, LineageRefused
    """
    terms, rows, at_ms = read_own(tags), log.Tables(), _ms(now)
    rates = {}
    for parent_id in sorted(parents):
        parent = rows.get(WorkRow, parent_id)
        if parent is None:
            message = f"No work {parent_id[:16]} is registered."
            raise errors.ParentUnknown(message, parent=parent_id)
        use = needed_use(parent)
        has_grant = catalogue.may_use(use, parent_id, owner, rows=rows, at_ms=at_ms)
        reading = catalogue.reading_of(parent, rows)
        rates[parent_id] = check_parent(terms, parent, reading, at_ms=at_ms, has_grant=has_grant)
    return rates


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)
