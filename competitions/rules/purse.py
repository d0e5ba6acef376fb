"""What a stake is made of, before anybody has won it: for the page, and for the review."""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.messages import Spec
from competitions.rules.prizes import E8
from competitions.rules.spec import FEE_E8, POOL_E8, bond_nano

SHOWN_FOR = (1, 2, 5, 20)  # winners


@dataclass(frozen=True)
class Purse:
    """Parts of a stake, in nano-tokens.

    places  what each place pays when all are taken and nobody ties, rounded down; the rule
            `settle-v1` shares the pot among those who win, so fewer winners get more each
    """

    prize_nano: int
    fee_nano: int
    pool_nano: int
    bond_nano: int
    places: tuple[int, ...]

    @property
    def pot_nano(self) -> int:
        """What is left for the winners."""
        return self.prize_nano - self.fee_nano - self.pool_nano

    @property
    def stake_nano(self) -> int:
        """What leaves the sponsor's account."""
        return self.prize_nano + self.bond_nano


def purse(spec: Spec) -> Purse:
    """The parts of a competition's stake. spec: well formed (`spec.problems` finds nothing)"""
    prize_nano = int(spec.prize_nano)
    fee_nano, pool_nano = prize_nano * spec.fee_e8 // E8, prize_nano * spec.pool_e8 // E8
    places = shared(prize_nano - fee_nano - pool_nano, spec.curve, winners=len(spec.curve))
    return Purse(prize_nano, fee_nano, pool_nano, bond_nano(spec), places)


def shared(pot_nano: int, curve: Sequence[int], *, winners: int) -> tuple[int, ...]:
    """What each place pays when so many win and nobody ties, rounded down."""
    taken = curve[:winners]
    return tuple(pot_nano * weight // sum(taken) for weight in taken)


@dataclass(frozen=True)
class Payouts:
    """What the places of a prize pay, for a few numbers of winners.

    winners  the numbers
    rows     of each place: (winners, what it pays then), None where nobody stands on it
    """

    pot_nano: int
    winners: tuple[int, ...]
    rows: tuple[tuple[tuple[int, int | None], ...], ...]


def payouts_for(prize_nano: int, curve: Sequence[int]) -> Payouts:
    """The table that stands beside prize and curve, at the rates of new competitions."""
    pot_nano = prize_nano - prize_nano * FEE_E8 // E8 - prize_nano * POOL_E8 // E8
    columns = [(count, shared(pot_nano, curve, winners=count)) for count in SHOWN_FOR]
    rows = [
        tuple((count, one[place] if place < len(one) else None) for count, one in columns)
        for place in range(min(len(curve), max(SHOWN_FOR)))
    ]
    return Payouts(pot_nano, SHOWN_FOR, tuple(rows))
