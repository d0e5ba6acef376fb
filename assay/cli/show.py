"""How the command line speaks: data on stdout, all else on stderr, no bars without a terminal.

Whatever a stranger may have written is printed here, with what a terminal would act on spelled out.
"""

import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from assay.bounds import HOSTILE, escaped

Record: TypeAlias = Mapping[str, object]
BAR = 24
REDRAW_S = 0.1


def put(record: Record, *, as_json: bool) -> None:
    """One thing: `name  value` per line, or one JSON object."""
    if as_json:
        print(json_of(record))
        return
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        print(f"{name.replace('_', ' '):<{width}}  {_plain(value)}")


def put_answer(answer: Record, record: Record, *, as_json: bool) -> None:
    """What came of an accepted order, with the order's id and the address of its receipt.

    answer  of the site to the order
    record  what to show of it; its own `id`, if any, stays
    """
    told = {"id": answer["id"], **record, "receipt": answer["receipt"]}
    put(told, as_json=as_json)


def put_rows(rows: Sequence[Record], columns: Sequence[str], *, as_json: bool) -> None:
    """A list: a table of these columns, or one JSON object per line with every field."""
    if as_json:
        for row in rows:
            print(json_of(row))
        return
    if rows:
        print(table(rows, columns))


def table(rows: Sequence[Record], columns: Sequence[str]) -> str:
    """Columns of text; numbers to the right."""
    cells = [[_plain(row.get(name, "")) for name in columns] for row in rows]
    heads = [name.replace("_", " ") for name in columns]
    widths = [max(len(one) for one in column) for column in zip(heads, *cells, strict=True)]
    right = [all(_is_number(one) for one in column) for column in zip(*cells, strict=True)]
    return "\n".join(_line(line, widths, right) for line in (heads, *cells))


def note(text: str, *, is_quiet: bool = False) -> None:
    """Something for the reader, not for a program."""
    if not is_quiet:
        print(escaped(text, lines=True), file=sys.stderr)


def put_text(text: str) -> None:
    """Lines as a site sent them, such as a CSV."""
    print(escaped(text, lines=True), end="")


class Progress:
    """One line on a terminal that is drawn again and again; silence elsewhere."""

    def __init__(self, label: str, *, is_quiet: bool = False) -> None:
        self.label = label
        self.is_live = sys.stderr.isatty() and not is_quiet
        self._last = ""
        self._drawn_s = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show how much is done."""
        filled = BAR * done // total if total else BAR
        bar = "#" * filled + "-" * (BAR - filled)
        self.say(f"{bar} {100 * done // total if total else 100:3d} %", at_once=done >= total)

    def say(self, text: str, *, at_once: bool = True) -> None:
        """Show a state in words."""
        if not self.is_live or text == self._last:
            return
        if not at_once and time.monotonic() - self._drawn_s < REDRAW_S:
            return
        self._last, self._drawn_s = text, time.monotonic()
        sys.stderr.write(f"\r\x1b[K{self.label}  {escaped(text)}")
        sys.stderr.flush()

    def close(self) -> None:
        """Leave the line as it is and go to the next; nothing when there is none."""
        if self.is_live and self._last:
            sys.stderr.write("\n")
            sys.stderr.flush()
        self._last = ""


def moment(at_ms: object) -> str:
    """`2026-11-22 09:30:00 UTC` from milliseconds; a dash for None."""
    if at_ms is None:
        return "-"
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(str(at_ms)))
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: int) -> str:
    """`1 day`, `12 h`, `90 s`: the largest unit of which it is a whole number."""
    units = ((86_400, "day"), (3600, "h"), (60, "min"), (1, "s"))
    size, unit = next(one for one in units if seconds % one[0] == 0)
    count = seconds // size
    return f"{count} {unit}{'s' if unit == 'day' and count != 1 else ''}"


def score(score_e9: object) -> str:
    """`0.683333333` from parts of 10^9, exact, also below zero; a dash for None."""
    if score_e9 is None:
        return "-"
    number = int(str(score_e9))
    whole, part = divmod(abs(number), 10**9)
    return f"{'-' if number < 0 else ''}{whole}.{part:09d}"


def stop(eliminated: object) -> str:
    """Where a race stopped an entry, in words; empty when it did not."""
    if not isinstance(eliminated, Mapping):
        return ""
    told = "after {n} of {examples} examples, e-value {e_value}"
    return told.format_map(eliminated)


def json_of(value: object) -> str:
    """JSON in which what a terminal would act on is spelled out."""
    return HOSTILE.sub(lambda hit: json.dumps(hit[0])[1:-1], json.dumps(value, ensure_ascii=False))


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return json_of(value) if isinstance(value, list | dict) else escaped(str(value))


def _is_number(text: str) -> bool:
    return text.replace(".", "", 1).replace("-", "", 1).replace("=", "", 1).isdigit() or not text


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    places = zip(cells, widths, right, strict=True)
    parts = [
        f"{one:>{width}}" if to_right else f"{one:<{width}}" for one, width, to_right in places
    ]
    return "  ".join(parts).rstrip()
