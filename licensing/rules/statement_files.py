"""A statement of royalties as text, CSV or JSON, line by line: the same period, the same bytes."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, fields
from types import MappingProxyType

from licensing.rules.statement import Period, RoyaltyLine, guarded

Lines = Iterable[tuple[RoyaltyLine, str]]  # each with the title of its work
AT_ONCE = 1 << 16  # characters that are gathered before they are given
KINDS = MappingProxyType({"csv": "text/csv; charset=utf-8", "json": "application/json"})
COLUMNS = (*(field.name for field in fields(RoyaltyLine)), "balance_nano", "title")


def as_file(
    form: str, account: str, asked: Period, opening_nano: int, lines: Lines
) -> Iterator[bytes]:
    """The file in pieces. form: csv or json; opening_nano: what could be drawn before the period"""
    if form == "csv":
        return _gathered(_csv(opening_nano, lines))
    return _gathered(_json(account, asked, opening_nano, lines))


def _csv(opening_nano: int, lines: Lines) -> Iterator[str]:
    """The opening, each line with the balance after it, the closing; amounts in nano-tokens."""
    out, balance_nano = io.StringIO(), opening_nano
    table = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    table.writeheader()
    table.writerow({"what": "opening", "balance_nano": balance_nano})
    for line, title in lines:
        balance_nano += line.share_nano - line.drawn_nano
        cells = {**vars(line), "balance_nano": balance_nano, "title": title}
        table.writerow({name: guarded(value) for name, value in cells.items()})
        yield out.getvalue()
        out.seek(0)
        out.truncate()
    table.writerow({"what": "closing", "balance_nano": balance_nano})
    yield out.getvalue()


def _json(account: str, asked: Period, opening_nano: int, lines: Lines) -> Iterator[str]:
    balance_nano, comma = opening_nano, ""
    head = {"account": account, **asdict(asked), "opening_nano": str(opening_nano)}
    yield json.dumps(head)[:-1] + ', "lines": ['
    for line, title in lines:
        balance_nano += line.share_nano - line.drawn_nano
        yield comma + json.dumps(_told(line, title))
        comma = ",\n"
    yield f'], "closing_nano": "{balance_nano}"}}\n'


def _told(line: RoyaltyLine, title: str) -> dict[str, object]:
    """Amounts as text: they may pass what JSON readers keep exactly."""
    told = {
        name: str(value) if name.endswith("_nano") else value for name, value in vars(line).items()
    }
    return {**told, "title": title}


def _gathered(pieces: Iterator[str]) -> Iterator[bytes]:
    """The same text in larger pieces."""
    waiting, size = list[str](), 0
    for piece in pieces:
        waiting.append(piece)
        size += len(piece)
        if size >= AT_ONCE:
            yield "".join(waiting).encode()
            waiting, size = [], 0
    yield "".join(waiting).encode()
