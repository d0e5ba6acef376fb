"""Law I21: luck alone wins in at most one of twenty contests, for any number of owners.

An alpha_for that gives 1/20 to each entry was planted once, and both failed.
"""

import hashlib
from fractions import Fraction
from math import comb

import pytest

from competitions.rules.prizes import Mark, PayoutTerms, Placed, alpha_for, settle, wins_of


@pytest.mark.parametrize("owners", [1, 2, 3, 10, 50, 200])
def test_entries_equal_to_the_base_win_in_at_most_one_of_twenty_contests(owners):
    """Exactly: two entries an owner, each differing from the base on d examples by fair coins.

    Of so many tests the chance of one that passes is no more than their sum, whatever entries
    have in common. Without the share of alpha (planted) 200 owners win nearly always.
    """
    entries = 2 * owners
    alpha = alpha_for(entries)
    for differing in (5, 12, 40, 200, 1000):
        wins = wins_of(differing, alpha)
        lucky = sum(comb(differing, won) for won in range(wins, differing + 1)) if wins else 0
        assert entries * Fraction(lucky, 2**differing) <= Fraction(1, 20), differing


def mark(answers):
    """What accuracy makes of answers that are right or wrong."""
    return Mark(sum(answers), answers)


def coins(name):
    """Sixty fair coins that a name decides."""
    return tuple(byte & 1 for byte in hashlib.sha512(name.encode()).digest()[:60])


@pytest.mark.parametrize(("owners", "contests"), [(1, 400), (20, 60), (200, 20)])
def test_of_contests_of_entries_equal_to_the_base_hardly_one_is_won(owners, contests):
    """The shipped rule on drawn answers. At 1/20 each, 20 of 20 with 200 owners had a winner."""
    base, terms, won = coins("base"), PayoutTerms(10**9, (1,), 0, 0), 0
    for number in range(contests):
        drawn = [coins(f"{owners}/{number}/{place}") for place in range(2 * owners)]
        made = [Placed(f"{place}", f"{place // 2}", place, mark(one))
                for place, one in enumerate(drawn)]  # fmt: skip
        won += bool(settle(made, terms, baseline=mark(base), draw=f"{number}").groups)
    assert won <= contests // 20, won
