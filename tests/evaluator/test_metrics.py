from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.errors import MetricMismatch, MetricUnknown
from evaluator.evaluators.classification import check_classes, matches, share_e9, wilson_e9
from evaluator.evaluators.form import Context
from evaluator.registry import METRICS, metric_named, show_score

CONTEXT = Context(1, {})
ones = st.lists(st.integers(0, 1), min_size=1, max_size=500)


@given(ones)
def test_a_score_is_within_half_a_part_of_the_true_share(values):
    exact = Fraction(sum(values) * 10**9, len(values))
    assert abs(share_e9(values) - exact) <= Fraction(1, 2)


@given(ones)
def test_the_interval_holds_the_score_and_lies_between_0_and_1(values):
    low, high = wilson_e9(values)
    assert 0 <= low <= share_e9(values) <= high <= 10**9


def test_the_interval_is_that_of_the_published_formula():
    # 81 of 263: Newcombe 1998, Statistics in Medicine 17, table I, method 3: 0.2553 to 0.3662
    low, high = wilson_e9([1] * 81 + [0] * 182)
    assert (round(low / 1e9, 4), round(high / 1e9, 4)) == (0.2553, 0.3662)


def test_one_more_right_answer_never_lowers_the_score():
    scores = [share_e9([1] * good + [0] * (321 - good)) for good in range(322)]
    assert scores == sorted(set(scores))


def test_predictions_and_labels_of_other_lengths_are_a_fault():
    with pytest.raises(ValueError, match="zip"):
        matches([[1]], [1, 2], CONTEXT)
    with pytest.raises(ValueError, match="at least one"):
        share_e9([])


def test_a_score_is_shown_the_same_way_everywhere():
    assert show_score(share_e9(matches([[0], [1], [2]], [0, 1, 0], CONTEXT))) == "0.666666667"


@pytest.mark.parametrize(
    "labels", [["a"] * 9, [str(n) for n in range(9)], ["0.12", "0.57", "0.31"], []]
)
def test_labels_that_are_no_classes_do_not_fit_accuracy(labels):
    with pytest.raises(MetricMismatch) as refused:
        check_classes([{"label": one} for one in labels])
    assert refused.value.facts["metric"] == "accuracy"


def test_an_unknown_metric_is_named_with_the_closest_known_one():
    with pytest.raises(MetricUnknown) as refused:
        metric_named("acuracy")
    assert refused.value.next_step == "Did you mean accuracy?"
    assert metric_named("accuracy") is METRICS["accuracy"]
