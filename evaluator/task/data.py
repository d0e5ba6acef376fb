"""Read a sponsor's file of samples: exactly as it is written, or not at all. docs/data.md."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assay.errors import did_you_mean
from evaluator.errors import (
    DataColumnMissing,
    DataColumnTwice,
    DataFileMissing,
    DataFormatUnknown,
    DataRefused,
)
from evaluator.evaluators.form import Sample
from evaluator.task.cells import Cells
from evaluator.task.formats.csv_file import CsvFile
from evaluator.task.formats.json_lines import JsonLines
from evaluator.task.formats.parquet_file import ParquetFile
from evaluator.task.formats.table import (
    MOST_CELLS,
    MOST_COLUMNS,
    MOST_FILE_BYTES,
    MOST_ROWS,
    Source,
    limit,
)

FORMATS = ("jsonl", "csv", "parquet")
SUFFIXES = {"json": "jsonl", "ndjson": "jsonl", "tsv": "csv", "tab": "csv"}  # other names of these
SHOWN_COLUMNS = 20


@dataclass(frozen=True)
class Columns:
    """Which columns are read: the evaluator's name -> the name in the file.

    needed  None: every column as it is, of texts, whole numbers, truth values and lists of these
    """

    needed: Mapping[str, str] | None
    optional: Mapping[str, str]


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
                 column_missing, column_twice, text_too_long; rows are counted from 1, without the
                 header line
    """
    wanted = Columns(columns, optional or {})
    source = open_source(path, file_format, wanted_names(wanted))
    return list(sound(samples(path, source, wanted)))


def format_of(path: Path) -> str:
    """The format that a file's suffix names; what is no format is refused when it is opened."""
    suffix = path.suffix.removeprefix(".").lower()
    return SUFFIXES.get(suffix, suffix)


def open_source(path: Path, file_format: str, hints: Collection[str]) -> Source:
    """The open file. hints: names of columns that are wanted, by which a separator is known.

    raises DataRefused: file_missing, format_unknown, too_large, malformed, empty
    """
    if file_format not in FORMATS:
        raise DataFormatUnknown(
            f"The format {file_format!r:.40} is not read.",
            next_step=did_you_mean(file_format, list(FORMATS)),
            file=path.name,
            formats=list(FORMATS),
        )
    if not path.is_file():
        raise DataFileMissing(f"There is no file {path.name}.", file=path.name)
    if file_format == "csv":
        return CsvFile(path, hints)
    return JsonLines(path) if file_format == "jsonl" else ParquetFile(path)


def wanted_names(wanted: Columns) -> list[str]:
    """The names in the file that are looked for."""
    return [*(wanted.needed or {}).values(), *wanted.optional.values()]


def samples(path: Path, source: Source, wanted: Columns) -> Iterator[Sample | DataRefused]:
    """Each row as the evaluator reads it, or what is wrong with it.

    raises DataRefused where it is the whole file: column_missing, column_twice, too_large
    """
    held = _held(path, source, wanted)
    is_free = wanted.needed is None
    cells = Cells(path, is_text=source.is_text, is_free=is_free)
    optional, characters = {} if is_free else wanted.optional, 0
    for place, found in enumerate(source.rows({*held.values()}), start=1):
        limit(path, place, MOST_ROWS, "rows")
        limit(path, place * len(held) * is_free, MOST_CELLS, "cells")
        if isinstance(found, DataRefused):
            yield found
            continue
        # A few bytes of Parquet may stand for one long text again and again.
        characters += sum(len(one) for one in found.cells.values() if isinstance(one, str))
        limit(path, characters, MOST_FILE_BYTES, "characters")
        try:
            yield {
                name: cells.read(found.row, name, found.cells.get(there))
                for name, there in held.items()
                if name not in optional or found.cells.get(there) is not None
            }
        except DataRefused as error:
            yield error


def sound(found: Iterable[Sample | DataRefused]) -> Iterator[Sample]:
    """The rows; raises the first refusal among them."""
    for one in found:
        if isinstance(one, DataRefused):
            raise one
        yield one


def _held(path: Path, source: Source, wanted: Columns) -> dict[str, str]:
    """The evaluator's name -> the name in the file, of all columns that are read."""
    if wanted.needed is None:
        held = {name: name for name in source.columns if name}
        limit(path, len(held), MOST_COLUMNS, "different keys or columns")
    else:
        held = dict(wanted.needed)
    held |= {name: there for name, there in wanted.optional.items() if there in source.columns}
    for name, there in held.items():
        if source.columns.count(there) > 1:
            raise DataColumnTwice(
                f"{path.name} has the column {there[:60]!a} twice.",
                file=path.name,
                column=there[:60],
            )
        if there not in source.columns:
            raise unreadable(source) or missing_column(path, source, there, name)
    return held


def unreadable(source: Source) -> DataRefused | None:
    """What is wrong with the first row of a file in which no row can be read."""
    if source.columns:
        return None
    return next((one for one in source.rows(()) if isinstance(one, DataRefused)), None)


def missing_column(path: Path, source: Source, there: str, name: str) -> DataColumnMissing:
    """The refusal of a file without this column, which is wanted as the evaluator's `name`."""
    known = [one[:40].encode("utf-8", "replace").decode() for one in source.columns]
    role, shown = f" for the {name}" * (name != there), ", ".join(known[:SHOWN_COLUMNS]) or "none"
    return DataColumnMissing(
        f"{path.name} has no column {there!r:.60}{role}; it has {shown}.",
        next_step=did_you_mean(there, known) or DataColumnMissing.next_step,
        file=path.name,
        column=there[:60],
        columns=known[:SHOWN_COLUMNS],
    )
