"""Statements of royalties: the lines of a period in the order of the log, read piece by piece."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import cast

from ledger.queries import log_size, paid_before, paid_between
from licensing.models import PoolShare
from licensing.queries.ranked import pools_of
from licensing.queries.royalties import parts_of, sales_of
from licensing.queries.works import links_above, works_of
from licensing.rules.rows import pool_of
from licensing.rules.royalty import targets
from licensing.rules.statement import (
    Period,
    Placed,
    Pools,
    RoyaltyLine,
    Sales,
    Totals,
    edge_texts,
    pool_in,
)

PIECE = 1000  # lines that are in memory at once


@dataclass(frozen=True)
class Statement:
    """What a payee could draw before a period, and every sale and draw in it.

    name   for a file: with the size of the log that it was made at
    lines  with the titles of their works, in the order of the log; they are read while one iterates
    """

    name: str
    opening_nano: int
    lines: Iterator[tuple[RoyaltyLine, str]]


def royalty_statement(account: str, period: Period) -> Statement:
    """The statement of an account. Its memory does not grow with the lines."""
    name = f"royalties-{account}-{log_size()}"
    return Statement(name, _due_nano(account, period.since_ms), _lines(account, period))


def royalty_totals(account: str, period: Period) -> Totals:
    """What a statement adds up to, without its lines."""
    opening_nano = _due_nano(account, period.since_ms)
    closing_nano = _due_nano(account, period.until_ms)
    draws_nano = sum(
        _drawn_nano(part, account, period) for part in parts_of(pools_of(account).iterator())
    )
    credits_nano = closing_nano - opening_nano + draws_nano
    return Totals(opening_nano, credits_nano, draws_nano, closing_nano)


def _lines(account: str, period: Period) -> Iterator[tuple[RoyaltyLine, str]]:
    between = {"since_ms": period.since_ms, "until_ms": period.until_ms}
    moved = cast(Iterator[Placed], paid_between(pools_of(account), to=account, **between))
    pools = Pools(account)
    while piece := list(islice(moved, PIECE)):
        _begin(pools, piece, period)
        sales = _with_edges(sales_of([one.message for one in piece]))
        lines = [pools.line(one, sales) for one in piece]
        titles = {one.id: one.title for one in works_of({ln.work for ln in lines}).values()}
        yield from ((line, titles[line.work]) for line in lines)


def _with_edges(sales: Sales) -> Sales:
    """With the edges by which each sold work reaches the pools above it; a query per level."""
    works = {one.work for one in sales.sold.values()}
    return replace(sales, edges=edge_texts(works, links_above(*works)))


def _begin(pools: Pools, piece: Sequence[Placed], period: Period) -> None:
    """Look up what was before the period in pools that were not met yet."""
    fresh = sorted({pool_in(one) for one in piece if pool_in(one) not in pools})
    before, weights = _before(fresh, pools.payee, period.since_ms), _weights(fresh)
    for pool in fresh:
        pools.begin(pool, weights[pool], *before[pool])


def _due_nano(account: str, at_ms: int) -> int:
    """What an account could draw from all its pools just before a moment."""
    if not at_ms:
        return 0
    due_nano = 0
    for part in parts_of(pools_of(account).iterator()):
        before, weights = _before(part, account, at_ms), _weights(part)
        for pool, (came_nano, drawn_nano) in before.items():
            due_nano += targets(max(0, came_nano), weights[pool])[account] - drawn_nano
    return due_nano


def _drawn_nano(pools: list[str], account: str, period: Period) -> int:
    until, since = (_before(pools, account, at_ms) for at_ms in (period.until_ms, period.since_ms))
    return sum(until[pool][1] - since[pool][1] for pool in pools)


def _before(pools: Sequence[str], account: str, at_ms: int) -> dict[str, tuple[int, int]]:
    """Pool -> all that ever came, and what the account drew of it, before a moment."""
    if not at_ms or not pools:
        return dict.fromkeys(pools, (0, 0))
    return paid_before(pools, to=account, until_ms=at_ms)


def _weights(pools: Sequence[str]) -> dict[str, dict[str, int]]:
    """Pool -> payee -> weight."""
    found: dict[str, dict[str, int]] = defaultdict(dict)
    works = [pool.removeprefix("pool:") for pool in pools]
    for work, payee, weight in PoolShare.objects.filter(work__in=works).values_list(
        "work", "payee", "weight"
    ):
        found[pool_of(work)][payee] = weight
    return found
