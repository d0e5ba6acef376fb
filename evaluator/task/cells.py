"""From the cells of a row to what an evaluator reads: texts, labels, lists, whole numbers.

Texts stay as they are written. What cannot be read as its column wants is refused with its row.
"""

import json
from collections.abc import Callable
from pathlib import Path

from evaluator.errors import DataEmpty, DataMalformed, DataTextTooLong
from evaluator.task.formats.table import ESCAPED, Cell, Number, Odd, malformed, values_in

MOST_TEXT_CHARACTERS = 20_000
MOST_LABEL_CHARACTERS = 100
MOST_LIST = 64
MOST_NUMBER = 2**53 - 1  # what JSON's numbers hold
NUMBERED = frozenset({"answer", "grades"})  # columns that may hold whole numbers
LISTED = frozenset({"references", "choices", "relevant", "distractors", "grades"})


class Cells:
    """Reads the cells of one file's rows.

    is_text  every cell is a text (CSV): a list is written as JSON then
    is_free  columns are taken as they are: texts, whole numbers, truth values, lists of these
    """

    def __init__(self, path: Path, *, is_text: bool, is_free: bool) -> None:
        self._path, self._is_text, self._is_free = path, is_text, is_free

    def read(self, row: int, name: str, value: Cell) -> object:
        """What the evaluator's column holds in this row.

        raises DataEmpty, DataMalformed, DataTextTooLong
        """
        if name == "label" and not self._is_free:
            return self._label(row, value)
        if self._is_text and name in LISTED and isinstance(value, str):
            value = self._listed(row, name, value)
        one = self._single if self._is_free or name in NUMBERED else self._text
        if isinstance(value, list) and (self._is_free or name in LISTED):
            return self._list(row, name, value, one)
        return one(row, name, value)

    def _list(
        self, row: int, name: str, value: list[Cell], one: Callable[[int, str, Cell], object]
    ) -> list[object]:
        if not value:
            raise self._empty(row, name)
        if len(value) > MOST_LIST:
            raise self._too_many(row, name, len(value))
        return [one(row, name, each) for each in value]

    def _listed(self, row: int, name: str, value: str) -> Cell:
        """A cell of a CSV file that may be a list: a JSON list of texts, or grades, is one."""
        bare = value.strip()
        if not (bare.startswith("[") and bare.endswith("]")):
            return value
        held = values_in(bare, MOST_LIST)
        try:  # of many the digits are not kept: they are only counted
            found = json.loads(bare, parse_int=float if held > MOST_LIST else Number)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, list) and len(found) > MOST_LIST:
            raise self._too_many(row, name, len(found))
        kind = Number if name in NUMBERED else str
        if isinstance(found, list) and all(isinstance(one, kind) for one in found):
            return found
        if bare[1:].lstrip().startswith(("'", '"')):
            problem = 'is a list, but not as JSON writes it: ["one", "two"] with double quotes'
            raise self._refused(row, f"the {name} {problem}")
        return value

    def _single(self, row: int, name: str, value: Cell) -> object:
        """A text, a whole number or a truth value."""
        if isinstance(value, bool):
            return value
        if not isinstance(value, Number):
            return self._text(row, name, value)
        if not value.digits.removeprefix("-").isdecimal():
            raise self._refused(row, f"the {name} is not a whole number or a text")
        if len(value.digits) > len(str(MOST_NUMBER)) + 1 or abs(int(value.digits)) > MOST_NUMBER:
            raise self._refused(row, f"the {name} is beyond {MOST_NUMBER}")
        return int(value.digits)

    def _text(self, row: int, name: str, value: Cell) -> str:
        if isinstance(value, Number):
            raise self._refused(row, f"the {name} is a number, not a text: put it into quotes")
        if isinstance(value, bool | list):
            kind = "a list" if isinstance(value, list) else "a truth value"
            raise self._refused(row, f"the {name} is {kind}, not a text")
        if isinstance(value, Odd):
            raise self._refused(row, f"the {name} is {value.kind}, not a text")
        if value is None or not value.strip():
            raise self._empty(row, name)
        self._check_characters(row, name, value)
        if len(value) > MOST_TEXT_CHARACTERS:
            raise DataTextTooLong(
                f"The {name} in row {row} of {self._path.name} has {len(value)} characters.",
                file=self._path.name,
                row=row,
                characters=len(value),
                limit=MOST_TEXT_CHARACTERS,
            )
        return value

    def _check_characters(self, row: int, name: str, value: str) -> None:
        if "\0" in value:
            raise self._refused(row, f"the {name} holds the control character U+0000 (NUL)")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            code = ord(value[error.start])
            problem = (
                f"is not UTF-8 text (byte 0x{code - 0xDC00:02X}); save the file as UTF-8"
                if code in ESCAPED
                else "holds half of a surrogate pair, which is no Unicode text"
            )
            raise self._refused(row, f"the {name} {problem}") from error

    def _label(self, row: int, value: Cell) -> str:
        """Numbers and truth values are class names too, as the file writes them."""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, Number):
            value = value.digits
        if not isinstance(value, str | None):
            kind = value.kind if isinstance(value, Odd) else "a list"
            raise self._refused(row, f"the label is {kind}, not a short text or number")
        label = self._text(row, "label", value).strip()
        if len(label) > MOST_LABEL_CHARACTERS:
            raise self._refused(
                row, f"the label has {len(label)} characters; the limit is {MOST_LABEL_CHARACTERS}"
            )
        return label

    def _empty(self, row: int, name: str) -> DataEmpty:
        file = self._path.name
        return DataEmpty(f"The {name} in row {row} of {file} is empty.", file=file, row=row)

    def _too_many(self, row: int, name: str, held: int) -> DataMalformed:
        return self._refused(row, f"the {name} are {held}; the limit is {MOST_LIST}")

    def _refused(self, row: int, problem: str) -> DataMalformed:
        return malformed(self._path, row, problem)
