"""docs/messages.md: every kind of message, who signs it, and its fields."""

import re
from dataclasses import MISSING, fields, is_dataclass
from inspect import cleandoc
from types import UnionType
from typing import Any, Union, get_args, get_origin

from assay import wire
from assay.messages import (
    FileRef,
    Line,
    Opened,
    RaceTerms,
    Refusal,
    Result,
    Share,
    Shown,
    Spec,
    Stop,
)
from assay.messages.kinds import KINDS, Kind
from config.reference.tables import MADE_BY, sentence, table

NOTE = re.compile(r"([a-z*_][\w*, ]*?) {2,}(\S.*)")
PARTS = (Spec, Line, FileRef, Share, Result, Shown, RaceTerms, Stop, Refusal, Opened)
ROOMS = {
    "ledger": "The record",
    "licensing": "The rights",
    "lifecycle": "Licences that end, and disputes",
    "competitions": "The contest",
    "submissions": "Entries and their scores",
    "workers": "Workers, and runs that differ",
}
SIGNERS = {
    "person": "An order, signed by the person who wants it (or by the operator on behalf of one).",
    "operator": "A fact, signed by the operator.",
    "evaluator": "A fact, signed by the evaluator.",
}
UNITS = {
    "_nano": "nano-tokens",
    "_e9": "parts of 10^9",
    "_e3": "thousandths",
    "_e8": "parts of 10^8",
    "_ms": "milliseconds since 1970, UTC",
    "_s": "seconds",
    "_bytes": "bytes",
    "_sha256": "64 lower-case hex digits",
}
INTRODUCTION = """Everything that happened is one of these messages. A message is one ANS-104 data
item: its tags name protocol, kind, log and cause, and its data is the body below as canonical JSON
(RFC 8785). Orders say what somebody wants; facts say what happened, and only facts change state.
[ledger.md](ledger.md) describes the envelope.

A *decimal string* is a whole number in quotes, because JSON readers round numbers beyond 2^53.
A field that is marked "may be absent" is left out when it has no value: there are no nulls."""


def messages_page() -> str:
    """The whole page."""
    parts = [f"# Messages\n\n{MADE_BY}\n\n{INTRODUCTION}"]
    for room, title in ROOMS.items():
        mine = {name: kind for name, kind in KINDS.items() if _room(kind.body) == room}
        parts.append(f"## {title}")
        parts += [_kind(name, kind) for name, kind in mine.items()]
    parts.append("## Parts\n\nWhat several kinds are made of.")
    parts += [f"### {one.__name__}\n\n{_told(one)}" for one in PARTS]
    return "\n\n".join(parts) + "\n"


def _kind(name: str, kind: Kind) -> str:
    return f"### `{name}`\n\n{SIGNERS[kind.signer]} {_told(kind.body)}"


def _told(body: type) -> str:
    rows = [
        (f"`{one.name}`", _form(wire.hints(body)[one.name]), _note(one)) for one in fields(body)
    ]
    prose, notes = _notes(cleandoc(body.__doc__ or ""))
    listed = [f"- `{name}`: {text}" for name, text in notes]
    parts = [sentence(prose), table(("field", "form", "unit"), rows), "\n".join(listed)]
    return "\n\n".join(filter(None, parts))


def _notes(text: str) -> tuple[str, list[tuple[str, str]]]:
    """A docstring's sentences, and what it says of single fields: `name  words`, and indented."""
    prose: list[str] = []
    notes: list[tuple[str, str]] = []
    for line in text.splitlines():
        named = NOTE.match(line)
        if named:
            notes.append((named[1], named[2]))
        elif notes and line.startswith(" "):
            name, words = notes[-1]
            notes[-1] = (name, f"{words} {line.strip()}")
        else:
            prose.append(line)
    return " ".join(prose), notes


def _room(body: type) -> str:
    return body.__module__.rpartition(".")[2]


def _note(field: Any) -> str:
    unit = next((word for end, word in UNITS.items() if field.name.endswith(end)), "")
    absent = "may be absent" if field.default is not MISSING else ""
    return ", ".join(filter(None, (unit, absent)))


def _form(hint: Any) -> str:
    """How a type looks in JSON."""
    if get_origin(hint) in (Union, UnionType):
        return _form(get_args(hint)[0])
    if hint == tuple[str, str]:
        return "pair of texts"
    if get_origin(hint) is tuple:
        return f"list of {_form(get_args(hint)[0])}"
    if is_dataclass(hint):
        return f"object {hint.__name__}"  # type: ignore[union-attr]
    return {wire.Nano: "decimal string", int: "whole number", bool: "true or false"}.get(
        hint, "text"
    )
