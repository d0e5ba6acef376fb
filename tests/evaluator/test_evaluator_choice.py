"""Multiple choice: rows, the token boundary, ties; its figures are held against the harness too."""

import pytest

from evaluator.bases import folder_of
from evaluator.errors import SampleUnfit
from evaluator.evaluators.choice import CHOICE
from evaluator.evaluators.form import Context, Task
from evaluator.registry import METRICS
from evaluator.task.tokens import tokens_of

CONTEXT = Context(1, {})
ROW = {"question": "Where is the lamp?", "choices": ["in the house", "on", "an ant"], "answer": 2}


@pytest.fixture(scope="module")
def tokens(tiny):
    return tokens_of(folder_of(tiny.base), max_tokens=40)


def packed(tokens, *rows, delimiter=" "):
    return CHOICE.pack(rows, Task("acc", (), tokens, {"delimiter": delimiter}))


def judged(metric, costs, label):
    return METRICS[metric].records([costs], [label], CONTEXT)[0]


def test_each_choice_is_scored_behind_its_question(tokens):
    [rows] = packed(tokens, ROW).inputs.examples
    told = [tokens.decode(row.ids[row.start :]) for row in rows]
    assert told == [" in the house", " on", " an ant"]
    assert {tokens.decode(row.ids[: row.start]) for row in rows} == {"Where is the lamp?"}
    assert all(row.ids[0] == tokens.opening for row in rows)


def test_a_space_at_the_end_of_a_question_goes_to_the_choice(tokens):
    spaced = {**ROW, "question": "Where is the lamp?  "}
    [rows] = packed(tokens, spaced, delimiter="").inputs.examples
    assert tokens.decode(rows[1].ids[rows[1].start :]) == "  on"


def test_the_label_has_the_place_and_both_sizes_of_each_choice(tokens):
    row = {**ROW, "choices": ["é", "ab", "c"], "answer": "ab"}
    assert packed(tokens, row).labels == ([1, [1, 2, 1], [2, 2, 1]],)


def test_a_long_question_loses_its_beginning_and_no_choice_a_token(tokens):
    [rows] = packed(tokens, {**ROW, "question": "so " * 60 + "where?"}).inputs.examples
    assert {len(row.ids) for row in rows} == {40}
    assert tokens.decode(rows[0].ids[rows[0].start :]) == " in the house"


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"choices": ["one"]}, "two choices"),
        ({"choices": "one"}, "two choices"),
        ({"answer": 3}, "none of the choices"),
        ({"answer": "nowhere"}, "none of the choices"),
        ({"choices": ["x" * 300, "y"], "answer": 0}, "longer than 39 tokens"),
    ],
)
def test_a_row_that_cannot_be_asked_is_named(tokens, changed, problem):
    with pytest.raises(SampleUnfit, match=problem) as refused:
        packed(tokens, ROW, {**ROW, **changed})
    assert refused.value.facts["row"] == 2


def test_the_least_cost_wins_and_of_equal_ones_the_first():
    label = [1, [9, 9, 9], [9, 9, 9]]
    assert [judged("acc", costs, label) for costs in ([5, 4, 9], [4, 4, 9], [9, 4, 4])] == [1, 0, 1]


def test_per_character_and_per_byte_are_exact_ratios():
    # thirds that no float holds: 1/3 against 2/6, the first of equal ones
    assert judged("acc_norm", [2, 1], [0, [6, 3], [6, 3]]) == 1
    assert judged("acc_norm", [1, 2], [1, [3, 6], [3, 6]]) == 0
    assert judged("acc_norm", [10, 9], [0, [5, 4], [5, 8]]) == 1
    assert judged("acc_bytes", [10, 9], [0, [5, 4], [5, 8]]) == 0


def test_only_one_cost_per_choice_is_sound(tokens):
    [rows] = packed(tokens, ROW).inputs.examples
    assert CHOICE.is_sound([1, 2, 3], rows, 0)
    assert not any(CHOICE.is_sound(one, rows, 0) for one in ([1, 2], [1, 2, -3], [1, 2, 2**60]))
