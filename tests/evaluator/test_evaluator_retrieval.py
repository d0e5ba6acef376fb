"""Retrieval: the documents of a slice, and figures held against scikit-learn."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from evaluator.bases import MINILM, folder_of
from evaluator.engine.model import Adapted
from evaluator.errors import DataRefused, SampleUnfit
from evaluator.evaluators.form import Context, Task
from evaluator.evaluators.retrieval import DISCOUNTS_E12, RETRIEVAL
from evaluator.generic.asked import Asked
from evaluator.registry import METRICS
from evaluator.task.tokens import tokens_of

OPTIONS = {"k": "3", "pooling": "mean"}
ROWS = (
    {"query": "a cat", "relevant": ["A cat purrs."], "distractors": ["A bank lends."]},
    {"query": "a dog", "relevant": ["A dog barks.", "A cat purrs."], "grades": [3, 1]},
    {"query": "a loan", "relevant": "A bank lends."},
)
rankings = st.tuples(
    st.permutations(range(14)), st.dictionaries(st.integers(0, 13), st.integers(1, 9), min_size=1)
)


@pytest.fixture(scope="module")
def tokens():
    return tokens_of(folder_of(MINILM), max_tokens=32)


def packed(tokens, *rows, k="3"):
    return RETRIEVAL.pack(rows, Task("ndcg_at_10", (), tokens, {"k": k}))


def records(metric, prediction, grades, k="10"):
    label = sorted([place, grade] for place, grade in grades.items())
    return METRICS[metric].records([prediction], [label], Context(1, {"k": k}))[0]


def test_the_documents_are_what_all_rows_name_each_once(tokens):
    found = packed(tokens, *ROWS)
    assert len(found.inputs.shared) == 3
    told = [tokens.decode(row.ids) for row in found.inputs.shared]
    assert told == ["a cat purrs.", "a bank lends.", "a dog barks."]
    assert found.labels == ([[0, 1]], [[0, 1], [2, 3]], [[1, 1]])


@given(rankings)
def test_ndcg_at_10_is_that_of_scikit_learn(drawn):
    order, grades = drawn
    wanted = np.zeros((1, 14))
    wanted[0, list(grades)] = list(grades.values())
    shown = np.zeros((1, 14))
    shown[0, order] = range(14, 0, -1)
    found = records("ndcg_at_10", list(order)[:10], grades) / 1e9
    assert found == pytest.approx(ndcg_score(wanted, shown, k=10), abs=2e-9)


def test_the_table_of_discounts_is_that_of_the_formula():
    wanted = [10**12 / math.log2(place + 2) for place in range(10)]
    assert all(abs(one - other) < 1 for one, other in zip(DISCOUNTS_E12, wanted, strict=True))


def test_recall_counts_what_is_among_the_first_k():
    grades = {0: 1, 5: 2, 7: 1}
    assert [records("recall_at_k", [5, 1, 0, 7], grades, k) for k in ("1", "3", "4")] == [
        333_333_333, 666_666_667, 10**9,
    ]  # fmt: skip


def test_the_nearest_documents_are_those_of_the_cosine(tokens, weights):
    found = packed(tokens, *ROWS)
    model = Adapted(weights, None, {})
    answer = RETRIEVAL.predictor(model, found.inputs.shared, OPTIONS)
    ranked = answer(found.inputs.examples) + answer(found.inputs.examples[:1])
    states = [
        torch.nn.functional.normalize(
            torch.tensor(model.pooled([row.ids for row in rows], "mean").values()).view(3, -1),
            dim=-1,
        )
        for rows in (found.inputs.shared, [one[0] for one in found.inputs.examples])
    ]
    cosines = (states[1] @ states[0].T).tolist()
    wanted = [sorted(range(3), key=lambda place: -row[place]) for row in cosines]
    assert ranked == [*wanted, wanted[0]]
    assert [one[0] for one in ranked[:3]] == [0, 2, 1]
    assert all(RETRIEVAL.is_sound(one, (), 0) for one in ranked)


def test_the_order_does_not_hang_on_the_batch(tokens, weights):
    found = packed(tokens, *ROWS)
    answer = RETRIEVAL.predictor(Adapted(weights, None, {}), found.inputs.shared, OPTIONS)
    together = answer(found.inputs.examples)
    assert [answer([one])[0] for one in found.inputs.examples] == together
    assert [one[0] for one in together] == [0, 2, 1]


class Plain:
    """A net whose mean state of a text is its ids."""

    def logits(self, ids, reading):
        return self.pooled(ids, reading.pooling)

    def pooled(self, ids, _):
        return torch.tensor([list(one) for one in ids], dtype=torch.float32)


def test_a_long_state_is_no_nearer_than_its_direction_is():
    documents = [(10, 10), (1, 0), (0, 0), (2, 0)]
    assert Asked(Plain()).nearest([(3, 1)], documents, most=4) == [[1, 3, 0, 2]]


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"grades": [1]}, "one grade"),
        ({"grades": 2}, "one grade"),
        ({"grades": [1, 0]}, "whole number"),
        ({"grades": [1, "2"]}, "whole number"),
        ({"distractors": ["A dog barks."]}, "named twice"),
        ({"relevant": ["A dog barks.", "A dog barks."]}, "named twice"),
    ],
)
def test_a_row_that_contradicts_itself_is_named(tokens, changed, problem):
    with pytest.raises(SampleUnfit, match=problem) as refused:
        packed(tokens, ROWS[0], {**ROWS[1], **changed})
    assert refused.value.facts["row"] == 2


@pytest.mark.parametrize("k", ["0", "101", "ten", "-1", "1.5"])
def test_k_is_a_number_within_reason(tokens, k):
    with pytest.raises(DataRefused) as refused:
        packed(tokens, *ROWS, k=k)
    assert refused.value.code == "data.option_refused"


@pytest.mark.parametrize("prediction", [[], [0, 0], [-1], [20_000], list(range(101))])
def test_places_that_no_honest_run_gives_are_not_sound(prediction):
    assert not RETRIEVAL.is_sound(prediction, (), 0)
