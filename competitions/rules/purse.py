"""What a stake is made of, before anybody has won it: for the page, and for the review."""

from dataclasses import dataclass

from assay.messages import Spec
from competitions.rules.prizes import E8
from competitions.rules.spec import bond_nano


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
    pot_nano, total = prize_nano - fee_nano - pool_nano, sum(spec.curve)
    places = tuple(pot_nano * weight // total for weight in spec.curve)
    return Purse(prize_nano, fee_nano, pool_nano, bond_nano(spec), places)
