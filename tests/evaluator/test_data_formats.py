"""CSV, JSON lines and Parquet as people have them: text stays, nothing shifts, causes are named."""

import datetime as dt
import json

import pyarrow as pa
import pytest
from pyarrow import parquet

from evaluator.errors import DataRefused
from evaluator.task.data import read_samples
from evaluator.task.preview import preview

COLUMNS = {"text": "text", "label": "label"}
ASKED = {"prompt": "prompt", "references": "references"}


def read(path, columns=COLUMNS):
    return read_samples(path, file_format=path.suffix[1:], columns=columns)


def of_text(tmp_path, name, text, columns=COLUMNS):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [list(one.values()) for one in read(path, columns)]


def of_table(tmp_path, columns=COLUMNS, **held):
    parquet.write_table(pa.table(held), tmp_path / "a.parquet")
    return [list(one.values()) for one in read(tmp_path / "a.parquet", columns)]


def refusal(call, *arguments, **named):
    with pytest.raises(DataRefused) as refused:
        call(*arguments, **named)
    return refused.value


WRITTEN = ("01", "1e5", "True", "FALSE", "2014-05-01", "None", "NA", "null", "nan", "-0.0", "+1")


@pytest.mark.parametrize("written", [*WRITTEN, "Infinity", "=1+1", "9" * 40, "1_000", "#N/A"])
def test_a_csv_cell_is_a_text_and_a_label_exactly_as_it_stands(tmp_path, written):
    rows = of_text(tmp_path, "a.csv", f"text,label\n{written},x\ny,{written}\n")
    assert rows == [[written, "x"], ["y", written]]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("\ufefftext,label\na,x\n", [["a", "x"]]),
        ('text,label\r\n"a\r\nb",x\r\n', [["a\r\nb", "x"]]),
        ("text,label\ra,x\rb,y\r", [["a", "x"], ["b", "y"]]),
        ("\n\ntext,label\n\na,x\n   \nb,y", [["a", "x"], ["b", "y"]]),
        ('text,label\n5" screen,x\n"a ""b""",y\n', [['5" screen', "x"], ['a "b"', "y"]]),
        ("text;label\na, b;x\n", [["a, b", "x"]]),
        ("text\tlabel\na, b\tx\n", [["a, b", "x"]]),
        ("text|label\na|x\n", [["a", "x"]]),
        ("sep=;\ntext;label\na, b;x\n", [["a, b", "x"]]),
        ("label,other,text\nx,,a\n", [["a", "x"]]),
        ("text,label,\na,x,\n", [["a", "x"]]),
        ("text , label\na, x\n", [["a", "x"]]),
        ("text,label,other,other\na,x,1,2\n", [["a", "x"]]),
    ],
)  # fmt: skip
def test_csv_as_spreadsheets_and_scripts_write_it(tmp_path, text, rows):
    assert of_text(tmp_path, "a.csv", text) == rows


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        ("text,label\na,x\nhello, world,x\n", 2, ("3 fields", "2 columns", "comma")),
        ("text,label\n7,one text,a\n", 1, ("3 fields", "line 2")),
        ("text,label\n\n\na,x\nb\n", 2, ("1 field,", "line 5")),
        ('text,label\n"a\nb",x\nc,x,x\n', 2, ("line 4",)),
        ("text;label\na;b;c\n", 1, ("a semicolon",)),
        ('text,label\na,x\n"b,y\nc,z\n', 2, ("never closed",)),
        ('text,label\n"a" b,x\n', 1, ("followed by more text",)),
        ("sep=~\ntext~label\na~x\n", 0, ("sep=~",)),
        ("text,label\na,\n", 1, ("label", "empty")),
        (b"text,label\ncaf\xe9,x\n", 1, ("UTF-8", "0xE9")),
        (b"text,label\na,x\nb\0c,x\n", 2, ("U+0000",)),
        ("text,label\na,x\n".encode("utf-16"), 0, ("UTF-16",)),
        ("text,label\na,x\n".encode("utf-16-le"), 0, ("UTF-8",)),
        (b"PK\x03\x04" + b"a" * 99, 0, ("Excel",)),
        (b"\x1f\x8b" + b"a" * 99, 0, ("gzip",)),
        (b"version https://git-lfs.github.com/spec/v1\n", 0, ("Git LFS",)),
        (b"<!DOCTYPE html>\n<p>", 0, ("web page",)),
    ],
)
def test_a_csv_fault_is_named_with_its_row_and_true_cause(tmp_path, text, row, words):
    found = refusal(of_text, tmp_path, "a.csv", text)
    assert found.facts["row"] == row
    assert all(word in str(found) for word in words), str(found)


