"""Worked tables of a document: sections by their heading, each with its tables as rows of text."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from config import env

ALGORITHMS = env.HOUSE / "docs" / "algorithms"
Table = list[dict[str, str]]


@dataclass(frozen=True)
class Section:
    """What stands below one heading."""

    title: str
    tables: tuple[Table, ...]


def sections(name: str) -> list[Section]:
    """The sections of docs/algorithms/<name>.md that hold tables."""
    parts = (ALGORITHMS / f"{name}.md").read_text(encoding="utf-8").split("\n## ")[1:]
    found = [Section(part.partition("\n")[0], tuple(tables(part))) for part in parts]
    return [one for one in found if one.tables]


def section(name: str, title: str) -> Section:
    return next(one for one in sections(name) if one.title == title)


def tables(text: str) -> list[Table]:
    """Every Markdown table of a text."""
    found: list[Table] = []
    head: list[str] = []
    for line in text.splitlines():
        cells = [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        if not line.startswith("|"):
            head = []
        elif not head:
            head = cells
            found.append([])
        elif not line.startswith("|--"):
            found[-1].append(dict(zip(head, cells, strict=True)))
    return found


def given(table: Table) -> dict[str, str]:
    """A table of names and values."""
    return {row["given"]: row["value"] for row in table}


def parts_e8(percent: str) -> int:
    """Parts of 10^8 from `2.5 %`."""
    parts = Fraction(percent.removesuffix(" %")) * 10**6
    assert parts.denominator == 1
    return int(parts)


def documents() -> list[Path]:
    """Every Markdown file of the project's own."""
    return [*sorted(env.HOUSE.glob("*.md")), *sorted((env.HOUSE / "docs").rglob("*.md"))]
