"""A CSV file, read exactly: RFC 4180 with a header line, every cell a text as it stands.

The separator is a comma; a semicolon, a tab or a bar is recognised by the header's names and said.
Nothing is converted, and a row with another number of fields than the header is refused.
source  RFC 4180; Python's csv module, strict
"""

import csv
import io
import re
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from evaluator.errors import DataEmpty, DataRefused
from evaluator.task.formats.table import (
    MOST_COLUMNS,
    MOST_FILE_BYTES,
    Row,
    limit,
    malformed,
)
from evaluator.task.formats.text_file import read_text

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}
LOOKED_AT = 20  # rows by which the separator is judged
_SAID = re.compile(r'"?sep=([^\r\n])"?(?:\r\n|\r|\n)', re.IGNORECASE)


class CsvFile:
    """An open CSV file. hints: names of columns that are wanted, by which the separator is known.

    raises DataEmpty, DataTooLarge, DataMalformed
    """

    is_text = True

    def __init__(self, path: Path, hints: Collection[str]) -> None:
        csv.field_size_limit(MOST_FILE_BYTES)  # a long cell is judged by what it is for
        text = read_text(path)
        said = _SAID.match(text)
        self._path, self._skipped = path, int(bool(said))
        self._text = text[said.end() :] if said else text
        self._separator = _said(path, said[1]) if said else _separator(self._text, hints)
        self.guessed = tuple(_sentences(self._separator, is_said=bool(said)))
        self.columns = self._header()

    def rows(self, names: Collection[str]) -> Iterator[Row | DataRefused]:
        wanted = [(place, name) for place, name in enumerate(self.columns) if name in names]
        width = len(self.columns)
        for row, (line, fields) in enumerate(islice(self._records(), 1, None), start=1):
            if isinstance(fields, str):  # from here on nothing can be trusted
                yield malformed(self._path, row, fields, line=line)
            elif len(fields) == width:
                yield Row(row, {name: fields[place] or None for place, name in wanted})
            else:
                yield malformed(self._path, row, self._misfit(len(fields)), line=line)

    def _header(self) -> tuple[str, ...]:
        first = [fields for _, fields in islice(self._records(), 2)]
        if first and isinstance(first[0], str):
            raise malformed(self._path, 0, f"in its header {first[0]}")
        if len(first) < len(("header", "row")):
            raise DataEmpty(f"{self._path.name} holds no rows.", file=self._path.name, row=0)
        limit(self._path, len(first[0]), MOST_COLUMNS, "columns")
        return tuple(name.strip() for name in first[0])

    def _records(self) -> Iterator[tuple[int, list[str] | str]]:
        """(line, fields) of each that is not blank; a text for fields ends it: what is wrong."""
        reader, line = _reader(self._text, self._separator, is_strict=True), self._skipped
        try:
            for fields in reader:
                first, line = line + 1, reader.line_num + self._skipped
                if not _is_blank(fields):
                    yield first, fields
        except csv.Error as error:
            yield line + 1, _quotes(str(error))

    def _misfit(self, found: int) -> str:
        separator, wanted = SEPARATORS[self._separator], len(self.columns)
        more = f"; put a text that has {separator} into double quotes" if found > wanted else ""
        fields, columns = (_counted(found, "field"), _counted(wanted, "column"))
        return f"it has {fields}, and the header names {columns}{more}"


def _reader(text: str, separator: str, *, is_strict: bool) -> Any:
    return csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=is_strict)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _is_blank(fields: list[str]) -> bool:
    """A line with nothing but spaces; a quoted nothing is a cell."""
    return not fields or (len(fields) == 1 and fields[0].isspace())


def _quotes(problem: str) -> str:
    if "end of data" in problem:
        return "a double quote opens a field here and is never closed"
    if "expected after" in problem:
        return "a quoted field is followed by more text; a quote inside quotes is written twice"
    return problem


def _said(path: Path, separator: str) -> str:
    if separator not in SEPARATORS:
        raise malformed(path, 0, f"its first line says sep={ascii(separator)[1:-1]}; use a comma")
    return separator


def _sentences(separator: str, *, is_said: bool) -> Iterator[str]:
    if is_said:
        yield f"The first line says that the separator is {SEPARATORS[separator]}."
    elif separator != ",":
        yield f"The separator is {SEPARATORS[separator]}."


def _separator(text: str, hints: Collection[str]) -> str:
    """A comma, unless another one gives more of the wanted columns, or the only even rows."""

    def merit(separator: str) -> tuple[int, bool, bool]:
        reader = _reader(text, separator, is_strict=False)
        lines = [one for one in islice(reader, LOOKED_AT) if "".join(one).strip()]
        names = {name.strip() for name in lines[0]} if lines else set()
        is_table = len(names) > 1
        hits = len(names & {*hints}) if is_table or separator == "," else 0
        return hits, is_table, is_table and len({len(one) for one in lines}) == 1

    return max(SEPARATORS, key=merit)  # of equal ones the first
