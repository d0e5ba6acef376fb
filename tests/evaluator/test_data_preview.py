"""What a sponsor sees before anything runs, and one file shared out into three slices."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from evaluator.errors import DataRefused
from evaluator.registry import evaluator_of
from evaluator.task.overlap import refuse_overlap, told
from evaluator.task.preview import MOST_FAULTS, preview
from evaluator.task.splitting import split

HOUSE = Path(__file__).resolve().parents[2]
CLASSIFICATION, GENERATION = evaluator_of("accuracy"), evaluator_of("exact_match")
WORDS = tuple("abcdefghijklmnopqrst")


def shown(tmp_path, name, raw, metric="accuracy", **columns):
    path = tmp_path / name
    path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    suffix = path.suffix.removeprefix(".")
    return preview(path, file_format=suffix, metric=metric, columns=columns)


def text(number):
    return " ".join(WORDS[(number * step + step) % 20] for step in (1, 3, 7, 9, 11)) + f" {number}"


def labelled(count, labels=("a", "b")):
    return [{"text": text(k), "label": labels[k % len(labels)]} for k in range(count)]


def test_a_file_is_shown_as_read_with_all_that_was_recognised(tmp_path):
    rows = "".join(f"{text(k)};{'spam' if k % 3 else 'Spam'};x\n" for k in range(12))
    found = shown(tmp_path, "a.csv", "review;class;note\n" + rows + f"{text(0)};spam;y\n")
    assert found["columns"] == ["review", "class", "note"]
    assert found["matched"] == {"text": "review", "label": "class"}
    assert found["rows"][0] == {"text": text(0), "label": "Spam"}
    assert (len(found["rows"]), found["row_count"], found["duplicates"]) == (10, 13, 1)
    assert found["classes"] == [{"label": "Spam", "count": 4}, {"label": "spam", "count": 9}]
    assert found["lengths"]["text"]["unit"] == "characters"
    assert found["guessed"] == [
        "The separator is a semicolon.",
        "The column 'review' is taken for the text.",
        "The column 'class' is taken for the label.",
    ]
    assert found["warnings"] == [
        "The labels 'Spam' and 'spam' look alike and are different classes.",
        "One text stands there with different labels.",
    ]
    assert found["faults"] == []


def test_all_faults_are_told_at_once_with_their_rows(tmp_path):
    lines = ['{"text": "a", "label": "x"}', '{"text": "b"}', "[1]", '{"text": 7, "label": "x"}']
    lines += ['{"text": "a", "text": "b", "label": "x"}', '{"text": "\\ud800", "label": "y"}']
    found = shown(tmp_path, "a.jsonl", "\n".join([*lines, '{"text": "c", "label": "y"}']))
    assert [(one["row"], one["code"]) for one in found["faults"]] == [
        (2, "data.empty"),
        *[(row, "data.malformed") for row in (3, 4, 5, 6)],
    ]
    assert "'text' stands there twice" in found["faults"][3]["message"]
    assert "surrogate" in found["faults"][4]["message"]
    assert (found["row_count"], len(found["rows"])) == (7, 2)


def test_more_faults_than_are_shown_are_counted(tmp_path):
    found = shown(tmp_path, "a.csv", "text,label\n" + "a,b,c\n" * 50)
    assert (len(found["faults"]), found["fault_count"]) == (MOST_FAULTS, 50)


def test_a_file_that_is_none_has_one_fault_without_a_row(tmp_path):
    for raw in (b"", b"PK\x03\x04zip", "text,label\n"):
        [fault] = shown(tmp_path, "a.csv", raw)["faults"]
        assert fault["row"] is None
    faults = shown(tmp_path, "a.csv", "words,kind\na,b\n", text="words", label="sort")["faults"]
    assert [one["code"] for one in faults] == ["data.column_missing"]


def test_one_class_and_texts_in_the_place_of_classes_are_faults_of_the_file(tmp_path):
    same = "text,label\n" + "".join(f"{text(k)},a\n" for k in range(9))
    assert [one["code"] for one in shown(tmp_path, "a.csv", same)["faults"]] == [
        "data.metric_mismatch"
    ]


def test_the_door_needs_no_torch_and_prints_one_document(tmp_path):
    (tmp_path / "a.csv").write_text("text,label\na,x\nb,y\n")
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was loaded')")
    (tmp_path / "tokenizers.py").write_text("raise SystemExit('a tokenizer was loaded')")
    done = subprocess.run(
        [sys.executable, "-m", "evaluator", "preview", str(tmp_path / "a.csv")],
        cwd=HOUSE,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
    )
    assert json.loads(done.stdout)["row_count"] == 2


def test_a_split_is_the_same_every_time_and_another_for_another_seed():
    rows = labelled(100)
    first, again, other = (split(rows, CLASSIFICATION, seed=seed) for seed in ("1", "1", "2"))
    assert first == again != other
    assert {name: len(held) for name, held in first.items()} == {
        "train": 10, "public": 10, "board": 20, "final": 60,
    }  # fmt: skip
    assert sorted(one["text"] for held in first.values() for one in held) == sorted(
        one["text"] for one in rows
    )


def test_every_class_is_shared_out_by_itself():
    rows = labelled(200, ("a", "a", "a", "b"))
    for held in split(rows, CLASSIFICATION, seed="s").values():
        assert sum(one["label"] == "b" for one in held) * 4 == len(held)


def test_rows_of_a_group_and_near_duplicates_stay_together():
    rows = labelled(120)
    groups = [k // 4 for k in range(120)]
    found = split(rows, CLASSIFICATION, seed="s", groups=groups)
    where = {one["text"]: name for name, held in found.items() for one in held}
    for k in range(0, 120, 4):
        assert len({where[one["text"]] for one in rows[k : k + 4]}) == 1
    twice = [{**one, "text": one["text"].upper()} for one in rows]
    found = split([*rows, *twice], CLASSIFICATION, seed="s")
    texts = {name: [told(CLASSIFICATION, one) for one in held] for name, held in found.items()}
    assert refuse_overlap(texts) == {}


@pytest.mark.parametrize(
    ("rows", "evaluator"),
    [
        (labelled(3), CLASSIFICATION),
        (labelled(12), CLASSIFICATION),
        (labelled(60, ("a",) * 19 + ("b",)), CLASSIFICATION),
        ([{"prompt": text(k), "references": "x"} for k in range(9)], GENERATION),
    ],
)
def test_a_split_that_could_prove_nothing_is_refused(rows, evaluator):
    with pytest.raises(DataRefused) as refused:
        split(rows, evaluator, seed="s")
    assert refused.value.code in {"data.too_small", "data.metric_mismatch"}


def test_a_file_of_which_no_row_can_be_read_tells_of_its_rows_not_of_columns(tmp_path):
    found = shown(tmp_path, "a.jsonl", "not json\nnor this")
    assert [(one["row"], one["code"]) for one in found["faults"]] == [
        (1, "data.malformed"),
        (2, "data.malformed"),
    ]
    [text, label] = shown(tmp_path, "a.jsonl", "{}\n")["faults"]
    assert text["code"] == label["code"] == "data.column_missing"
