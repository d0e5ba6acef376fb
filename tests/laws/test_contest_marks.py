"""Laws of scores by any metric: each follows from its records, ranks by merit, and ties by points.

Every metric of the registry is asked; a score that is one part off, records of another width, and a
merit of another sign were each planted once, and each failed.
"""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.messages import Result
from assay.wire import Nano, from_json, to_json
from competitions import queries
from competitions.errors import FoldRefused
from competitions.rules import records
from competitions.rules.prizes import Mark, PayoutTerms, Placed, settle
from competitions.rules.results import Slice, interval_e9, judged, mark_of
from evaluator.registry import METRICS, metric_named
from ledger.rules.entry import Entry
from tests import factories

ENTRY = Entry("id", "submission.scored", None, "", "", "", "", "", b"")
EXAMPLES, UNITS = 12, 40
DEPENDENT = {"bleu"}  # its counts hold each other: a text without words has no matches


def asked(metric):
    return Slice(metric, EXAMPLES, UNITS)


def told(metric, numbers, **changed):
    """An honest result of these records."""
    found = metric_named(metric)
    made = Result(
        score_e9=Nano(found.score_e9(numbers, UNITS)), examples=EXAMPLES,
        records=records.pack(numbers, is_binary=found.is_binary), results_root="7" * 64,
        results_sha256="8" * 64, sandbox_level="full",
        policy_sha256="9" * 64,
    )  # fmt: skip
    return replace(made, **changed)


@st.composite
def any_records(draw):
    """A metric, and records that it might have."""
    name = draw(st.sampled_from(sorted({*METRICS} - DEPENDENT)))
    metric = metric_named(name)
    values = st.integers(0, 1 if metric.is_binary else 200)
    count = metric.width * EXAMPLES
    return name, tuple(draw(st.lists(values, min_size=count, max_size=count)))


@given(any_records())
def test_an_honest_result_is_taken_and_gives_its_mark(one):
    name, numbers = one
    result = told(name, numbers)
    mark = judged(ENTRY, result, asked(name))
    assert mark == mark_of(result, asked(name))
    assert len(mark.points) == EXAMPLES
    low_e9, high_e9 = interval_e9(result, name) or (0, 0)
    assert low_e9 <= high_e9


@given(any_records(), st.sampled_from([-1, 1]))
def test_a_score_that_is_one_part_off_is_refused(one, shift):
    name, numbers = one
    result = told(name, numbers)
    wrong = replace(result, score_e9=Nano(result.score_e9 + shift))
    with pytest.raises(FoldRefused, match="does not follow from the records"):
        judged(ENTRY, wrong, asked(name))


@given(any_records())
def test_results_travel_whole_with_scores_below_zero_too(one):
    name, numbers = one
    for result in (told(name, numbers), told(name, numbers, score_e9=Nano(-1))):
        assert from_json(Result, to_json(result)) == result


def test_counts_that_cannot_be_are_refused_and_break_nothing():
    """Guards the fold: a text of no words that still has matches would divide by nothing."""
    with pytest.raises(FoldRefused):
        judged(ENTRY, told("nll", (1,) * EXAMPLES, records=bleu_of_nothing()), asked("bleu"))


def bleu_of_nothing():
    width = metric_named("bleu").width
    return records.pack((*(3,) * (width - 2), 0, 7) * EXAMPLES, is_binary=False)


def test_some_metric_gives_scores_below_zero():
    """All wrong in both of two classes: the correlation is -1."""
    pairs = metric_named("mcc").records(
        [[1 - n % 2] for n in range(EXAMPLES)], [n % 2 for n in range(EXAMPLES)], None
    )
    result = told("mcc", pairs)
    assert result.score_e9 == -(10**9)
    assert judged(ENTRY, result, asked("mcc")).merit < 0


@pytest.mark.parametrize("name", [name for name, one in METRICS.items() if one.is_lower_better])
def test_where_less_is_better_the_smaller_score_has_the_greater_merit(name):
    metric = metric_named(name)
    rows = [(cost, 1)[: metric.width] * EXAMPLES for cost in (100, 2_000, 90_000)]
    results = [told(name, numbers) for numbers in rows]
    assert all(one.score_e9 < other.score_e9 for one, other in pairwise(results))
    marks = [judged(ENTRY, one, asked(name)) for one in results]
    assert all(one.beats(other) for one, other in pairwise(marks))
    placed = [Placed(str(n), f"o{n}", n, one) for n, one in enumerate(reversed(marks[:2]))]
    paid = settle(placed, PayoutTerms(100, (2, 1), 0, 0), baseline=marks[2], draw="d")
    assert paid.groups == (("1",), ("0",))


@given(st.integers(-(2**80), 2**80), st.integers(-(2**80), 2**80))
def test_a_merit_of_any_size_ranks(one, other):
    points = ((1,) * 5, (0,) * 5)
    assert Mark(one, points[0]).beats(Mark(other, points[1])) == (one > other)


@pytest.mark.django_db
@pytest.mark.parametrize("is_final", [False, True])
def test_the_board_ranks_by_merit_where_less_is_better(monkeypatch, is_final):
    """Guards the board's order: by the number alone the worst would stand first."""
    honest_evaluator, honest_spec = factories.evaluator, factories.spec
    costs = {30: 500, 12: 850, 10: 900, 20: 700}

    def nll(right, **changed):
        numbers = (costs[right],) * factories.EXAMPLES
        score_e9 = metric_named("nll").score_e9(numbers, factories.EXAMPLES)
        packed = records.pack(numbers, is_binary=False)
        made = honest_result(right)
        return replace(made, score_e9=Nano(score_e9), records=packed, **changed)

    def evaluator(name="docs"):
        body, files = honest_evaluator(name)
        base_e9 = nll(10).score_e9
        return replace(body, metric="nll", evaluator="lm", board_baseline_e9=base_e9), files

    honest_result = factories.result
    monkeypatch.setattr(factories, "result", nll)
    monkeypatch.setattr(factories, "evaluator", evaluator)
    monkeypatch.setattr(factories, "spec", lambda name, **more: honest_spec(
        name, **{"metric": "nll", **more}))  # fmt: skip
    factories.competition()
    best, worse = factories.scored("ada", right=30), factories.scored("ben", number=1, right=20)
    if is_final:
        factories.settle(right={best: 30, worse: 20})
    rows = queries.leaderboard("docs")
    assert [row.submission.id for row in rows] == [best, worse]
    assert rows[0].score_e9 < rows[1].score_e9
