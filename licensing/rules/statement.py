"""A royalty statement: what every sale brought to one payee of one pool, and what was drawn."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from assay.bounds import MOST_MS
from ledger.rules.statement import Movement
from licensing import errors
from licensing.rules.royalty import stream, targets

State = tuple[Mapping[str, int], int, int]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class RoyaltyLine:
    """One sale that reached a pool, or one draw from it, as one payee sees it.

    log_index   of the message; None while that waits for its place
    what        sale or draw;  work: whose pool;  sold: the work that was bought
    gross_nano  the price;  fee_nano: of the house;  pool_nano: what the pool got
    share_nano  what the payee got of it;  drawn_nano: what the payee drew
    due_nano    what the payee could draw just after
    """

    log_index: int | None
    at_ms: int
    what: str
    work: str
    sold: str
    grant: str
    gross_nano: int
    fee_nano: int
    pool_nano: int
    share_nano: int
    drawn_nano: int
    due_nano: int
    message: str


class Sold(NamedTuple):
    """What a line tells of a sale's grant."""

    grant: str
    work: str
    price_nano: int


NOTHING = Sold("", "", 0)


@dataclass(frozen=True)
class Sales:
    """Message of a sale -> what was sold, and -> the fee that the house took."""

    sold: Mapping[str, Sold]
    fees_nano: Mapping[str, int]


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


class Pools:
    """What one payee is due from each pool, as the transfers of a period come in."""

    def __init__(self, payee: str) -> None:
        self.payee = payee
        self._states: dict[str, tuple[Mapping[str, int], int, int]] = {}

    def __contains__(self, pool: str) -> bool:
        return pool in self._states

    def begin(self, pool: str, weights: Mapping[str, int], came_nano: int, drawn_nano: int) -> int:
        """A pool as it was before the period; what the payee could draw from it."""
        due_nano = targets(came_nano, weights)[self.payee] - drawn_nano
        self._states[pool] = (weights, came_nano, due_nano)
        return due_nano

    def line(self, one: Placed, sales: Sales) -> RoyaltyLine:
        """The line of the next transfer."""
        is_draw = one.credit == self.payee
        pool = one.debit if is_draw else one.credit
        weights, came_nano, due_nano = self._states[pool]
        share_nano = 0
        if not is_draw:
            share_nano = stream(came_nano, one.amount_nano, weights)[self.payee]
            came_nano += one.amount_nano
        drawn_nano = one.amount_nano if is_draw else 0
        due_nano += share_nano - drawn_nano
        self._states[pool] = (weights, came_nano, due_nano)
        told = (share_nano, drawn_nano, due_nano)
        return _line(one, pool.removeprefix("pool:"), told, sales)


def newest_lines(
    payee: str, movements: Iterable[Placed], states: Mapping[str, State], sales: Sales
) -> list[RoyaltyLine]:
    """The lines of one payee for many pools, newest first, reckoned back from what is there now.

    movements  the newest of these pools, newest first, without what other payees drew
    states     pool -> (weights, all that ever came in, what is due to the payee), now
    """
    lines, now = [], dict(states)
    for one in movements:
        is_draw = one.credit == payee
        pool = one.debit if is_draw else one.credit
        weights, came_nano, due_nano = now[pool]
        before_nano = came_nano if is_draw else came_nano - one.amount_nano
        share_nano = targets(came_nano, weights)[payee] - targets(before_nano, weights)[payee]
        drawn_nano = one.amount_nano if is_draw else 0
        told = (share_nano, drawn_nano, due_nano)
        lines.append(_line(one, pool.removeprefix("pool:"), told, sales))
        now[pool] = (weights, before_nano, due_nano - share_nano + drawn_nano)
    return lines


def _line(one: Placed, work: str, told: tuple[int, int, int], sales: Sales) -> RoyaltyLine:
    """told: share_nano, drawn_nano, due_nano"""
    is_draw = one.debit == f"pool:{work}"
    sold = sales.sold.get(one.message, NOTHING)
    share_nano, drawn_nano, due_nano = told
    return RoyaltyLine(
        log_index=one.log_index,
        at_ms=one.at_ms,
        what="draw" if is_draw else "sale",
        work=work,
        sold=sold.work,
        grant=sold.grant,
        gross_nano=sold.price_nano,
        fee_nano=sales.fees_nano.get(one.message, 0),
        pool_nano=0 if is_draw else one.amount_nano,
        share_nano=share_nano,
        drawn_nano=drawn_nano,
        due_nano=due_nano,
        message=one.message,
    )


def guarded(value: object) -> object:
    """A cell that no spreadsheet runs: text that looks like a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
