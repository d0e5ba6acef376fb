"""Reading royalties: what is due to an account, and why. The number of queries never grows."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import cast

from django.db.models import Q

from ledger.queries import balances_nano, newest_paid, paid_by_message
from ledger.rules.accounts import FEE
from licensing.models import Dispute, Grant, PoolDebt, PoolShare, Revocation, ShareDue, Usage, Work
from licensing.queries.ranked import pools_of, rank
from licensing.queries.works import works_of
from licensing.rules.rows import DisputeState, WorkState, pool_of
from licensing.rules.royalty import Drawing, targets
from licensing.rules.royalty import dues as dues_of
from licensing.rules.statement import USAGE, Placed, RoyaltyLine, Sales, Sold, newest_lines, pool_in

AT_ONCE = 5000  # pools that are asked about in one query


@dataclass(frozen=True)
class Due:
    """What an account can draw from the pool of one work."""

    work: Work
    weight: int
    drawn_nano: int
    due_nano: int


@dataclass(frozen=True)
class Share:
    """An account's part of a pool. weights: of all payees.

    came_nano     all that ever came in, less refunds
    balance_nano  what is due; below zero, where a refund took more than was left
    """

    work: str
    weights: Mapping[str, int]
    drawn_nano: int
    balance_nano: int
    came_nano: int

    @property
    def due_nano(self) -> int:
        """What can be drawn."""
        return max(0, self.balance_nano)


@dataclass(frozen=True)
class DuesPage:
    """A page of what is due to an account, the largest amount first; the totals are of all pages.

    lines  the newest sales and draws behind it, on the first page only
    next   where the following page begins; empty on the last
    """

    dues: list[Due]
    due_nano: int
    drawn_nano: int
    lines: list[RoyaltyLine]
    next: str


def owed(account: str, works: Collection[str] | None = None) -> list[Share]:
    """What an account can draw, the largest amount first. works: only from their pools."""
    mine = PoolShare.objects.filter(payee=account)
    if works is not None:
        mine = mine.filter(work__in=works)
    held = list(mine.values_list("work", "weight", "drawn_nano"))
    others = PoolShare.objects.filter(work__in=mine.values("work")).exclude(payee=account)
    beside: dict[str, list[tuple[str, int, int]]] = defaultdict(list)
    for work, *one in others.values_list("work", "payee", "weight", "drawn_nano"):
        beside[work].append(tuple(one))  # type: ignore[arg-type]
    left = _left(work for work, _, _ in held)
    found = [_share(account, one, beside.get(one[0], ()), left[one[0]]) for one in held]
    return sorted(found, key=lambda one: (-one.due_nano, -one.drawn_nano, one.work))


def dues_page(account: str, *, start: int, limit: int, lines: int) -> DuesPage:
    """The dues from place `start` on; only these are reckoned one by one.

    lines  how many newest sales and draws to show beside the first of them
    """
    ranked = rank(account, start=start, limit=limit + 1)
    moved = [] if start else newest_paid(pools_of(account), to=account, limit=lines)
    pools = {pool_in(one) for one in moved}
    shown = ranked.works[:limit]
    wanted = {*shown, *(pool.removeprefix("pool:") for pool in pools)}
    shares = {one.work: one for one in owed(account, wanted)}
    return DuesPage(
        dues=dues([shares[work] for work in shown], account),
        due_nano=ranked.due_nano,
        drawn_nano=ranked.drawn_nano,
        lines=_newest(account, cast(list[Placed], moved), shares.values()),
        next=str(start + limit) if len(ranked.works) > limit else "",
    )


def dues(shares: Iterable[Share], account: str) -> list[Due]:
    """These shares with their works."""
    listed = list(shares)
    found = works_of([one.work for one in listed])
    return [
        Due(found[one.work], one.weights[account], one.drawn_nano, one.due_nano) for one in listed
    ]


def royalties(account: str) -> list[Due]:
    """What an account can draw, work by work; the largest amount first."""
    return dues(owed(account), account)


def works_due(account: str, *, limit: int) -> list[str]:
    """Works that something can be drawn from, the largest first; no frozen pool."""
    found = ShareDue.objects.filter(payee=account, due_nano__gt=0)
    disputed = Work.objects.filter(state=WorkState.DISPUTED).values("pk")
    upheld = Dispute.objects.filter(state=DisputeState.UPHELD).values("work")
    open_ones = found.exclude(work__in=disputed).exclude(work__in=upheld)
    return list(open_ones.order_by("-due_nano", "work").values_list("work", flat=True)[:limit])


def open_dues(works: Collection[str]) -> list[ShareDue]:
    """What every payee of these works' pools can draw now, as the index of the dues holds it."""
    beside: dict[str, list[PoolShare]] = defaultdict(list)
    for one in PoolShare.objects.filter(work__in=works).order_by("pk"):
        beside[one.work].append(one)
    left, found = _left(beside), list[ShareDue]()
    for work, shares in sorted(beside.items()):
        came_nano = left[work] + sum(one.drawn_nano for one in shares)
        due = dues_of(came_nano, {one.payee: Drawing(one.weight, one.drawn_nano) for one in shares})
        found += [
            ShareDue(
                id=one.pk,
                work=work,
                payee=one.payee,
                due_nano=due[one.payee],
                drawn_nano=one.drawn_nano,
            )
            for one in shares
        ]
    return found


