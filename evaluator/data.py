"""Read a sponsor's file of samples, through the `datasets` library.

The file is checked before the library opens it: it extracts archives by their first bytes, and a
small one can hold a great deal. Nothing is fetched, and its cache lives in a temporary folder.
"""

import csv
import io
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import datasets
import pyarrow as pa
from pyarrow import parquet

from assay.errors import did_you_mean
from evaluator.errors import (
    DataColumnMissing,
    DataEmpty,
    DataFileMissing,
    DataFormatUnknown,
    DataMalformed,
    DataTextTooLong,
    DataTooLarge,
)
from evaluator.evaluators.form import Sample

MOST_FILE_BYTES = 64 * 1024 * 1024
MOST_ROWS = 200_000
MOST_TEXT_CHARACTERS = 20_000
MOST_LABEL_CHARACTERS = 100
MOST_LIST = 64
NUMBERED = frozenset({"answer", "grades"})  # columns that may hold whole numbers
ARCHIVES = (b"PK\x03\x04", b"BZh")  # the archives whose first bytes are also text
FORMATS = ("jsonl", "csv", "parquet")


def read_samples(
    path: Path,
    *,
    file_format: str,
    columns: Mapping[str, str] | None,
    optional: Mapping[str, str] | None = None,
) -> list[Sample]:
    """The rows of a file, in its order, with the columns that an evaluator needs.

    file_format  "jsonl", "csv" (with a header line) or "parquet"
    columns      the evaluator's name of a column -> its name in the file; None: every column as it
                 is, of texts, whole numbers, truth values and lists of these
    optional     the same for columns that a file may have
    raises       DataRefused: file_missing, format_unknown, too_large, malformed, empty,
                 column_missing, text_too_long; rows are counted from 1, without the header line
    """
    _check_file(path, file_format)
    table = _read_table(path, file_format)
    _check_table(path, table)
    held = {name: name for name in table.column_names} if columns is None else dict(columns)
    held |= {name: there for name, there in (optional or {}).items() if there in table.column_names}
    found = {name: _column(path, table, there) for name, there in held.items()}
    readers = {name: _free_cell if columns is None else _reader(name) for name in held}
    return [
        {name: readers[name](path, row, name, cells[row - 1]) for name, cells in found.items()}
        for row in range(1, table.num_rows + 1)
    ]


def _check_file(path: Path, file_format: str) -> None:
    if file_format not in FORMATS:
        raise DataFormatUnknown(
            f"The format {file_format!r:.40} is not read.",
            next_step=did_you_mean(file_format, list(FORMATS)),
            file=path.name,
            formats=list(FORMATS),
        )
    if not path.is_file():
        raise DataFileMissing(f"There is no file {path.name}.", file=path.name)
    _limit(path, path.stat().st_size, MOST_FILE_BYTES, "bytes")
    if path.stat().st_size == 0:
        raise DataEmpty(f"{path.name} is empty.", file=path.name, row=0)
    if file_format == "parquet":
        _check_parquet(path)
    else:
        _check_text(path, header_rows=1 if file_format == "csv" else 0)


def _check_text(path: Path, *, header_rows: int) -> None:
    raw = path.read_bytes()
    is_text = not raw.startswith(ARCHIVES) and b"\0" not in raw
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        raise _malformed(path, row, "it is not UTF-8 text") from error
    if not is_text:
        raise _malformed(path, 0, "it is not plain text")
    if not raw.strip() or raw.strip().count(b"\n") < header_rows:
        raise DataEmpty(f"{path.name} holds no rows.", file=path.name, row=0)
    _limit(path, raw.count(b"\n"), MOST_ROWS + 1, "rows")


def _check_parquet(path: Path) -> None:
    try:
        found = parquet.ParquetFile(path).metadata
    except (pa.ArrowException, OSError) as error:
        raise _malformed(path, 0, "it is not a Parquet file") from error
    size = sum(found.row_group(place).total_byte_size for place in range(found.num_row_groups))
    _limit(path, found.num_rows, MOST_ROWS, "rows")
    _limit(path, size, MOST_FILE_BYTES, "bytes")


def _read_table(path: Path, file_format: str) -> datasets.Dataset:
    readers = {
        "jsonl": datasets.Dataset.from_json,
        "csv": datasets.Dataset.from_csv,
        "parquet": datasets.Dataset.from_parquet,
    }
    datasets.disable_progress_bars()
    with tempfile.TemporaryDirectory(prefix="assay-data-") as cache:
        try:
            return readers[file_format](str(path), cache_dir=cache, keep_in_memory=True)
        except (datasets.exceptions.DatasetsError, pa.ArrowException, ValueError) as error:
            row, problem = _first_fault(path, file_format)
            raise _malformed(path, row, problem) from error


