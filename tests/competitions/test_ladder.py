"""The Ladder tells a score only when an entry is clearly better than its owner's best."""

from hashlib import sha256
from math import sqrt
from statistics import fmean, stdev

import pytest
from hypothesis import given
from hypothesis import strategies as st

from competitions.rules.ladder import improves
from competitions.rules.prizes import Mark

runs = st.integers(2, 60).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(-9, 9), min_size=n, max_size=n)] * 2)
)


def mark(points):
    return Mark(sum(points), tuple(points))


@given(runs)
def test_the_rule_in_whole_numbers_is_that_of_the_paper(pair):
    new, best = pair
    differences = [one - other for one, other in zip(new, best, strict=True)]
    mean, limit = fmean(differences), stdev(differences) / sqrt(len(differences))
    if abs(mean - limit) > 1e-9:  # floats may not tell what is equal
        assert improves(mark(new), mark(best)) == (mean > 0 and mean >= limit)


@pytest.mark.parametrize(
    ("wins", "losses", "is_told"),
    [(0, 0, False), (1, 0, True), (1, 1, False), (2, 1, False), (3, 1, True), (5, 5, False),
     (6, 3, True), (5, 3, False), (36, 28, True), (35, 28, False)],
)  # fmt: skip
def test_right_and_wrong_answers_need_a_gain_of_the_root_of_those_that_differ(
    wins, losses, is_told
):
    new, best = (1,) * wins + (0,) * losses + (1,), (0,) * wins + (1,) * losses + (1,)
    assert improves(mark(new), mark(best)) == is_told
    assert improves(mark(new), None)


def test_a_greater_sum_of_points_without_a_greater_merit_is_not_told():
    assert not improves(Mark(3, (1, 1)), Mark(3, (0, 0)))


def test_two_tests_cannot_be_compared():
    with pytest.raises(ValueError, match="zip"):
        improves(mark((1, 0)), mark((1,)))


def coin(words):
    return sha256(words.encode()).digest()[0] & 1


def test_who_probes_at_random_learns_little_of_the_sealed_labels():
    """Guesses that the board shows are put together by a vote; exact scores would tell far more."""
    labels = [coin(f"label {at}") for at in range(300)]
    best, shown, exact = None, [], []
    for number in range(150):
        guess = [coin(f"{number} {at}") for at in range(300)]
        run = mark([int(one == label) for one, label in zip(guess, labels, strict=True)])
        if improves(run, best):
            best = run
            shown.append(guess)
        if run.merit > 150:
            exact.append(guess)
    assert len(shown) < 8
    assert voted(exact, labels) > 0.62
    assert voted(shown, labels) < 0.58


def voted(guesses, labels):
    ayes = [sum(column) * 2 > len(guesses) for column in zip(*guesses, strict=True)]
    return sum(map(int.__eq__, map(int, ayes), labels)) / len(labels)
