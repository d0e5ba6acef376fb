"""Reading works: what they are, what their terms say, what they were made from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from ledger import log
from licensing import errors
from licensing.models import DueAbove, Edge, PoolShare, SearchCard, Work
from licensing.rules import catalogue
from licensing.rules.deed import Clause, deed, obligation
from licensing.rules.fold import bonds_of, check_lineage
from licensing.rules.lineage import edges_above
from licensing.rules.may import Use
from licensing.rules.reading import read_own
from licensing.rules.rows import TermsVersion, pool_of, terms_key
from licensing.rules.terms import Tag


@dataclass(frozen=True)
class Link:
    """One step of a work's lineage. work: the one at the other end."""

    work: Work
    rate_e8: int


def works(*, kind: str = "", owner: str = "") -> QuerySet[Work]:
    """Works, newest first."""
    wanted = {name: value for name, value in (("kind", kind), ("owner", owner)) if value}
    return Work.objects.filter(**wanted).order_by("-registered_ms", "id")


def work(work_id: str) -> Work:
    """raises WorkUnknown"""
    found = Work.objects.filter(pk=work_id).first()
    if found is None:
        raise errors.WorkUnknown(f"No work {work_id[:16]} is registered.", work=work_id)
    return found


def card_of(work_id: str) -> SearchCard | None:
    """What lists know of a work besides its row: for a contest's winner, how it was measured."""
    return SearchCard.objects.filter(pk=work_id).first()


def works_of(ids: Collection[str]) -> dict[str, Work]:
    """Works by id."""
    return Work.objects.in_bulk(list(ids))


def has_work(work_id: str) -> bool:
    return Work.objects.filter(pk=work_id).exists()


def tags_of(found: Work, *, rows: log.Tables | None = None) -> list[Tag]:
    """The licence tags that hold now, as they were given. rows: read before for the same page"""
    return [(name, value) for name, value in terms_of(found, rows=rows).tags]


def terms_of(found: Work, *, rows: log.Tables | None = None) -> TermsVersion:
    """The version of a work's terms that holds now. rows: as for tags_of"""
    terms = (rows or log.Tables()).get(TermsVersion, terms_key(found.id, found.terms_version))
    assert terms is not None, f"{found.id} has no terms"
    return terms


def deed_of(work_id: str, *, now: datetime, rows: log.Tables | None = None) -> tuple[Clause, ...]:
    """The terms in sentences, one per use. rows: as for tags_of. raises WorkUnknown"""
    rows = rows or log.Tables()
    found = catalogue.work_of(work_id, rows)
    return deed(catalogue.subject(found, rows), now_ms=_ms(now))


def uses_given(clauses: Sequence[Clause]) -> list[Clause]:
    """The uses that a licence can be bought for; access when it costs something."""
    given = [one for one in clauses if not one.offer.reason]
    return [one for one in given if one.use != Use.ACCESS or one.offer.price_nano]


def obligations(inherited: Sequence[Sequence[str]]) -> list[tuple[Work, str]]:
    """What is owed to the works above one, each in words. inherited: pairs of work and condition"""
    found = works_of({name for name, _ in inherited})
    return [(found[name], obligation(owed, found[name].title)) for name, owed in inherited]


def links_above(*work_ids: str) -> Mapping[str, Mapping[str, int]]:
    """All links reachable upward from works: child -> parent -> rate_e8; a query per level."""
    links: dict[str, dict[str, int]] = {}
    level = set(work_ids)
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


def parents(work_id: str) -> list[Link]:
    """What a work was made from, with the rates that they take."""
    edges = list(Edge.objects.filter(child=work_id).order_by("-rate_e8", "parent"))
    found = works_of([edge.parent for edge in edges])
    return [Link(found[edge.parent], edge.rate_e8) for edge in edges]


def due_above(work_id: str) -> Mapping[str, int]:
    """ancestor -> parts per 10^8 of every sale of the work."""
    return dues_of([work_id]).get(work_id, {})


def dues_of(ids: Collection[str]) -> dict[str, dict[str, int]]:
    """work -> ancestor -> parts per 10^8 of every sale of it: one query, however many."""
    rows = DueAbove.objects.filter(pk__in=ids).values_list("pk", "works", "rates_e8")
    return {work: dict(zip(works, rates, strict=True)) for work, works, rates in rows}


def pools_paid(work_id: str) -> list[str]:
    """Every pool that a sale of the work may reach: its own, and those of the works above."""
    return [pool_of(one) for one in (work_id, *dues_of([work_id]).get(work_id, ()))]


def payees(work_id: str) -> QuerySet[PoolShare]:
    """Who is paid from a work's own pool."""
    return PoolShare.objects.filter(work=work_id).order_by("payee")


def check_parents(
    tags: Sequence[Tag], parents: Sequence[str], *, owner: str, now: datetime
) -> Mapping[str, int]:
    """Could a work under these tags be made from these parents now? For a door to ask early.

    Terms, state and licence of each parent, how many stand above, and what is due to them all.

    returns  parent -> rate_e8 that the link would take
    raises   TermsRefused, LineageRefused
    """
    rows = log.Tables()
    bonds = bonds_of(read_own(tags), tuple({*parents}), owner, rows, at_ms=_ms(now))
    rates = {name: one.rate_e8 for name, one in bonds.items()}
    check_lineage("", rates, rows)
    return rates


def _ms(now: datetime) -> int:
    return int(now.timestamp() * 1000)
