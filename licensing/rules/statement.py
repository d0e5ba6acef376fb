"""A royalty statement: what every sale brought to one payee of one pool, and what was drawn."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import MappingProxyType
from typing import NamedTuple, Protocol

from assay.bounds import MOST_MS
from ledger.rules.statement import Movement
from licensing import errors
from licensing.rules.lineage import Links, edges_above
from licensing.rules.royalty import targets

SALE, USAGE, REFUND, DRAW = "sale", "usage", "refund", "draw"
WAITING = "waiting"
STATES = MappingProxyType({SALE: "credited", USAGE: "credited", REFUND: "returned", DRAW: "drawn"})
State = tuple[Mapping[str, int], int, int]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class RoyaltyLine:
    """One sale that reached a pool, its refund, or one draw from it, as one payee sees it.

    log_index   of the message; None while that waits for its place
    what        sale, usage (metered, or reported by a holder), refund or draw
    work        whose pool;  sold: the work that was bought or used
    grant       the licence, or the channel
    edge        why the pool gets a part: `child rate_e8` of each edge from the sold work up that
                ends in it; empty for the sold work itself and for a draw
    state       credited, returned or drawn; waiting while the message has no place in the log
    gross_nano  the price;  fee_nano: of the house;  pool_nano: what the pool got; each below zero
                where it went back
    share_nano  what the payee got of it;  drawn_nano: what the payee drew
    due_nano    what the payee could draw just after; below zero, where a refund took more than was
                left, it waits for the next sales
    """

    log_index: int | None
    at_ms: int
    what: str
    state: str
    work: str
    sold: str
    edge: str
    grant: str
    gross_nano: int
    fee_nano: int
    pool_nano: int
    share_nano: int
    drawn_nano: int
    due_nano: int
    message: str


class Sold(NamedTuple):
    """What a line tells of a sale's grant. what: sale or usage"""

    grant: str
    work: str
    price_nano: int
    what: str = SALE


NOTHING = Sold("", "", 0)


@dataclass(frozen=True)
class Sales:
    """Message of a sale -> what was sold, and -> the fee that the house took.

    edges  (whose pool, sold work) -> why it gets a part, where that was looked up
    """

    sold: Mapping[str, Sold]
    fees_nano: Mapping[str, int]
    edges: Mapping[tuple[str, str], str] = field(default_factory=dict)


class Placed(Movement, Protocol):
    """A transfer that knows where in the log its message is."""

    @property
    def log_index(self) -> int | None: ...


@dataclass(frozen=True)
class Period:
    """From the beginning of one day to that of another. until_ms: the first moment behind it"""

    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Totals:
    """What an account could draw before and after a period, and what happened between.

    opening + credits - draws = closing
    """

    opening_nano: int
    credits_nano: int
    draws_nano: int
    closing_nano: int


def period(since: str, until: str) -> Period:
    """A period from two days, `2026-11-01`; an empty one is open. raises DaysInvalid"""
    since_ms, until_ms = _day_ms(since, 0), _day_ms(until, MOST_MS)
    if since_ms >= until_ms:
        raise errors.DaysInvalid("The period ends before it begins.", since=since, until=until)
    return Period(since_ms, until_ms)


def _day_ms(day: str, missing: int) -> int:
    if not day:
        return missing
    try:
        at = datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError as error:
        raise errors.DaysInvalid(f"{day!r:.20} is no day.", since=day, until="") from error
    return int(at.timestamp()) * 1000


