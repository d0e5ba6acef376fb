"""What a worker read of a draft's files, as the page of the data shows it."""

from typing import Any, NamedTuple

from competitions import queries
from competitions.models import Draft, Preview
from competitions.rules.preview import Count, DraftRead, Fault, FileRead

TITLES = {
    "whole": "Your data",
    "train": "Training data",
    "public": "Open sample",
    "board": "Board data",
    "final": "Final data",
    "code": "Scoring code",
    "task": "Task file",
}
MOST_LABELS = 12


class FileShown(NamedTuple):
    """One file. rows: cells with the name of their column."""

    title: str
    file: FileRead
    columns: list[tuple[str, str, Any]]
    labels: str
    rows: list[list[tuple[str, str]]]


def uploaded(draft: Draft) -> list[tuple[str, Any]]:
    """(what it is, the file) of everything that was uploaded."""
    return [(TITLES.get(name, name), file) for name, file in draft.files.items()]


def shown(draft: Draft) -> dict[str, Any]:
    """What parts/preview.html needs; nothing for a draft without files that can be read."""
    found = queries.preview(draft.id)
    if found is None:
        return {"preview": None}
    read = queries.draft_read(found)
    context: dict[str, Any] = {"preview": found, "read": read}
    if not found.is_read:
        context["place"] = _place(found)
    if read is not None:
        context |= {
            "faults": _faults(read),
            "slices": [(TITLES[one.part], one, _labels(one.classes)) for one in read.slices],
            "files_read": [_file(one) for one in read.files],
        }
    return context


def _place(found: Preview) -> str:
    if found.leased_until is not None:
        return "reading now"
    before = queries.previews_before(found)
    return f"{before} to be read before it" if before else "next in turn"


def _faults(read: DraftRead) -> list[tuple[str, Fault]]:
    """(where, what) of all that is known, the files first."""
    told = [(TITLES[one.part], fault) for one in read.files for fault in one.faults]
    return told + [("All together", fault) for fault in read.faults]


def _file(one: FileRead) -> FileShown:
    lengths = {each.column: each for each in one.lengths}
    names = [name for name, _ in one.matched]
    return FileShown(
        title=TITLES[one.part],
        file=one,
        columns=[(name, there, lengths.get(name)) for name, there in one.matched],
        labels=_labels(one.classes),
        rows=[list(zip(names, row, strict=True)) for row in one.rows],
    )


def _labels(classes: tuple[Count, ...]) -> str:
    """`pets: 12, tools: 9, and 3 more`"""
    told = [f"{one.label}: {one.rows}" for one in classes[:MOST_LABELS]]
    rest = len(classes) - len(told)
    return ", ".join([*told, *([f"and {rest} more"] if rest else [])])