def test_a_column_that_stands_there_twice_is_refused_when_it_is_needed(tmp_path):
    for found in (
        refusal(of_text, tmp_path, "a.csv", "text,text,label\na,b,x\n"),
        refusal(_twice_in_parquet, tmp_path),
    ):
        assert found.code == "data.column_twice"
        assert "'text' twice" in str(found)


def _twice_in_parquet(tmp_path):
    table = pa.Table.from_arrays([pa.array(["a"])] * 3, names=["text", "text", "label"])
    parquet.write_table(table, tmp_path / "a.parquet")
    read(tmp_path / "a.parquet")


def test_rows_are_counted_as_rows_and_not_as_lines(tmp_path):
    lines = '"' + "\n".join("line" for _ in range(60)) + '"'
    assert len(of_text(tmp_path, "a.csv", "text,label\n" + f"{lines},x\n" * 3_500)) == 3_500


@pytest.mark.parametrize(
    ("cell", "held"),
    [
        ('"[""a"",""b""]"', ["a", "b"]),
        ("plain", "plain"),
        ("[1]", "[1]"),
        ('"[1, 2]"', "[1, 2]"),
        ("[citation needed]", "[citation needed]"),
        ('"[""a"", 1]"', None),
        ("\"['a', 'b']\"", None),
        ("[]", None),
    ],
)
def test_a_list_in_a_csv_cell_is_json_and_whatever_else_a_text(tmp_path, cell, held):
    text = f"prompt,references\np,{cell}\n"
    if held is None:
        assert refusal(of_text, tmp_path, "a.csv", text, ASKED).facts["row"] == 1
    else:
        assert of_text(tmp_path, "a.csv", text, ASKED) == [["p", held]]


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("9007199254740993", "9007199254740993"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("1.0", "1.0"),
        ("1e5", "1e5"),
        ("true", "true"),
        ('"2014-05-01T10:00:00"', "2014-05-01T10:00:00"),
        ('" a "', "a"),
    ],
)
def test_a_json_label_keeps_its_digits_and_a_date_stays_a_text(tmp_path, cell, label):
    assert of_text(tmp_path, "a.jsonl", f'{{"text":"t","label":{cell}}}') == [["t", label]]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"text":"a","label":NaN}', ("label", "empty")),
        ('{"text":null,"label":"x"}', ("text", "empty")),
        ('{"label":"x"}', ("text", "empty")),
        ('{"text":"a","label":Infinity}', ("Infinity",)),
        ('{"text":7,"label":"x"}', ("number", "quotes")),
        ('{"text":["a"],"label":"x"}', ("a list",)),
        ('{"text":{"a":1},"label":"x"}', ("an object",)),
        ('{"text":"a","text":"b","label":"x"}', ("'text' stands there twice",)),
        ('{"text":"\\ud83d half","label":"x"}', ("surrogate",)),
        ('{"text":"\\udc80","label":"x"}', ("surrogate",)),
        ('{"text":"a \\u0000","label":"x"}', ("U+0000",)),
        ('{"text":"a","label":"x"},', ("comma",)),
        ('{"text":"a","label":"x"}{}', ("more stands behind",)),
        ('{"text":"a","label":', ("does not end on its line",)),
        ("{'text':'a'}", ("not JSON",)),
        ('["a"]', ("not a JSON object",)),
        ('{"text":"a","label":"x","deep":' + "[" * 99_999, ("nested",)),
        ('{"label":"x","text":"a"' + "".join(f',"k{k}":0' for k in range(1_000)) + "}", ("1000",)),
    ],
)
def test_one_bad_row_of_json_is_named_by_number_and_true_cause(tmp_path, line, words):
    text = '{"text":"a","label":"x"}\n\n' + line
    found = refusal(of_text, tmp_path, "a.jsonl", text)
    assert found.facts["row"] == 2
    assert all(word in str(found) for word in words), str(found)


def test_what_nobody_reads_does_no_harm(tmp_path):
    odd = ',"id":1,"id":2,"half":"\\ud800","deep":{"a":[{"a":1,"a":2}]},"huge":' + "9" * 5_000
    assert of_text(tmp_path, "a.jsonl", f'{{"text":"a","label":"x"{odd}}}') == [["a", "x"]]
    assert of_text(tmp_path, "a.csv", b"text,label,note\na,x,caf\xe9\n") == [["a", "x"]]


def test_a_key_in_every_row_of_its_own_costs_nothing_and_is_not_kept(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(f'{{"text":"t{k}","label":"{k % 2}","k{k}":1}}\n' for k in range(9_000))
    )
    assert len(read(path)) == 9_000
    shown = preview(path, file_format="jsonl", metric="accuracy", columns={})
    assert len(shown["columns"]) == 100


