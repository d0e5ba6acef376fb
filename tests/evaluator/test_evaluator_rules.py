"""What follows from records alone: figures, ranks, points, by the standard library."""

import math
import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score, matthews_corrcoef

from evaluator.evaluators.classification import macro_f1_e9, mcc_e9, pairs
from evaluator.evaluators.figures import (
    MOST_SCORE_E9,
    capped_e9,
    exp_e9,
    log,
    mean_e9,
    normal_e9,
    whole_root,
)
from evaluator.evaluators.form import E9, Context
from evaluator.registry import METRICS, REGISTERED, evaluator_of

CONTEXT = Context(1, {})
HEAVY = ("torch", "numpy", "sacrebleu", "rouge_score", "lm_eval", "tokenizers", "transformers")
RECORDS = {  # one example's records of each metric that is no share and no mean
    "macro_f1": (0, 257, 514, 1),
    "mcc": (0, 257, 514, 1),
    "nll": (70_000, 131_072, 9_000),
    "perplexity": (70_000, 131_072, 9_000),
    "bits_per_byte": (70_000, 131_072, 9_000),
    "bleu": (6, 7, 5, 3, 2, 1, 6, 5, 4, 3) * 3,
    "chrf": (20, 22, 15, 19, 21, 10, 18, 20, 7, 17, 19, 5, 16, 18, 3, 15, 17, 2) * 3,
    "lm_eval_perplexity": (70_000, 1, 131_072, 1),
    "lm_eval_word_perplexity": (70_000, 3, 131_072, 5),
    "lm_eval_byte_perplexity": (70_000, 3, 131_072, 5),
    "lm_eval_bits_per_byte": (70_000, 3, 131_072, 5),
}
classes = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60)


def records_of(name):
    metric = METRICS[name]
    return RECORDS.get(name, (1, 0, 1) if metric.is_binary else (0, E9, E9 // 3))


def test_the_registry_is_read_with_the_standard_library_alone():
    told = "import sys, evaluator.registry; "
    told += f"print(sorted(set(sys.modules) & {set(HEAVY)!r}))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_metric_belongs_to_one_evaluator():
    names = [metric.name for one in REGISTERED for metric in one.metrics]
    assert len(names) == len(set(names)) == len(METRICS)
    assert all(METRICS[name] in evaluator_of(name).metrics for name in names)


@pytest.mark.parametrize("name", METRICS)
def test_rank_points_and_interval_follow_from_the_records(name):
    metric, records = METRICS[name], records_of(name)
    examples = len(records) // metric.width
    score_e9 = metric.score_e9(records, 7)
    points = metric.points(records)
    assert len(points) == examples
    assert all(type(one) is int and abs(one) < 2**31 for one in points)
    assert metric.merit(records, 7) == metric.merit(list(records), 7)
    if metric.points_cap:
        assert sum(points) == metric.merit(records, 7), "a race would rank otherwise"
        assert max(points) - min(points) <= metric.points_cap
    if metric.interval_e9:
        low, high = metric.interval_e9(records)
        assert 0 <= low <= score_e9 <= high <= E9


@pytest.mark.parametrize("name", METRICS)
def test_no_metric_scores_nothing_at_all(name):
    with pytest.raises(ValueError, match="at least one"):
        METRICS[name].score_e9((), 0)


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_what_is_lower_the_better_ranks_the_other_way_round(name):
    metric, records = METRICS[name], RECORDS[name]
    worse = (records[0] + 1000, *records[1:])
    if metric.is_lower_better:
        assert metric.merit(worse, 7) < metric.merit(records, 7)
        assert metric.score_e9(worse, 7) > metric.score_e9(records, 7)
    else:
        assert metric.merit(records, 7) == metric.score_e9(records, 7)


def test_custom_code_says_so_wherever_its_name_is_shown():
    custom = [one for one in REGISTERED if one.needs_code]
    assert [one.name for one in custom] == [
        "custom_generation", "custom_classification", "custom_lm",
    ]  # fmt: skip
    shown = [one.title for one in custom] + [one.metrics[0].title for one in custom]
    assert all("custom code: sponsor-controlled" in title for title in shown)


@given(classes)
def test_macro_f1_and_mcc_are_those_of_scikit_learn(both):
    wanted, found = [one for one, _ in both], [one for _, one in both]
    records = pairs([[one] for one in found], wanted, CONTEXT)
    macro = f1_score(wanted, found, average="macro", zero_division=0)
    assert abs(macro_f1_e9(records) / E9 - macro) < 1e-9
    assert abs(mcc_e9(records) / E9 - matthews_corrcoef(wanted, found)) < 2e-9


@given(st.fractions(-30, Fraction(207, 10), max_denominator=10**6))
def test_exponentials_are_rounded_from_the_true_value(exponent):
    assert exp_e9(exponent) == pytest.approx(math.exp(exponent) * E9, rel=1e-12, abs=0.51)


def test_exponentials_end_where_a_figure_says_nothing_more():
    assert exp_e9(Fraction(25)) == exp_e9(Fraction(10**9)) == MOST_SCORE_E9
    assert capped_e9(Fraction(10**30)) == MOST_SCORE_E9
    assert (exp_e9(Fraction(0)), exp_e9(Fraction(-(10**6)))) == (E9, 0)
    assert exp_e9(Fraction(1)) == 2_718_281_828


@given(st.fractions(Fraction(1, 10**6), 10**6))
def test_logarithms_are_those_of_mathematics(value):
    assert float(log(value)) == pytest.approx(math.log(value), rel=1e-12, abs=1e-12)


@given(st.fractions(0, 10**12))
def test_a_root_is_the_nearest_whole_number(square):
    root = whole_root(square)
    assert max(0, 2 * root - 1) ** 2 <= 4 * square < (2 * root + 1) ** 2


@given(st.lists(st.integers(0, E9), min_size=2, max_size=40))
def test_an_interval_of_a_mean_is_the_usual_one(parts):
    low, high = normal_e9(parts)
    mean = sum(parts) / len(parts)
    spread = math.sqrt(sum((one - mean) ** 2 for one in parts) / (len(parts) - 1) / len(parts))
    assert low == pytest.approx(max(0, mean - 1.959963985 * spread), abs=3)
    assert high == pytest.approx(min(E9, mean + 1.959963985 * spread), abs=3)
    assert low <= mean_e9(parts) <= high
