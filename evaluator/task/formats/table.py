"""What every format of a sponsor's file comes to: named columns, and rows counted from 1.

A cell is a text as it stands in the file, a `Number` with its digits, a truth value, a list of
these, or None where nothing is. Whatever else a format can hold is an `Odd` that says its kind.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from evaluator.errors import DataEmpty, DataMalformed, DataRefused, DataTooLarge

MOST_FILE_BYTES = 64 * 1024 * 1024
MOST_ROWS = 200_000
MOST_LINES = 5_000_000
MOST_COLUMNS = 1_000
MOST_CELLS = 1_000_000  # that are taken as they are, of all columns
MOST_VALUES = 4_000_000  # of JSON or Parquet: entries of lists and objects count each
MOST_ROW_VALUES = 100_000
ESCAPED = range(0xDC80, 0xDD00)  # where a byte that is no UTF-8 is kept: "surrogateescape"


_JSON_TEXT = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Number:
    """A number with the digits that the file gives it."""

    digits: str


@dataclass(frozen=True, slots=True)
class Odd:
    """A cell of a kind that no column of ours takes. kind: "a date", "an object", ..."""

    kind: str


Cell = str | Number | bool | list["Cell"] | Odd | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file. row: from 1, without a header; cells: of the wanted columns alone."""

    row: int
    cells: dict[str, Cell]


class Source(Protocol):
    """A file that is open for reading.

    columns  all names in the file, in order; one that stands there twice is named twice
    guessed  sentences: what the file did not say
    is_text  every cell is a text, as in CSV
    """

    columns: tuple[str, ...]
    guessed: tuple[str, ...]
    is_text: bool

    def rows(self, names: Collection[str]) -> Iterator[Row | DataRefused]:
        """The rows in the file's order, or what is wrong with one; nothing else is read."""


def check_size(path: Path) -> None:
    """raises DataEmpty, DataTooLarge before a byte is read"""
    limit(path, path.stat().st_size, MOST_FILE_BYTES, "bytes")
    if path.stat().st_size == 0:
        raise DataEmpty(f"{path.name} is empty.", file=path.name, row=0)


def limit(path: Path, size: int, most: int, unit: str) -> None:
    """raises DataTooLarge"""
    if size > most:
        raise DataTooLarge(
            f"{path.name} has {size} {unit}; the limit is {most}.",
            file=path.name,
            size=size,
            limit=most,
            unit=unit,
        )


def values_in(text: str, most: int) -> int:
    """How many values JSON holds, or fewer where they are at most `most`, without reading it.

    Each behind the first follows a comma outside of texts.
    """
    if text.count(",") < most:
        return 0
    return 1 + _JSON_TEXT.sub("", text).count(",")


def malformed(path: Path, row: int, problem: str, *, line: int = 0) -> DataMalformed:
    """The refusal of one row, or of the file where row is 0. line: where it is not the row."""
    place = f"row {row} of {path.name}" if row else path.name
    where = f" (line {line})" if line and line != row else ""
    return DataMalformed(f"Cannot read {place}{where}: {problem}.", file=path.name, row=row)
