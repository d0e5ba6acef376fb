"""Who gets how much of a sale, to the last nano; and what a payee may draw from a pool."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from assay.money import split
from licensing.rules.lineage import WHOLE_E8, Links, due

MOST_FEE_E8 = 5_000_000


@dataclass(frozen=True)
class Sale:
    """fee_nano goes to the house, shares_nano to the pools of the works, the sold one among them.

    fee_nano + sum(shares_nano) is the gross price.
    """

    fee_nano: int
    shares_nano: Mapping[str, int]


def share_sale(work: str, gross_nano: int, links: Links, *, fee_e8: int, payment_id: str) -> Sale:
    """Divide the price of a licence.

    gross_nano  >= 0;  fee_e8: parts per 10^8, 0 .. 5%, floored
    payment_id  decides equal remainders
    raises      ValueError for a fee out of range
    source      docs/licensing.md 6: fee first, then largest remainder over `due` and the own pool
    """
    if not 0 <= fee_e8 <= MOST_FEE_E8:
        raise ValueError(f"a fee of {fee_e8} parts is not between 0% and 5%")
    parts = due(work, links)
    weights = {**parts, work: WHOLE_E8 - sum(parts.values())}
    fee_nano = gross_nano * fee_e8 // WHOLE_E8
    return Sale(fee_nano, split(gross_nano - fee_nano, weights, draw=payment_id))


def targets(total_nano: int, weights: Mapping[str, int]) -> dict[str, int]:
    """What each payee should have got of all that ever came in, rounded down.

    Never falls when total_nano grows, which largest remainder does not promise. The rest stays
    held and is always less than the number of payees.
    raises ValueError when there is nobody to pay
    """
    whole = sum(weights.values())
    if total_nano < 0 or whole <= 0 or min(weights.values()) < 0:
        raise ValueError(f"cannot divide {total_nano} by {dict(weights)}")
    return {name: total_nano * weight // whole for name, weight in weights.items()}


class Drawing(NamedTuple):
    """A payee's part of a pool, and what the payee drew so far."""

    weight: int
    drawn_nano: int


def dues(came_nano: int, shares: Mapping[str, Drawing]) -> dict[str, int]:
    """payee -> what the payee can draw: the target less what was drawn.

    Nothing for who drew, before a refund, more than the target is now: later credits fill it up.
    came_nano is below zero where a claimant was paid what buyers then got back
    """
    wanted = targets(max(0, came_nano), {payee: one.weight for payee, one in shares.items()})
    return {payee: max(0, wanted[payee] - one.drawn_nano) for payee, one in shares.items()}


def still_due(came_nano: int, shares: Mapping[str, Drawing]) -> int:
    """The sum of `dues`."""
    return sum(dues(came_nano, shares).values())


def stream(before_nano: int, amount_nano: int, weights: Mapping[str, int]) -> dict[str, int]:
    """What each payee gets of one more payment, when before_nano came in before it."""
    before, after = targets(before_nano, weights), targets(before_nano + amount_nano, weights)
    return {name: after[name] - before[name] for name in weights}