def edge_texts(works: Iterable[str], links: Links) -> dict[tuple[str, str], str]:
    """(whose pool, sold work) -> the edges by which the sale of one of these works reaches it."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for sold in works:
        for child, parent, rate_e8 in edges_above(sold, links):
            if rate_e8:
                found[parent, sold].append(f"{child} {rate_e8}")
    return {pair: "; ".join(edges) for pair, edges in found.items()}


class Pools:
    """What one payee is due from each pool, as the transfers of a period come in."""

    def __init__(self, payee: str) -> None:
        self.payee = payee
        self._states: dict[str, tuple[Mapping[str, int], int, int]] = {}

    def __contains__(self, pool: str) -> bool:
        return pool in self._states

    def begin(self, pool: str, weights: Mapping[str, int], came_nano: int, drawn_nano: int) -> int:
        """A pool as it was before the period; what the payee could draw from it."""
        due_nano = targets(max(0, came_nano), weights)[self.payee] - drawn_nano
        self._states[pool] = (weights, came_nano, due_nano)
        return due_nano

    def line(self, one: Placed, sales: Sales) -> RoyaltyLine:
        """The line of the next transfer."""
        what = what_of(one)
        pool = pool_in(one)
        weights, came_nano, due_nano = self._states[pool]
        into_nano, drawn_nano = _moved(one, what)
        share_nano = _share(came_nano + into_nano, came_nano, weights, self.payee)
        due_nano += share_nano - drawn_nano
        self._states[pool] = (weights, came_nano + into_nano, due_nano)
        told = (share_nano, drawn_nano, due_nano)
        return _line(one, what, told, sales)


def newest_lines(
    payee: str, movements: Iterable[Placed], states: Mapping[str, State], sales: Sales
) -> list[RoyaltyLine]:
    """The lines of one payee for many pools, newest first, reckoned back from what is there now.

    movements  the newest of these pools, newest first, without what other payees drew
    states     pool -> (weights, all that ever came in, what is due to the payee), now
    """
    lines, now = [], dict(states)
    for one in movements:
        what = what_of(one)
        pool = pool_in(one)
        weights, came_nano, due_nano = now[pool]
        into_nano, drawn_nano = _moved(one, what)
        before_nano = came_nano - into_nano
        share_nano = _share(came_nano, before_nano, weights, payee)
        lines.append(_line(one, what, (share_nano, drawn_nano, due_nano), sales))
        now[pool] = (weights, before_nano, due_nano - share_nano + drawn_nano)
    return lines


def what_of(one: Movement) -> str:
    """What a transfer of a pool is to a payee: a sale, its refund, or a draw."""
    if one.credit.startswith("pool:"):
        return SALE
    return REFUND if one.code == REFUND else DRAW


def pool_in(one: Movement) -> str:
    """The pool whose money a transfer is."""
    return one.credit if what_of(one) == SALE else one.debit


def _moved(one: Placed, what: str) -> tuple[int, int]:
    """What came into the pool, below zero when it went back, and what was drawn."""
    if what == DRAW:
        return 0, one.amount_nano
    return (one.amount_nano if what == SALE else -one.amount_nano), 0


def _share(after_nano: int, before_nano: int, weights: Mapping[str, int], payee: str) -> int:
    if after_nano == before_nano:
        return 0
    after, before = (targets(max(0, came), weights)[payee] for came in (after_nano, before_nano))
    return after - before


def _line(one: Placed, what: str, told: tuple[int, int, int], sales: Sales) -> RoyaltyLine:
    """told: share_nano, drawn_nano, due_nano"""
    sold = sales.sold.get(one.message, NOTHING)
    share_nano, drawn_nano, due_nano = told
    work = pool_in(one).removeprefix("pool:")
    named = sold.what if what == SALE else what
    return RoyaltyLine(
        log_index=one.log_index,
        at_ms=one.at_ms,
        what=named,
        state=WAITING if one.log_index is None else STATES[named],
        work=work,
        sold=sold.work,
        edge=sales.edges.get((work, sold.work), ""),
        grant=sold.grant,
        gross_nano=-sold.price_nano if what == REFUND else sold.price_nano,
        fee_nano=sales.fees_nano.get(one.message, 0),
        pool_nano=_moved(one, what)[0],
        share_nano=share_nano,
        drawn_nano=drawn_nano,
        due_nano=due_nano,
        message=one.message,
    )


def guarded(value: object) -> object:
    """A cell that no spreadsheet runs: text that looks like a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
