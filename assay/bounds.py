"""What the values of a message may be: one kind of text, of amounts, of moments and of counts.

A field says it beside its type: `title: Annotated[str, Text(80)]`. What says nothing is a short
line of text, a whole number that JSON keeps, or an amount of 64 bits. The codec (assay/wire.py)
says what a value is; this says how far it may go.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, is_dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from assay.money import MOST_NANO
from assay.wire import BodyInvalid, Nano

MOST_MS = 4_102_444_800_000  # the year 2100; every date up to it can be shown
MOST_SMALL = 2**31 - 1
MOST_LINE = 200
# Control and escape characters, what turns or hides text, what is no character. The two
# joiners (U+200C, U+200D) stay: some scripts and emoji are written with them. Listed here, since
# what Python calls printable changes with its version, and an auditor may have another one.
_RANGES = (
    "\\x00-\\x1f\\x7f-\\x9f\\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ue000-\uf8ff\ufeff\uffa0\ufff0-\uffff"
    "\\ud800-\\udfff\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
HOSTILE = re.compile(f"[{_RANGES}]")
_Check = Callable[[Any, str], None]


@dataclass(frozen=True)
class Text:
    """A text's bounds. lines: line breaks may be in it; is_needed: it may not be empty.

    A text of spaces alone is never taken.
    """

    most: int = MOST_LINE
    is_needed: bool = False
    lines: bool = False


@dataclass(frozen=True)
class Whole:
    """A whole number's bounds."""

    most: int
    least: int = 0


Small = Annotated[int, Whole(MOST_SMALL)]  # a count; every database keeps it in 32 bits
_LINE = Text()


def check(body: Any) -> None:
    """raises BodyInvalid with the path of the first value that goes too far"""
    for name, one in _checks(body.__class__):
        value = getattr(body, name)
        if value is not None:
            one(value, f"$.{name}")


def flaw(text: str, bounds: Text = _LINE) -> str:
    """What is wrong with a text, in words; empty when nothing is."""
    if len(text) > bounds.most:
        return f"it has {len(text)} characters, {bounds.most} at most are taken"
    if not (text.isascii() and text.isprintable()):
        bare = text.replace("\n", "") if bounds.lines else text
        if hostile := HOSTILE.search(bare):
            return f"the character U+{ord(hostile[0]):04X} is not taken"
    if (text or bounds.is_needed) and not text.strip():
        return "it is blank"
    return ""


def escaped(text: str, *, lines: bool = False) -> str:
    """The text with every hostile character spelled out: safe on a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return HOSTILE.sub(lambda hit: hit[0] if lines and hit[0] == "\n" else _spelled(hit[0]), text)


def fitting(text: str, bounds: Text = _LINE) -> str:
    """What a message can keep of a text that came from outside: spelled out, cut to its length."""
    shown = escaped(text, lines=bounds.lines)
    return shown if len(shown) <= bounds.most else f"{shown[: bounds.most - 1]}…"


def _spelled(one: str) -> str:
    return one.encode("unicode_escape", "surrogatepass").decode()


@cache
def _checks(shape: type) -> tuple[tuple[str, _Check], ...]:
    """The fields of a class, each with what refuses its value."""
    hints = get_type_hints(shape, include_extras=True)
    return tuple((name, _check_of(hint, name)) for name, hint in hints.items())


def _check_of(hint: Any, name: str) -> _Check:
    bounds: Any = None
    if get_origin(hint) in (Union, UnionType):
        (hint,) = (one for one in get_args(hint) if one is not type(None))
    if get_origin(hint) is Annotated:
        hint, bounds = get_args(hint)
    if is_dataclass(hint):
        return _deep
    if get_origin(hint) is tuple:
        return _each(get_args(hint), name)
    if hint is str:
        return _text(bounds or _LINE)
    if hint is Nano:
        return _whole(Whole(MOST_NANO, -MOST_NANO))
    if hint is bool:
        return _nothing
    return _whole(bounds or Whole(MOST_MS if name.endswith("_ms") else 2**53 - 1))


def _text(bounds: Text) -> _Check:
    def refuse(value: str, path: str) -> None:
        if why := flaw(value, bounds):
            raise _bad(path, why)

    return refuse


def _whole(bounds: Whole) -> _Check:
    def refuse(value: int, path: str) -> None:
        if not bounds.least <= value <= bounds.most:
            raise _bad(path, f"it must lie between {bounds.least} and {bounds.most}")

    return refuse


def _each(parts: tuple[Any, ...], name: str) -> _Check:
    """Of a tuple: each place has a check of its own, or all have the first one's."""
    is_long = parts[-1] is Ellipsis
    checks = [_check_of(part, name) for part in parts if part is not Ellipsis]

    def refuse(values: Sequence[Any], path: str) -> None:
        every = checks * len(values) if is_long else checks
        for place, (one, value) in enumerate(zip(every, values, strict=True)):
            one(value, f"{path}[{place}]")

    return refuse


def _deep(value: Any, path: str) -> None:
    for name, one in _checks(value.__class__):
        part = getattr(value, name)
        if part is not None:
            one(part, f"{path}.{name}")


def _nothing(_value: Any, _path: str) -> None:
    """Every value will do."""


def _bad(path: str, why: str) -> BodyInvalid:
    return BodyInvalid(f"{path}: {why}.", path=path)