def _newest(account: str, moved: Sequence[Placed], shares: Iterable[Share]) -> list[RoyaltyLine]:
    """The lines behind these transfers. shares: of their pools, as they are now"""
    states = {pool_of(one.work): (one.weights, one.came_nano, one.balance_nano) for one in shares}
    return newest_lines(account, moved, states, sales_of([one.message for one in moved]))


def _share(
    account: str,
    mine: tuple[str, int, int],
    others: Iterable[tuple[str, int, int]],
    left_nano: int,
) -> Share:
    work, weight, drawn_nano = mine
    weights, came_nano = {account: weight}, left_nano + drawn_nano
    for payee, other, other_drawn_nano in others:
        weights[payee] = other
        came_nano += other_drawn_nano
    alone_nano = left_nano + drawn_nano  # who has the whole pool is due all of it
    wanted_nano = targets(max(0, came_nano), weights)[account] if len(weights) > 1 else alone_nano
    return Share(work, weights, drawn_nano, wanted_nano - drawn_nano, came_nano)


def _left(works: Iterable[str]) -> dict[str, int]:
    """What lies in the pools of these works of their own, without what the house lent them."""
    found: dict[str, int] = {}
    for part in parts_of(works):
        balances, debts = balances_nano(map(pool_of, part)), owed_to_house(part)
        found |= {work: balances[pool_of(work)] - debts.get(work, 0) for work in part}
    return found


def owed_to_house(works: Collection[str]) -> dict[str, int]:
    """What the pools of these works owe for refunds; only those that do."""
    owing = PoolDebt.objects.filter(pk__in=works, owed_nano__gt=0)
    return dict(owing.values_list("pk", "owed_nano"))


def parts_of(names: Iterable[str]) -> Iterable[list[str]]:
    waiting = iter(names)
    while part := list(islice(waiting, AT_ONCE)):
        yield part


def sales_of(messages: list[str]) -> Sales:
    """What these messages sold, and the fees that they paid."""
    sold: dict[str, Sold] = {}
    fees: dict[str, int] = {}
    for part in parts_of(dict.fromkeys(messages)):
        back = dict(Revocation.objects.filter(message__in=part).values_list("pk", "message"))
        rows = Grant.objects.filter(Q(message__in=part) | Q(pk__in=[*back]))
        told = rows.values_list("message", "id", "work", "price_nano")
        for message, grant, work, price_nano in told:
            one = Sold(grant, work, price_nano)
            sold |= {message: one, back.get(grant, message): one}
        used = Usage.objects.filter(message__in=part)
        for use in used:
            sold[use.message] = Sold(use.source, use.work, use.gross_nano, USAGE)
        fees |= paid_by_message(FEE, part)
    return Sales(sold, fees)
