"""Lists of works and of licences, a page at a time, each with a fixed number of queries."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet

from licensing.models import Edge, Grant, SearchCard, SearchRight, Work
from licensing.queries.works import Link, dues_of
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.may import Use

PAGE = 100
FEW = 2000  # children that are sorted rather than met on a walk over all works
_CURSOR = re.compile(r"([0-9]{1,18})-([A-Za-z0-9_:-]{43,72})")
T = TypeVar("T")


@dataclass(frozen=True)
class Page(Generic[T]):
    """A page of a list. next: what `after` is for the following page; empty on the last."""

    rows: list[T]
    next: str


@dataclass(frozen=True)
class Wanted:
    """What works are looked for by; what is empty is not asked.

    text     in the title, owner, id, base, or the title of the contest
    task     an evaluator's name;  use: that the terms give at this moment, free or for money
    least_e9, most_e9   bounds of the final score, parts of 10^9
    """

    text: str = ""
    kind: str = ""
    owner: str = ""
    base: str = ""
    task: str = ""
    metric: str = ""
    use: str = ""
    least_e9: int | None = None
    most_e9: int | None = None


@dataclass(frozen=True)
class Listing:
    """A work as a list shows it.

    price_nano  of commercial use now: 0 when it is free, None when it is not given
    split_e8    what the work itself and each of its ancestors gets of a sale, parts per 10^8
    """

    work: Work
    card: SearchCard
    price_nano: int | None
    split_e8: list[int]


def offers(wanted: Wanted, *, after: str = "", limit: int = PAGE, now: datetime) -> Page[Listing]:
    """Works whose licences are sold, newest first."""
    at_ms = int(now.timestamp() * 1000)
    live = Work.objects.filter(pk=OuterRef("pk"), state="live")
    if wanted.owner:
        live = live.filter(owner=wanted.owner)
    cards = SearchCard.objects.filter(_asked(wanted)).filter(Exists(live))
    if wanted.use:
        cards = cards.filter(Exists(_given(at_ms).filter(work=OuterRef("pk"), use=wanted.use)))
    found = _page(cards, after, time="registered_ms", limit=limit)
    return Page(_listings(found.rows, at_ms), found.next)


def listing(found: Work, *, now: datetime) -> Listing:
    """One work as lists show it."""
    card = SearchCard.objects.filter(pk=found.id).first() or SearchCard(work=found.id)
    [made] = _listings([card], int(now.timestamp() * 1000))
    return made


def children(work_id: str, *, after: str = "", limit: int = PAGE) -> Page[Link]:
    """What was made from a work, newest first."""
    edges = Edge.objects.filter(parent=work_id)
    names = [*edges.values_list("child", flat=True)[: FEW + 1]]
    if len(names) > FEW:  # the walk over all works, newest first, soon meets a page of them
        found = Work.objects.filter(Exists(edges.filter(child=OuterRef("pk"))))
    else:
        found = Work.objects.filter(pk__in=names)
    shown = _page(found, after, time="registered_ms", limit=limit)
    ids = [one.id for one in shown.rows]
    rates = dict(edges.filter(child__in=ids).values_list("child", "rate_e8"))
    return Page([Link(one, rates[one.id]) for one in shown.rows], shown.next)


def grants_of(holder: str, *, after: str = "", limit: int = PAGE) -> Page[Grant]:
    """The licences of an account, newest first."""
    return _page(Grant.objects.filter(holder=holder), after, time="from_ms", limit=limit)


def _asked(wanted: Wanted) -> Q:
    """The columns of the card."""
    named = {
        "text__contains": wanted.text.strip().lower(),
        "kind": wanted.kind,
        "base": wanted.base,
        "evaluator": wanted.task,
        "metric": wanted.metric,
        "score_e9__gte": wanted.least_e9,
        "score_e9__lte": wanted.most_e9,
    }
    return Q(**{name: value for name, value in named.items() if value not in {"", None}})


def _given(at_ms: int) -> QuerySet[SearchRight]:
    """The uses that terms give at a moment."""
    still = Q(until_ms=0) | Q(until_ms__gt=at_ms)
    return SearchRight.objects.filter(still, from_ms__lte=at_ms)


def _listings(cards: Sequence[SearchCard], at_ms: int) -> list[Listing]:
    ids = [card.pk for card in cards]
    works, dues = Work.objects.in_bulk(ids), defaultdict[str, dict[str, int]](dict, dues_of(ids))
    given = _given(at_ms).filter(work__in=ids, use=Use.COMMERCIAL.value)
    prices = dict(given.values_list("work", "price_nano"))
    return [
        Listing(works[card.pk], card, prices.get(card.pk), _parts(dues[card.pk])) for card in cards
    ]


def _parts(due_e8: dict[str, int]) -> list[int]:
    above = [part for _, part in sorted(due_e8.items())]
    return [WHOLE_E8 - sum(above), *above]


M = TypeVar("M", bound=Model)


def _page(found: QuerySet[M], after: str, *, time: str, limit: int) -> Page[M]:
    """The rows behind `after`, by time, newest first; rows of one time in order of their id."""
    if cursor := _CURSOR.fullmatch(after):
        at_ms, name = int(cursor[1]), cursor[2]
        later = ~Q(**{time: at_ms}) | Q(pk__gt=name)
        found = found.filter(later, **{f"{time}__lte": at_ms})
    rows = list(found.order_by(F(time).desc(), "pk")[: limit + 1])
    shown = rows[:limit]
    more = f"{getattr(shown[-1], time)}-{shown[-1].pk}" if len(rows) > limit else ""
    return Page(shown, more)
