"""A royalty statement: what every sale brought to one payee of one pool, and what was drawn."""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from ledger.rules.statement import Movement
from licensing.rules.rows import Grant
from licensing.rules.royalty import stream, targets

State = tuple[Mapping[str, int], int, int]
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class RoyaltyLine:
    """One sale that reached a pool, or one draw from it, as one payee sees it.

    what        sale or draw;  work: whose pool;  sold: the work that was bought
    gross_nano  the price;  fee_nano: of the house;  pool_nano: what the pool got
    share_nano  what the payee got of it;  drawn_nano: what the payee drew
    due_nano    what the payee could draw just after
    """

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


@dataclass(frozen=True)
class Sales:
    """Message of a sale -> its grant, and -> the fee that the house took."""

    grants: Mapping[str, Grant]
    fees_nano: Mapping[str, int]


def lines_of(
    work: str, payee: str, weights: Mapping[str, int], movements: Iterable[Movement], sales: Sales
) -> list[RoyaltyLine]:
    """The lines of one payee for one pool, oldest first; the last due_nano is what is due now.

    weights    payee -> weight of the pool
    movements  every transfer of the pool, oldest first
    """
    lines: list[RoyaltyLine] = []
    came_nano = due_nano = 0
    for one in movements:
        is_draw = one.code == "royalty" and one.debit == f"pool:{work}"
        if is_draw and one.credit != payee:
            continue
        share_nano = 0
        if not is_draw:
            share_nano = stream(came_nano, one.amount_nano, weights)[payee]
            came_nano += one.amount_nano
        drawn_nano = one.amount_nano if is_draw else 0
        due_nano += share_nano - drawn_nano
        told = (share_nano, drawn_nano, due_nano)
        lines.append(_line(one, work, told, sales))
    return lines


def newest_lines(
    payee: str, movements: Iterable[Movement], states: Mapping[str, State], sales: Sales
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


def _line(one: Movement, work: str, told: tuple[int, int, int], sales: Sales) -> RoyaltyLine:
    """told: share_nano, drawn_nano, due_nano"""
    is_draw = one.debit == f"pool:{work}"
    grant = sales.grants.get(one.message)
    share_nano, drawn_nano, due_nano = told
    return RoyaltyLine(
        at_ms=one.at_ms,
        what="draw" if is_draw else "sale",
        work=work,
        sold=grant.work if grant else "",
        grant=grant.id if grant else "",
        gross_nano=grant.price_nano if grant else 0,
        fee_nano=sales.fees_nano.get(one.message, 0),
        pool_nano=0 if is_draw else one.amount_nano,
        share_nano=share_nano,
        drawn_nano=drawn_nano,
        due_nano=due_nano,
        message=one.message,
    )


def as_csv(lines: Iterable[RoyaltyLine], titles: Mapping[str, str]) -> str:
    """The lines as a table for a spreadsheet; amounts are whole nano-tokens.

    titles  work -> title. Text that a spreadsheet would take for a formula gets an apostrophe
    """
    out = io.StringIO()
    names = [field.name for field in fields(RoyaltyLine)]
    table = csv.DictWriter(out, [*names, "title"], lineterminator="\r\n")
    table.writeheader()
    for line in lines:
        cells = {**asdict(line), "title": titles.get(line.work, "")}
        table.writerow({name: guarded(value) for name, value in cells.items()})
    return out.getvalue()


def guarded(value: object) -> object:
    """A cell that no spreadsheet runs: text that looks like a formula begins with an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
