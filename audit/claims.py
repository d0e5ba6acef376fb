"""What a site says its tables hold, against what the log gives; and sums that must come out."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from assay import wire
from assay.money import show_tokens
from audit.history import TABLES, History
from competitions.rules.escrow import account_of
from competitions.rules.rows import ENDS, Competition, Seal
from competitions.rules.visibility import SECRET_PHASES
from ledger.rules.accounts import Account
from ledger.rules.rows import Row

MOST_SHOWN = 80
MOST_NAMED = 10


@dataclass(frozen=True)
class Difference:
    """One value of a site that the log does not give.

    claimed, derived  the two values as text     cause  which messages wrote the row
    """

    table: str
    row: str
    column: str
    claimed: str
    derived: str
    cause: str

    def __str__(self) -> str:
        where = f"{self.table} {self.row!r} {self.column}"
        return f"{where}: found {self.claimed}, the log gives {self.derived}; {self.cause}"


def differences(claimed: dict[str, list[dict[str, Any]]], history: History) -> list[Difference]:
    """Everything in the site's rows (TABLE -> rows as JSON) that the log does not give."""
    return [one for table in TABLES for one in _in_table(table, claimed[table.TABLE], history)]


def supply(history: History) -> tuple[bool, str]:
    """Whether every unit adds up to zero over all accounts, and the figures in words."""
    held: dict[str, int] = defaultdict(int)
    issued: dict[str, int] = defaultdict(int)
    for account in history.rows.all(Account):
        held[account.unit] += account.available_nano + account.pending_out_nano
        held[f"{account.unit}, pending"] += account.pending_out_nano - account.pending_in_nano
        if account.kind == "issuance":
            issued[account.unit] -= account.available_nano
    wrong = [f"{unit} is off by {sum_nano} nano" for unit, sum_nano in held.items() if sum_nano]
    said = [f"{show_tokens(sum_nano)} {unit} issued" for unit, sum_nano in issued.items()]
    return not wrong, "; ".join(wrong) or ", ".join([*said, "all accounts add up to 0"])


def escrows(history: History) -> tuple[bool, str]:
    """Whether nothing is left in the escrow of a competition that ended, and how many ended."""
    ended = [one for one in history.rows.all(Competition) if one.phase in ENDS]
    left = [(one.id, _left_nano(history, one.id)) for one in ended]
    wrong = [f"{name} still holds {left_nano} nano" for name, left_nano in left if left_nano]
    return not wrong, "; ".join(wrong) or f"0 left after {len(ended)} competitions that ended"


def openings(history: History) -> tuple[bool, str]:
    """How many results were opened by their seals, and those of closed competitions that were not.

    One that was not is no damage: its salt may be lost, and no money waited for it. It is said.
    """
    found = history.rows.all(Seal)
    closed = {one.id for one in history.rows.all(Competition) if one.phase not in SECRET_PHASES}
    due = [one for one in found if one.competition in closed]
    shut = [one.submission for one in due if not one.is_open]
    said = f"{len(due) - len(shut)} of {len(due)} seals of closed competitions are open and hold"
    return True, f"{said}; not open: {', '.join(shut[:MOST_NAMED])}" if shut else said


def _left_nano(history: History, competition: str) -> int:
    purse = history.rows.get(Account, account_of(competition))
    if purse is None:
        return 0
    return purse.available_nano + purse.pending_out_nano + purse.pending_in_nano


def _in_table(
    table: type[Row], said: Iterable[dict[str, Any]], history: History
) -> Iterator[Difference]:
    derived = {row.id: wire.to_json(row) for row in history.rows.all(table)}
    for values in said:
        key = str(values.get("id"))
        wanted = derived.pop(key, None)
        if wanted is None:
            yield _difference(table, key, "id", (key, None), history)
            continue
        found = {name: value for name, value in values.items() if value is not None}
        if _text(found) == _text(wanted):
            continue
        for column in sorted(found.keys() | wanted.keys()):
            pair = found.get(column), wanted.get(column)
            if _text(pair[0]) != _text(pair[1]):
                yield _difference(table, key, column, pair, history)
    for key in derived:
        yield _difference(table, key, "id", (None, key), history)


def _difference(
    table: type[Row], key: str, column: str, pair: tuple[object, object], history: History
) -> Difference:
    claimed, derived = show_pair(*pair)
    cause = history.cause_of(table, key)
    return Difference(table.TABLE, key, column, claimed, derived, cause)


def show_pair(one: object, other: object) -> tuple[str, str]:
    """Two values for a person: "nothing" for None, long ones cut to where they begin to differ."""
    texts = _text(one), _text(other)
    if max(map(len, texts)) <= MOST_SHOWN:
        return texts
    same = next(
        (at for at, (a, b) in enumerate(zip(*texts, strict=False)) if a != b),
        min(map(len, texts)),
    )
    start = max(0, same - MOST_SHOWN // 2)
    return _cut(texts[0], start), _cut(texts[1], start)


def _cut(text: str, start: int) -> str:
    end = start + MOST_SHOWN
    return ("..." if start else "") + text[start:end] + ("..." if end < len(text) else "")


def _text(value: object) -> str:
    return "nothing" if value is None else json.dumps(value, sort_keys=True, ensure_ascii=False)
