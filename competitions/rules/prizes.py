"""Settlement rule `settle-v1`: from outcomes on the sealed slice to payouts, in whole numbers.

    ranking     more right answers first, then the earlier commit; one place per owner, the best
    winners     those clearly better than the untouched base (separable)
    groups      a leader and those after it, up to the first that is separable from that leader
    weights     a group shares the sum of the places it stands on, equally
    pot         prize - fee - pool, split once over all winners by largest remainder

source  docs/algorithms/payout.md, with worked examples that the tests execute
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, lcm
from operator import gt, lt

from assay.money import split

E8 = 10**8
ALPHA = Fraction(1, 20)


@dataclass(frozen=True)
class Placed:
    """What the rule needs to know of one entry."""

    id: str
    owner: str
    committed_ms: int
    outcomes: tuple[int, ...]


@dataclass(frozen=True)
class PayoutTerms:
    """What the sponsor fixed. fee_e8, pool_e8: parts of 10^8, for the house and the evaluators."""

    prize_nano: int
    curve: Sequence[int]
    fee_e8: int
    pool_e8: int


@dataclass(frozen=True)
class Payout:
    """Where the stake goes. It adds up: fee + pool + prizes + to_sponsor = prize.

    groups  ids of the winners, tied ones together, best group first
    prizes  id of an entry -> nano-tokens
    """

    groups: tuple[tuple[str, ...], ...]
    prizes: Mapping[str, int]
    fee_nano: int
    pool_nano: int
    to_sponsor_nano: int


def separable(better: Sequence[int], worse: Sequence[int]) -> bool:
    """True when 0/1 outcomes are clearly better, one-sided, at 1 in 20.

    source  exact McNemar test: P(Binomial(wins + losses, 1/2) >= wins) <= 1/20, whole numbers
    """
    if len(better) != len(worse):
        raise ValueError("outcomes of two tests cannot be compared")
    wins = sum(map(gt, better, worse))
    total = wins + sum(map(lt, better, worse))
    tail = sum(comb(total, k) for k in range(wins, total + 1))
    return total > 0 and Fraction(tail, 2**total) <= ALPHA


def ranking(entries: Sequence[Placed]) -> list[Placed]:
    """One entry per owner, best first; of equal scores the earlier commit."""
    best_first = sorted(entries, key=lambda one: (-sum(one.outcomes), one.committed_ms, one.id))
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
        if groups and not separable(groups[-1][0].outcomes, entry.outcomes):
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


def settle(
    entries: Sequence[Placed], terms: PayoutTerms, *, baseline: Sequence[int], draw: str
) -> Payout:
    """The whole payout of one competition.

    baseline  outcomes of the untouched base on the same examples
    draw      decides equal remainders; fixed by the log before anybody knows the scores
    """
    winners = [one for one in ranking(entries) if separable(one.outcomes, baseline)]
    pool_nano = terms.prize_nano * terms.pool_e8 // E8
    if not winners:
        return Payout((), {}, 0, pool_nano, terms.prize_nano - pool_nano)
    fee_nano = terms.prize_nano * terms.fee_e8 // E8
    groups = tied_groups(winners)
    pot_nano = terms.prize_nano - fee_nano - pool_nano
    prizes = split(pot_nano, place_weights(groups, terms.curve), draw=draw)
    names = tuple(tuple(entry.id for entry in group) for group in groups)
    return Payout(names, prizes, fee_nano, pool_nano, 0)
