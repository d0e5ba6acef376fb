"""A JSON lines file: one object a line; or one JSON array of objects, as some tools write it.

Numbers keep their digits, and a text stays a text, also where it looks like a date. A key that
stands twice, half a surrogate pair and whatever else is wrong with one row is that row's fault.
source  RFC 8259; NaN, which it lacks and Python's json writes, is a missing value
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluator.errors import DataRefused
from evaluator.task.formats.table import (
    MOST_COLUMNS,
    MOST_ROW_VALUES,
    MOST_ROWS,
    MOST_VALUES,
    Cell,
    Number,
    Odd,
    Row,
    limit,
    malformed,
    values_in,
)
from evaluator.task.formats.text_file import read_text

MOST_ROW_CHARACTERS = 8 * 1024 * 1024
_SPACES = " \t\r\n"


class _Pairs(list[tuple[str, object]]):
    """An object's keys and values, as they stand."""


@dataclass(frozen=True)
class _Broken:
    """What stands in the place of a row that cannot be read."""

    problem: str


class JsonLines:
    """An open file of JSON lines. raises DataEmpty, DataTooLarge, DataMalformed"""

    is_text = False

    def __init__(self, path: Path) -> None:
        self._path, self._text = path, read_text(path)
        self._is_array = self._text.lstrip(_SPACES).startswith("[")
        self.guessed = ("The file is one JSON array; each of its objects is a row.",)[
            : self._is_array
        ]
        self._is_utf8 = _is_utf8(self._text)
        limit(path, self._held(), MOST_VALUES, "values")
        seen: dict[str, None] = {}
        for row, _, value in self._objects(_KEYS):
            limit(path, row, MOST_ROWS, "rows")
            if isinstance(value, _Pairs) and len(seen) <= MOST_COLUMNS:
                seen |= dict.fromkeys(key for key, _ in value[:MOST_COLUMNS])
        self.columns = tuple(seen)

    def rows(self, names: Collection[str]) -> Iterator[Row | DataRefused]:
        for row, line, value in self._objects(_DECODER):
            problem = _problem(value, names)
            if problem or not isinstance(value, _Pairs):
                yield malformed(self._path, row, problem, line=line)
            else:
                yield Row(row, {key: self._cell(one) for key, one in value if key in names})

    def _cell(self, value: object) -> Cell:
        if isinstance(value, _Pairs):
            return Odd("an object")
        if isinstance(value, list):
            return [self._cell(one) for one in value]
        if isinstance(value, str) and self._is_utf8 and not _is_utf8(value):
            return Odd("a broken text (half of a surrogate pair, no Unicode)")
        assert value is None or isinstance(value, str | Number | bool | Odd), "JSON has no others"
        return value

    def _held(self) -> int:
        """How many values there are; 0 when they are few enough in any case."""
        if self._text.count(",") < MOST_VALUES:
            return 0
        # Counted line by line: there a text that nobody closes ends with its line.
        parts = [self._text] if self._is_array else (line for _, line in self._lines())
        return sum(values_in(one, 0) for one in parts)

    def _objects(self, decoder: json.JSONDecoder) -> Iterator[tuple[int, int, object]]:
        """(row, line, value) of each row; line 0 where it is not known."""
        if self._is_array:
            yield from _elements(self._text, decoder)
            return
        for row, (number, line) in enumerate(self._lines(), start=1):
            yield row, number, _value(line, decoder)

    def _lines(self) -> Iterator[tuple[int, str]]:
        end = "\n" if "\n" in self._text else "\r"
        for number, line in enumerate(self._text.split(end), start=1):
            bare = line.strip(_SPACES)
            if bare:
                yield number, bare


def _value(line: str, decoder: json.JSONDecoder) -> object:
    if problem := _too_much(line):
        return _Broken(problem)
    try:
        value, end = decoder.raw_decode(line)
    except RecursionError:
        return _Broken("it is nested too deeply")
    except json.JSONDecodeError as error:
        return _Broken(_no_json(line, error))
    if line[end:].strip(_SPACES) == ",":
        return _Broken("a comma stands behind the object; JSON lines have none between them")
    if line[end:].strip(_SPACES):
        return _Broken(f"more stands behind the JSON object, from character {end + 1} on")
    return value


def _too_much(line: str) -> str:
    """Why a row is refused before it is read, or nothing."""
    if len(line) > MOST_ROW_CHARACTERS:
        return f"it has {len(line)} characters; the limit is {MOST_ROW_CHARACTERS}"
    held = values_in(line, MOST_ROW_VALUES)
    is_small = held <= MOST_ROW_VALUES
    return "" if is_small else f"it has {held} values; the limit is {MOST_ROW_VALUES}"


def _no_json(line: str, error: json.JSONDecodeError) -> str:
    if error.pos >= len(line) and line.startswith("{"):
        return "the JSON object does not end on its line; write one object a line"
    return f"the line is not JSON ({error.msg}, character {error.pos + 1})"


def _elements(text: str, decoder: json.JSONDecoder) -> Iterator[tuple[int, int, object]]:
    """The entries of one JSON array, one after the other; the first fault ends it."""
    at, row = _skip(text, text.index("[") + 1), 1
    if text[at : at + 1] == "]":
        return
    while True:
        try:
            value, end = decoder.raw_decode(text, at)
        except (RecursionError, ValueError) as error:
            yield row, 0, _Broken(f"the entry of the array is not JSON ({error!s:.80})")
            return
        yield row, 0, value
        at = _skip(text, end)
        if text[at : at + 1] != ",":
            break
        at, row = _skip(text, at + 1), row + 1
    if text[at:].strip(_SPACES) != "]":
        yield row + 1, 0, _Broken("the JSON array does not end as one; write one object a line")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACES:
        at += 1
    return at


def _problem(value: object, names: Collection[str]) -> str:
    if isinstance(value, _Broken):
        return value.problem
    if not isinstance(value, _Pairs):
        return "it is not a JSON object"
    if len(value) > MOST_COLUMNS:
        return f"it has {len(value)} keys; the limit is {MOST_COLUMNS}"
    counts = Counter(key for key, _ in value if key in names)
    twice = next((key for key, count in counts.items() if count > 1), None)
    return "" if twice is None else f"the key {twice[:60]!a} stands there twice"


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _constant(name: str) -> Odd | None:
    return None if name == "NaN" else Odd(f"the number {name}, which JSON does not have")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_Pairs, parse_float=Number, parse_int=Number, parse_constant=_constant
)
# For the names of columns alone: a float is made by C, and has no most digits.
_KEYS = json.JSONDecoder(object_pairs_hook=_Pairs, parse_int=float)
