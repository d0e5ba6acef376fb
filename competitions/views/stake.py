"""Where a competition's stake went: the movements of its escrow, in order and in words."""

from types import MappingProxyType
from typing import NamedTuple

from competitions.models import Competition
from competitions.rules import rows
from competitions.rules.escrow import account_of, funding
from ledger import queries as ledger_queries
from ledger.rules.accounts import POOL
from ledger.rules.statement import Movement

MOST_TRANSFERS = 200
ORDER = ("pending", "post", "single", "void", "expire")  # of the lines of one message
PAID = MappingProxyType(
    {"prize": "prize", "fee": "fee", "refund": "rest of the prize", "burn": "burnt"}
)
DONE = MappingProxyType(
    {"pending": "held", "post": "taken", "void": "given back", "expire": "given back"}
)


class StakeLine(NamedTuple):
    """One movement of the escrow: what it was for, from whom to whom."""

    transfer: Movement
    says: str
    source: str
    target: str


def stake_lines(contest: Competition, row: rows.Competition) -> list[StakeLine]:
    """Every movement of the escrow in the order in which it happened.

    Of one message first what came in, then the prizes from the largest, then what the house and the
    sponsor got, then what was given back; of prize and bond, the prize first.
    """
    names = {one.id: name for one, name in zip(funding(row), ("prize", "bond"), strict=False)}
    found = ledger_queries.newest_transfers(account_of(contest.id), limit=MOST_TRANSFERS)
    ordered = sorted(found, key=lambda one: _place(one, names))
    return [StakeLine(one, _says(one, names), *_way(one)) for one in ordered]


def _way(one: Movement) -> tuple[str, str]:
    is_back = DONE.get(one.kind) == "given back"
    return (one.credit, one.debit) if is_back else (one.debit, one.credit)


def _place(one: Movement, names: dict[str, str]) -> tuple[int, int, int, int]:
    part = [*PAID].index(one.code) if one.kind == "single" else _is_bond(one, names)
    return one.at_ms, ORDER.index(one.kind), part, -one.amount_nano


def _is_bond(one: Movement, names: dict[str, str]) -> bool:
    return _held(one, names) != "prize"


def _held(one: Movement, names: dict[str, str]) -> str:
    """What was held: prize, bond, or a miner's deposit."""
    return names.get(one.pending_id or one.id, "deposit")


def _says(one: Movement, names: dict[str, str]) -> str:
    if one.kind == "single":
        return "evaluators’ pool" if one.credit == POOL else PAID[one.code]
    return f"{_held(one, names)} {DONE[one.kind]}"