def test_a_key_that_comes_later_and_a_list_beside_a_text_are_read(tmp_path):
    rows = [{"prompt": "p", "references": "a"}, {"prompt": "q", "references": ["b", "c"], "n": 1}]
    text = "\n".join(map(json.dumps, rows))
    assert of_text(tmp_path, "a.jsonl", text, ASKED) == [["p", "a"], ["q", ["b", "c"]]]


def test_line_ends_within_json_texts_are_no_line_ends_of_the_file(tmp_path):
    text = '{"text":"a\u2028b\u0085c","label":"x"}\r\n{"text":"d","label":"y"}'
    assert of_text(tmp_path, "a.jsonl", text) == [["a\u2028b\u0085c", "x"], ["d", "y"]]


def test_a_json_array_is_read_entry_by_entry(tmp_path):
    entries = [{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]
    assert of_text(tmp_path, "a.jsonl", json.dumps(entries, indent=1)) == [["a", "x"], ["b", "y"]]
    for broken, row in ((json.dumps(entries)[:-1], 3), ('[{"text": "a", "label": "x"}, 7]', 2)):
        assert refusal(of_text, tmp_path, "a.jsonl", broken).facts["row"] == row


def test_parquet_gives_texts_and_class_names_as_they_are(tmp_path):
    labels = pa.array(["b", "a"]).dictionary_encode()
    texts = pa.array(["01", "1e5"], pa.large_string())
    assert of_table(tmp_path, text=texts, label=labels) == [["01", "b"], ["1e5", "a"]]
    assert of_table(tmp_path, text=["a", "b"], label=[2**63 - 1, -1]) == [
        ["a", "9223372036854775807"],
        ["b", "-1"],
    ]
    found = of_table(tmp_path, text=["a", "b"], label=[True, False])
    assert [label for _, label in found] == ["true", "false"]
    found = of_table(tmp_path, ASKED, prompt=["p", "q"], references=[["a", "b"], ["c"]])
    assert found == [["p", ["a", "b"]], ["q", ["c"]]]


@pytest.mark.parametrize(
    ("label", "word"),
    [
        ([1.0, None], "empty"),
        ([1.0, float("nan")], "empty"),
        (["a", None], "empty"),
        (["a", " "], "empty"),
    ],
)
def test_null_and_nan_in_parquet_are_missing(tmp_path, label, word):
    found = refusal(of_table, tmp_path, text=["a", "b"], label=label)
    assert (found.facts["row"], found.code) == (2, "data.empty")
    assert word in str(found)


@pytest.mark.parametrize(
    ("texts", "word"),
    [
        ([b"a"], "bytes"),
        ([dt.date(2014, 5, 1)], "date32"),
        ([dt.datetime(2014, 5, 1)], "timestamp"),  # noqa: DTZ001 - as files hold it
        ([{"a": 1}], "struct"),
        ([7], "number"),
    ],
)
def test_what_is_no_text_in_parquet_is_named_by_its_type(tmp_path, texts, word):
    assert word in str(refusal(of_table, tmp_path, text=texts, label=["x"]))


def test_parquet_is_judged_before_its_pages_are_read(tmp_path):
    assert refusal(of_table, tmp_path, text=pa.array([], pa.string()), label=["x"][:0]).code == (
        "data.empty"
    )
    wide = {f"c{k}": [1] for k in range(1_001)}
    assert refusal(of_table, tmp_path, **wide).facts["unit"] == "columns"
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1" + b"\0" * 20 + b"\xff\xff\xff\x7fPAR1")
    assert refusal(read, path).code == "data.too_large"
    parquet.write_table(pa.table({"text": ["a"], "label": ["x"]}), path)
    path.write_bytes(path.read_bytes()[:-9])
    assert refusal(read, path).code == "data.malformed"


def test_columns_that_are_not_needed_do_not_count_against_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("evaluator.task.formats.parquet_file.MOST_FILE_BYTES", 2_000)
    images = pa.array([bytes([k]) * 900 for k in range(4)])
    held = {"text": list("abcd"), "label": list("xyxy"), "image": images}
    assert len(of_table(tmp_path, **held)) == 4
    with_image = {**COLUMNS, "text": "image"}
    assert refusal(of_table, tmp_path, with_image, **held).code == "data.too_large"


def test_too_many_columns_or_lines_are_refused_before_rows_are_read(tmp_path, monkeypatch):
    header = "text,label," + ",".join(f"c{k}" for k in range(1_000))
    assert refusal(of_text, tmp_path, "a.csv", header + "\na\n").facts["unit"] == "columns"
    monkeypatch.setattr("evaluator.task.formats.text_file.MOST_LINES", 9)
    assert refusal(of_text, tmp_path, "a.csv", "text,label\n" + "\n" * 9).facts["unit"] == "lines"
