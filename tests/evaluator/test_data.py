import gzip
import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from evaluator.errors import DataRefused
from evaluator.task.cells import MOST_TEXT_CHARACTERS
from evaluator.task.data import read_samples
from evaluator.task.examples import read_jsonl, write_jsonl

COLUMNS = {"text": "text", "label": "label"}
ROWS = [
    {"text": 'a cat, "asleep"', "label": "cat"},
    {"text": "ein größerer Hund\nbellt", "label": "dog"},
]


def written(path, rows=ROWS):
    table = {"text": [one["text"] for one in rows], "label": [one["label"] for one in rows]}
    if path.suffix == ".parquet":
        parquet.write_table(pa.table(table), path)
    elif path.suffix == ".csv":
        quoted = (
            '"{}","{}"'.format(*(part.replace('"', '""') for part in (one["text"], one["label"])))
            for one in rows
        )
        path.write_text("\n".join(["text,label", *quoted]) + "\n")
    else:
        path.write_bytes(write_jsonl(rows))
    return path


def refusal(path, raw):
    path.write_bytes(raw)
    with pytest.raises(DataRefused) as refused:
        read_samples(path, file_format=path.suffix[1:], columns=COLUMNS)
    return refused.value


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_every_format_gives_the_same_examples(tmp_path, suffix):
    path = written(tmp_path / f"rows.{suffix}")
    assert read_samples(path, file_format=suffix, columns=COLUMNS) == ROWS


def test_reading_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    read_samples(written(tmp_path / "rows.jsonl"), file_format="jsonl", columns=COLUMNS)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_numbers_as_labels_are_class_names(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"body": "a", "kind": 3}\n{"body": "b", "kind": 12}\n')
    found = read_samples(path, file_format="jsonl", columns={"text": "body", "label": "kind"})
    assert [one["label"] for one in found] == ["3", "12"]


@pytest.mark.parametrize(
    ("name", "raw", "code", "row"),
    [
        ("a.jsonl", b'{"text": "a", "label": "x"}\n{"text": "b", "label"\n', "malformed", 2),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n[1, 2]\n', "malformed", 2),
        (
            "a.jsonl",
            b'{"text": "a", "label": "x"}\n{"text": {"a": 1}, "label": "x"}\n',
            "malformed",
            2,
        ),
        ("a.jsonl", b'{"text": 1, "label": "x"}\n', "malformed", 1),
        (
            "a.jsonl",
            b'{"text": "a", "label": "x"}\n{"text": "\xff", "label": "x"}\n',
            "malformed",
            2,
        ),
        ("a.jsonl", b'{"text": "a", "label": ["x"]}\n', "malformed", 1),
        ("a.jsonl", b'{"text": "a", "label": "x"}\n{"text": " ", "label": "x"}\n', "empty", 2),
        ("a.jsonl", b'{"text": "a", "label": null}\n', "empty", 1),
        ("a.jsonl", b"", "empty", 0),
        ("a.csv", b"text,label\na,x\nb,x,extra\n", "malformed", 2),
        ("a.csv", b'text,label\n"a,x\n', "malformed", 1),
        ("a.csv", b"text,label\n", "empty", 0),
        ("a.csv", b"text,label\na,x\nb,\n", "empty", 2),
        ("a.parquet", b"PAR1 this is not parquet", "malformed", 0),
    ],
)
def test_a_broken_file_names_its_row(tmp_path, name, raw, code, row):
    found = refusal(tmp_path / name, raw)
    assert (found.code, found.facts["row"]) == (f"data.{code}", row)
    assert found.next_step


def test_a_missing_column_is_named_with_the_closest_one(tmp_path):
    found = refusal(tmp_path / "a.jsonl", b'{"texts": "a", "label": "x"}\n')
    assert found.code == "data.column_missing"
    assert found.facts["columns"] == ["texts", "label"]
    assert found.next_step == "Did you mean texts?"


def test_an_archive_in_a_data_files_clothes_is_never_unpacked(tmp_path):
    packed = gzip.compress(write_jsonl(ROWS))
    assert refusal(tmp_path / "a.jsonl", packed).code == "data.malformed"
    assert refusal(tmp_path / "a.csv", b"PK\x03\x04" + b"a" * 99).code == "data.malformed"


def test_limits_are_named(tmp_path):
    long = json.dumps({"text": "a" * (MOST_TEXT_CHARACTERS + 1), "label": "x"}).encode()
    assert refusal(tmp_path / "a.jsonl", long).code == "data.text_too_long"
    assert refusal(tmp_path / "a.jsonl", b"{}\n" * 300_000).code == "data.too_large"
    with (tmp_path / "b.jsonl").open("wb") as file:
        file.truncate(65 * 1024 * 1024)
    with pytest.raises(DataRefused) as refused:
        read_samples(tmp_path / "b.jsonl", file_format="jsonl", columns=COLUMNS)
    assert refused.value.as_dict()["facts"]["unit"] == "bytes"


def test_unknown_formats_and_missing_files_are_named(tmp_path):
    with pytest.raises(DataRefused, match="xlsx"):
        read_samples(tmp_path / "a.xlsx", file_format="xlsx", columns=COLUMNS)
    with pytest.raises(DataRefused) as refused:
        read_samples(tmp_path / "a.csv", file_format="csv", columns=COLUMNS)
    assert refused.value.code == "data.file_missing"


def test_our_own_lines_come_back_and_others_are_refused(tmp_path):
    path = written(tmp_path / "rows.jsonl")
    assert read_jsonl(path) == ROWS
    path.write_text('["text", "a"]\n')
    with pytest.raises(DataRefused, match="row 1"):
        read_jsonl(path)
