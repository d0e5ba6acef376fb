"""Files whose size says little of what they cost: refused before the costly part begins."""

import json

import pyarrow as pa
import pytest
import yaml
from pyarrow import parquet

from evaluator.errors import DataRefused, DataTooLarge, HarnessRefused
from evaluator.evaluators.taskfile import read_task
from evaluator.task.data import read_samples
from evaluator.task.formats.json_lines import JsonLines
from evaluator.task.formats.table import MOST_COLUMNS, MOST_ROW_VALUES, Number
from evaluator.task.preview import preview
from workers import preparation, sponsor_files

TAKES_ALL, TAKES_TWO = "lm_eval_exact_match", "accuracy"


def codes(path, metric):
    told = preview(path, file_format=path.suffix[1:], metric=metric, columns={})
    return [one["code"] for one in told["faults"]], told["faults"][0]["message"]


def test_a_new_key_in_every_row_is_refused_where_all_columns_are_taken(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(json.dumps({f"k{n}": "v"}) for n in range(2 * MOST_COLUMNS)))
    found, said = codes(path, TAKES_ALL)
    assert found == ["data.too_large"]
    assert "keys" in said


def test_a_table_that_is_taken_whole_has_a_most_of_cells(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluator.task.data.MOST_CELLS", 100)
    path = tmp_path / "a.csv"
    path.write_text("a,b,c\n" + "x,y,z\n" * 40)
    found, said = codes(path, TAKES_ALL)
    assert found == ["data.too_large"]
    assert "102 cells" in said


def test_one_long_text_again_and_again_has_an_end(tmp_path, monkeypatch):
    """In Parquet a dictionary says it in a few bytes a row."""
    monkeypatch.setattr("evaluator.task.data.MOST_FILE_BYTES", 1000)
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + f"{'x' * 90},a\n" * 40)
    assert "data.too_large" in codes(path, TAKES_TWO)[0]


def test_long_lists_are_counted_before_they_are_read(tmp_path, monkeypatch):
    """Of the numbers in a row of 8 MB each took a microsecond, three times."""
    monkeypatch.setattr(Number, "__init__", lambda *_: pytest.fail("it was read"))
    path = tmp_path / "a.jsonl"
    row = f'{{"text": "a", "label": "b", "more": [{"1," * MOST_ROW_VALUES}1]}}'
    path.write_text(f"{row}\n{row}\n")
    found, said = codes(path, TAKES_TWO)
    assert found[0] == "data.malformed"
    assert f"{MOST_ROW_VALUES + 3} values; the limit is {MOST_ROW_VALUES}" in said
    path = tmp_path / "a.csv"
    path.write_text(f'references\n"[{"1," * 64}1]"\n')
    with pytest.raises(DataRefused, match="the references are 65; the limit is 64"):
        read_samples(path, file_format="csv", columns={"references": "references"})


@pytest.mark.parametrize("held", [
    "[{}]", '{{"a": {}}}', '"\n{{"a": {}}}', '{{"b": "\\"", "a": {}}}',
])  # fmt: skip
def test_a_file_has_a_most_of_values_and_texts_hide_none(held, tmp_path, monkeypatch):
    monkeypatch.setattr("evaluator.task.formats.json_lines.MOST_VALUES", 50)
    path = tmp_path / "a.jsonl"
    path.write_text(held.format("[" + "1," * 60 + "1]"))
    with pytest.raises(DataTooLarge, match="values; the limit is 50"):
        JsonLines(path)
    path.write_text('{"a": "' + "," * 60 + '"}')
    assert JsonLines(path).columns == ("a",)


def test_a_few_bytes_of_parquet_are_no_lists_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluator.task.formats.parquet_file.MOST_VALUES", 1000)
    path = tmp_path / "a.parquet"
    lists = pa.array([["x"] * 501] * 2)
    parquet.write_table(pa.table({"text": ["a", "b"], "label": lists}), path)
    assert path.stat().st_size < 2000
    found, said = codes(path, TAKES_TWO)
    assert found == ["data.too_large"]
    assert "values" in said


@pytest.mark.parametrize("text", ["[" * 32_000, "- " * 32_000, "{a: " * 16_000, "? " * 32_000])
def test_a_deep_task_file_is_refused_before_its_parts_are_put_together(text, monkeypatch):
    monkeypatch.setattr(yaml, "safe_load", lambda _: pytest.fail("it was put together"))
    with pytest.raises(HarnessRefused, match="nested"):
        read_task(text)


def test_readers_of_a_sponsors_files_get_two_gib():
    for allowance in (preparation.ALLOWANCE, sponsor_files.LOOK):
        assert allowance.memory_bytes <= 2 << 30
