"""A sponsor's file of any columns: numbers, lists and optional columns, and what none may hold."""

import json

import pytest

from evaluator.errors import DataRefused
from evaluator.evaluators.choice import CHOICE
from evaluator.evaluators.retrieval import RETRIEVAL
from evaluator.task.cells import MOST_LIST, MOST_NUMBER
from evaluator.task.data import read_samples

ROW = {"query": "a", "relevant": ["b", "c"], "grades": [2, 1], "distractors": ["d"], "other": 1.5}


def read(folder, row, columns, optional=()):
    path = folder / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    asked = None if columns is None else {name: name for name in columns}
    return read_samples(
        path, file_format="jsonl", columns=asked, optional={name: name for name in optional}
    )


def refusal(folder, row, columns, optional=()):
    with pytest.raises(DataRefused) as refused:
        read(folder, row, columns, optional)
    return refused.value


def test_an_optional_column_is_read_where_it_is_there(tmp_path):
    wanted = {name: ROW[name] for name in ("query", "relevant", "grades", "distractors")}
    assert read(tmp_path, ROW, RETRIEVAL.columns, RETRIEVAL.optional) == [wanted]
    bare = {"query": "a", "relevant": "b"}
    assert read(tmp_path, bare, RETRIEVAL.columns, RETRIEVAL.optional) == [bare]


def test_an_answer_may_be_a_place_or_a_text(tmp_path):
    for answer in (1, "b"):
        row = {"question": "q", "choices": ["a", "b"], "answer": answer}
        assert read(tmp_path, row, CHOICE.columns) == [row]


def test_every_column_is_read_as_it_is_where_an_evaluator_takes_all(tmp_path):
    row = {"label": 3, "is_true": True, "text": "a", "many": [1, 2], "words": ["b"]}
    assert read(tmp_path, row, None) == [row]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("query", 7),
        ("query", ["x"] * (MOST_LIST + 1)),
        ("relevant", [1]),
        ("grades", [MOST_NUMBER + 1]),
        ("grades", [[1]]),
        ("grades", [0.5]),
        ("distractors", [""]),
        ("distractors", []),
    ],
)
def test_a_cell_of_another_kind_is_refused_with_its_row(tmp_path, name, value):
    found = refusal(tmp_path, {**ROW, name: value}, RETRIEVAL.columns, RETRIEVAL.optional)
    assert found.code in {"data.malformed", "data.empty"}
    assert found.facts["row"] == 1


@pytest.mark.parametrize("value", [1.5, {"a": 1}, None, MOST_NUMBER + 1, [["a"]]])
def test_what_no_label_can_hold_is_refused_where_all_columns_are_taken(tmp_path, value):
    assert refusal(tmp_path, {"text": "a", "odd": value}, None).facts["row"] == 1
