"""What a sponsor sees of the files before anything runs, and what is wrong with them together.

The reader's documents are made of a stranger's bytes: they are read strictly, and cut to what a
page can show.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evaluator.errors import DataLabelUnknown, DataOneClass, DataTooSmall
from evaluator.evaluators.classification import MOST_CLASSES
from evaluator.task.winnable import check_size

MOST_CELL_CHARACTERS = 240
MOST_WORDS = 400  # characters of a sentence or a name
MOST_SHOWN = 100  # of columns, classes, sentences
FIRST_ROWS = 10
SLICES = ("train", "public", "board", "final")
TESTS = ("public", "board", "final")
WHOLE = "whole"  # the one file that the site splits


@dataclass(frozen=True)
class Fault:
    """Something that must be mended. row: from 1; 0: the file as a whole."""

    row: int
    code: str
    message: str
    next: str


@dataclass(frozen=True)
class Count:
    """How many rows have a label."""

    label: str
    rows: int


@dataclass(frozen=True)
class Length:
    """How long the texts of a column are, in characters."""

    column: str
    least: int
    median: int
    most: int


@dataclass(frozen=True)
class FileRead:
    """One file as the reader sees it.

    part     the slice that it is, or WHOLE
    columns  the names in the file
    matched  the metric's name of a column -> the name in the file
    rows     the first rows; their cells in the order of `matched`
    classes  empty where the metric has none
    """

    part: str
    name: str
    row_count: int
    duplicates: int
    columns: tuple[str, ...]
    matched: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    classes: tuple[Count, ...]
    lengths: tuple[Length, ...]
    guessed: tuple[str, ...]
    warnings: tuple[str, ...]
    faults: tuple[Fault, ...]
    fault_count: int


@dataclass(frozen=True)
class SliceMade:
    """A slice that the site made of the one file."""

    part: str
    rows: int
    classes: tuple[Count, ...]


@dataclass(frozen=True)
class DraftRead:
    """What the files of a draft hold. slices: empty unless one file was split."""

    files: tuple[FileRead, ...]
    slices: tuple[SliceMade, ...]
    faults: tuple[Fault, ...]

    @property
    def fault_count(self) -> int:
        return len(self.faults) + sum(one.fault_count for one in self.files)

    @property
    def columns(self) -> dict[str, str]:
        """The metric's name of a column -> its name in the files; the earlier file counts."""
        return {name: there for one in reversed(self.files) for name, there in one.matched}


def file_read(part: str, name: str, told: Mapping[str, object]) -> FileRead:
    """A file from the reader's document (evaluator/task/preview.py).

    raises ValueError, KeyError, TypeError, AttributeError for a document of another form
    """
    matched = {text(one): text(there) for one, there in mapping(told["matched"]).items()}
    rows = [mapping(one) for one in list_of(told["rows"])[:FIRST_ROWS]]
    return FileRead(
        part=part,
        name=name,
        row_count=count(told["row_count"]),
        duplicates=count(told["duplicates"]),
        columns=_sentences(told["columns"]),
        matched=tuple(list(matched.items())[:MOST_SHOWN]),
        rows=tuple(tuple(_cell(one.get(name)) for name in matched) for one in rows),
        classes=_classes(told["classes"]),
        lengths=tuple(_lengths(mapping(told["lengths"]))),
        guessed=_sentences(told["guessed"]),
        warnings=_sentences(told["warnings"]),
        faults=tuple(_fault(mapping(one)) for one in list_of(told["faults"])[:MOST_SHOWN]),
        fault_count=count(told["fault_count"]),
    )


def slices_made(told: Mapping[str, object]) -> tuple[SliceMade, ...]:
    """The slices from the splitter's document (evaluator/doors/split.py). raises as file_read"""
    found = mapping(told["slices"])
    made = {part: mapping(found[part]) for part in SLICES}
    return tuple(
        SliceMade(part, count(one["rows"]), _classes(one["classes"])) for part, one in made.items()
    )


def faults_between(files: Sequence[FileRead]) -> tuple[Fault, ...]:
    """What is wrong with the sound files together: no win to be proved, labels never trained on.

    The dry run refuses the same; here it is told before anything runs, all of it at once.
    """
    sound = {one.part: one for one in files if not one.fault_count}
    found = [*_too_small(sound["final"])] if "final" in sound else []
    for part in [one for one in TESTS if one in sound]:
        found += _one_class(sound[part])
        if "train" in sound:
            found += _unknown_labels(part, sound[part].classes, sound["train"].classes)
    return tuple(found)


def _too_small(final: FileRead) -> Iterator[Fault]:
    try:
        check_size("final", final.row_count)
    except DataTooSmall as error:
        yield Fault(0, error.code, str(error), error.next_step)


def _one_class(test: FileRead) -> Iterator[Fault]:
    if len(test.classes) == 1:
        message = f"All {test.row_count} rows of the {test.part} slice have one label: whoever "
        message += "always names it wins."
        yield Fault(0, DataOneClass.code, message, DataOneClass.next_step)


def _unknown_labels(
    part: str, classes: Sequence[Count], trained: Sequence[Count]
) -> Iterator[Fault]:
    """Where the classes are so many that not all are counted, only the dry run can tell."""
    known = {one.label for one in trained}
    if 0 < len(known) < MOST_CLASSES:
        odd = [one for one in classes if one.label not in known]
        yield from (_unknown(part, one) for one in odd[:MOST_SHOWN])


def _unknown(part: str, one: Count) -> Fault:
    rows = "1 row" if one.rows == 1 else f"{one.rows} rows"
    message = f"{rows} of the {part} slice have the label {one.label!r:.60}, which the training "
    return Fault(0, DataLabelUnknown.code, f"{message}data lacks.", "Add rows of it to train on.")


def _classes(told: object) -> tuple[Count, ...]:
    found = [mapping(one) for one in list_of(told or [])[:MOST_CLASSES]]
    return tuple(Count(text(one["label"]), count(one["count"])) for one in found)


def _lengths(told: Mapping[str, object]) -> Iterator[Length]:
    for column, length in list(told.items())[:MOST_SHOWN]:
        one = mapping(length)
        yield Length(text(column), *(count(one[name]) for name in ("least", "median", "most")))


def _fault(told: Mapping[str, object]) -> Fault:
    message, following = text(told["message"]), text(told["next"] or "")
    return Fault(count(told["row"] or 0), text(told["code"]), message, following)


def _sentences(told: object) -> tuple[str, ...]:
    return tuple(text(one) for one in list_of(told)[:MOST_SHOWN])


def text(told: object) -> str:
    """raises TypeError for what is no text"""
    if not isinstance(told, str):
        raise TypeError("a text is needed")
    return _plain(told[:MOST_WORDS])


def _plain(text: str) -> str:
    """What every database holds: NUL by its sign, no halves of characters."""
    return text.replace("\0", "\u2400").encode("utf-8", "replace").decode()


def _cell(value: object) -> str:
    """A cell as a text: lists and numbers as JSON; cut where it is long."""
    if value is None:
        return ""
    whole = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    is_long = len(whole) > MOST_CELL_CHARACTERS
    return _plain(f"{whole[:MOST_CELL_CHARACTERS]}\u2026" if is_long else whole)


def count(told: object) -> int:
    if not isinstance(told, int) or not 0 <= told < 2**53:
        raise TypeError("a count is needed")
    return told


def mapping(told: object) -> Mapping[str, object]:
    if not isinstance(told, dict):
        raise TypeError("an object is needed")
    return told


def list_of(told: object) -> list[object]:
    if not isinstance(told, list):
        raise TypeError("a list is needed")
    return told