def _first_fault(path: Path, file_format: str) -> tuple[int, str]:
    """Where the file is broken: (row from 1, or 0 when no single row is; what is wrong)."""
    if file_format == "parquet":
        return 0, "it is not a readable Parquet file"
    faults = _json_faults if file_format == "jsonl" else _csv_faults
    return next(faults(path.read_text("utf-8")), (0, "its rows have different columns or types"))


def _json_faults(text: str) -> Iterator[tuple[int, str]]:
    kinds: dict[str, type] = {}
    for row, line in enumerate(text.splitlines(), start=1):
        try:
            value = json.loads(line) if line.strip() else {}
        except (ValueError, RecursionError):
            yield row, "the line is not JSON"
            continue
        if not isinstance(value, dict):
            yield row, "the line is not a JSON object"
            continue
        for name, one in value.items():
            if kinds.setdefault(name, type(one)) is not type(one):
                yield row, f"the type of {name[:40]!r} differs from the rows before"


def _csv_faults(text: str) -> Iterator[tuple[int, str]]:
    lines = csv.reader(io.StringIO(text), strict=True)
    width = 0
    try:
        for row, cells in enumerate(lines):
            width = width or len(cells)
            if len(cells) not in {0, width}:
                yield row, f"the row has {len(cells)} columns, the header {width}"
    except csv.Error:
        yield lines.line_num - 1, "the quotes do not match"


def _check_table(path: Path, table: datasets.Dataset) -> None:
    _limit(path, table.num_rows, MOST_ROWS, "rows")
    if table.num_rows == 0:
        raise DataEmpty(f"{path.name} holds no rows.", file=path.name, row=0)


def _column(path: Path, table: datasets.Dataset, name: str) -> list[object]:
    if name in table.column_names:
        return list(table[name])
    known = [str(one)[:40] for one in table.column_names[:20]]
    raise DataColumnMissing(
        f"{path.name} has no column {name!r:.60}; it has {', '.join(known)}.",
        next_step=did_you_mean(name, known) or DataColumnMissing.next_step,
        file=path.name,
        column=name[:60],
        columns=known,
    )


def _reader(name: str) -> Callable[[Path, int, str, object], object]:
    """What reads a cell of a column."""
    if name == "label":
        return _label
    return _free_cell if name in NUMBERED else _cell


def _cell(path: Path, row: int, name: str, value: object) -> object:
    """A text, or a list of texts."""
    if isinstance(value, list) and 0 < len(value) <= MOST_LIST:
        return [_text(path, row, name, one) for one in value]
    return _text(path, row, name, value)


def _free_cell(path: Path, row: int, name: str, value: object) -> object:
    """A text, a whole number, a truth value, or a list of these."""
    if isinstance(value, list) and 0 < len(value) <= MOST_LIST:
        return [one if isinstance(one, int) else _text(path, row, name, one) for one in value]
    return value if isinstance(value, int) else _text(path, row, name, value)


def _text(path: Path, row: int, name: str, value: object) -> str:
    if value is not None and not isinstance(value, str):
        raise _malformed(path, row, f"the {name} is not a text")
    if value is None or not value.strip():
        raise DataEmpty(
            f"The {name} in row {row} of {path.name} is empty.", file=path.name, row=row
        )
    if len(value) > MOST_TEXT_CHARACTERS:
        raise DataTextTooLong(
            f"The {name} in row {row} of {path.name} has {len(value)} characters.",
            file=path.name,
            row=row,
            characters=len(value),
            limit=MOST_TEXT_CHARACTERS,
        )
    return value


def _label(path: Path, row: int, _: str, value: object) -> str:
    """Numbers are class names too; they are written as the file's reader shows them."""
    label = "" if value is None else str(value).strip()
    if not label:
        raise DataEmpty(f"The label in row {row} of {path.name} is empty.", file=path.name, row=row)
    if not isinstance(value, str | int | float) or len(label) > MOST_LABEL_CHARACTERS:
        raise _malformed(path, row, "the label is not a short text or number")
    return label


def _limit(path: Path, size: int, limit: int, unit: str) -> None:
    if size > limit:
        raise DataTooLarge(
            f"{path.name} has {size} {unit}; the limit is {limit}.",
            file=path.name,
            size=size,
            limit=limit,
            unit=unit,
        )


def _malformed(path: Path, row: int, problem: str) -> DataMalformed:
    place = f"row {row} of {path.name}" if row else path.name
    return DataMalformed(f"Cannot read {place}: {problem}.", file=path.name, row=row)
