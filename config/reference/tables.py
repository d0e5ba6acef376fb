"""Markdown tables, and the line that every generated page begins with."""

from collections.abc import Iterable, Sequence

MADE_BY = "<!-- Written by `make docs` from the code. Change the code, not this file. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    lines = [_line(head), "|" + "---|" * len(head), *map(_line, rows)]
    return "\n".join(lines)


def sentence(text: str | None) -> str:
    """A docstring on one line."""
    return " ".join((text or "").split())


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
