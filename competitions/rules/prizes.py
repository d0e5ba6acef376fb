"""Settlement rule `settle-v1`: from marks on the final slice to payouts, in whole numbers.

    ranking     the greater merit first, then the earlier commit; one place per owner, the best
    winners     those clearly better than the untouched base (separable) at 1/20 of the number of
                entries that decide: of many entries equal to the base hardly one wins by luck
    groups      a leader and those after it, up to the first that is separable from that leader
    weights     a group shares the sum of the places it stands on, equally
    pot         prize - fee - pool + forfeits, split once over all winners by largest remainder

source  docs/algorithms/payout.md, with worked examples that the tests execute
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from operator import gt, lt

from assay.money import split

E8 = 10**8
ALPHA = Fraction(1, 20)


@dataclass(frozen=True)
class Mark:
    """What a metric makes of a run's records.

    merit   ranks: higher is better
    points  one whole number per example, higher is better: what ties are judged by
    """

    merit: int
    points: tuple[int, ...]

    def beats(self, other: "Mark", alpha: Fraction = ALPHA) -> bool:
        """True when it is greater, and clearly so."""
        return self.merit > other.merit and separable(self.points, other.points, alpha)


@dataclass(frozen=True)
class Placed:
    """What the rule needs to know of one entry."""

    id: str
    owner: str
    committed_ms: int
    mark: Mark


@dataclass(frozen=True)
class PayoutTerms:
    """What the sponsor fixed, and what was forfeited since.

    fee_e8, pool_e8  parts of 10^8 of the prize, for the house and the evaluators
    forfeits_nano    deposits that go to the pot
    """

    prize_nano: int
    curve: Sequence[int]
    fee_e8: int
    pool_e8: int
    forfeits_nano: int = 0


@dataclass(frozen=True)
class Payout:
    """Where it all goes. It adds up: fee + pool + prizes + to_sponsor + burnt = prize + forfeits.

    groups  ids of the winners, tied ones together, best group first
    prizes  id of an entry -> nano-tokens
    """

    groups: tuple[tuple[str, ...], ...]
    prizes: Mapping[str, int]
    fee_nano: int
    pool_nano: int
    to_sponsor_nano: int
    burnt_nano: int = 0


def alpha_for(entries: int) -> Fraction:
    """The chance that one entry no better than the base wins, when so many decide (Bonferroni)."""
    return ALPHA / max(1, entries)


def separable(better: Sequence[int], worse: Sequence[int], alpha: Fraction = ALPHA) -> bool:
    """True when points are clearly better, one-sided, at this chance.

    source  exact sign test over the examples on which they differ, which for 0/1 points is
            McNemar's: P(Binomial(wins + losses, 1/2) >= wins) <= alpha, whole numbers
    """
    if len(better) != len(worse):
        raise ValueError("points of two tests cannot be compared")
    wins: int = sum(map(gt, better, worse))
    losses: int = sum(map(lt, better, worse))
    if wins <= losses:
        return False
    total, tail, ways = wins + losses, 0, 1
    for won in range(total, wins - 1, -1):  # ways = C(total, won)
        tail += ways
        ways = ways * won // (total - won + 1)
    return tail * alpha.denominator <= alpha.numerator << total


def least_wins(losses: int, alpha: Fraction = ALPHA) -> int:
    """How many examples an entry must win against so many losses to be clearly better."""
    wins = losses + 1
    while not separable((1,) * wins + (0,) * losses, (0,) * wins + (1,) * losses, alpha):
        wins += 1
    return wins


def wins_of(differing: int, alpha: Fraction = ALPHA) -> int | None:
    """Of so many examples on which two runs differ, how many the clearly better one has won.

    None: so few tell nothing, even when it wins them all
    """
    for wins in range(differing // 2 + 1, differing + 1):
        losses = differing - wins
        if separable((1,) * wins + (0,) * losses, (0,) * wins + (1,) * losses, alpha):
            return wins
    return None


def ranking(entries: Sequence[Placed]) -> list[Placed]:
    """One entry per owner, best first; of equal scores the earlier commit."""
    best_first = sorted(entries, key=lambda one: (-one.mark.merit, one.committed_ms, one.id))
    seen: set[str] = set()
    ranked = []
    for entry in best_first:
        if entry.owner not in seen:
            ranked.append(entry)
        seen.add(entry.owner)
    return ranked


def tied_groups(ranked: Sequence[Placed]) -> list[list[Placed]]:
    """Groups of entries that cannot be told apart from the leader of their group."""
    groups: list[list[Placed]] = []
    for entry in ranked:
        if groups and not groups[-1][0].mark.beats(entry.mark):
            groups[-1].append(entry)
        else:
            groups.append([entry])
    return groups


def place_weights(groups: Sequence[Sequence[Placed]], curve: Sequence[int]) -> dict[str, int]:
    """Each group's places, shared equally; places beyond the curve weigh nothing."""
    scale = lcm(*(len(group) for group in groups))
    weights, at = {}, 0
    for group in groups:
        for entry in group:
            weights[entry.id] = sum(curve[at : at + len(group)]) * scale // len(group)
        at += len(group)
    return weights


def settle(entries: Sequence[Placed], terms: PayoutTerms, *, baseline: Mark, draw: str) -> Payout:
    """The whole payout of one competition.

    entries   those that decide: each is one test against the base
    baseline  mark of the untouched base on the same examples
    draw      decides equal remainders; fixed by the log before anybody knows the scores
    """
    alpha = alpha_for(len(entries))
    winners = [one for one in ranking(entries) if one.mark.beats(baseline, alpha)]
    pool_nano = terms.prize_nano * terms.pool_e8 // E8
    if not winners:
        rest_nano = terms.prize_nano - pool_nano  # forfeits never go to who chose the task
        return Payout((), {}, 0, pool_nano, rest_nano, terms.forfeits_nano)
    fee_nano = terms.prize_nano * terms.fee_e8 // E8
    groups = tied_groups(winners)
    pot_nano = terms.prize_nano - fee_nano - pool_nano + terms.forfeits_nano
    prizes = split(pot_nano, place_weights(groups, terms.curve), draw=draw)
    names = tuple(tuple(entry.id for entry in group) for group in groups)
    return Payout(names, prizes, fee_nano, pool_nano, 0)
