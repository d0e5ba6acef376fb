"""Which token opens a base's texts, and which end them: pinned when the base is registered.

`generate` of transformers stops at what generation_config.json names, or config.json where that
names none. The tokenizer's own end is one as well.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from evaluator.bases.folder import (
    CONFIG_NAME,
    GENERATION_NAME,
    MARKS_NAME,
    TOKENIZER_CONFIG_NAME,
    read_json,
)

FILE_NAME = "ends.json"
Lookup = Callable[[str], int | None]


@dataclass(frozen=True)
class Ends:
    """opening: the token that opens a text, or None; ends: those that end one."""

    opening: int | None
    ends: tuple[int, ...]


def ends_in(folder: Path, config: Mapping[str, object], lookup: Lookup) -> Ends:
    """What the files of a base's folder say.

    config  the part of config.json that speaks of texts
    lookup  a token's id by its text, where the tokenizer has it
    raises  BaseRefused for a file that is no JSON
    """
    files = (GENERATION_NAME, TOKENIZER_CONFIG_NAME, MARKS_NAME)
    generation, told, marks = (
        read_json(folder / name) if (folder / name).is_file() else {} for name in files
    )
    said = _ids(generation.get("eos_token_id")) or _ids(config.get("eos_token_id"))
    own = (_mark(one.get("eos_token"), lookup) for one in (told, marks))
    ends = tuple(dict.fromkeys([*said, *(one for one in own if one is not None)]))
    bos = (_mark(one.get("bos_token"), lookup) for one in (told, marks))
    openings = [*_ids(config.get("bos_token_id")), *(one for one in bos if one is not None), *ends]
    return Ends(next(iter(openings), None), ends)


def write_ends(found: Ends) -> bytes:
    """What the store keeps of them."""
    return (json.dumps({"ends": list(found.ends), "opening": found.opening}) + "\n").encode()


def read_ends(folder: Path) -> Ends:
    """Those of a base that is registered, or of an installed one by its config."""
    pinned = folder / FILE_NAME
    if pinned.is_file():
        told = json.loads(pinned.read_bytes())
        return Ends(told["opening"], tuple(told["ends"]))
    return ends_in(folder, json.loads((folder / CONFIG_NAME).read_bytes()), lambda _: None)


def _ids(found: object) -> tuple[int, ...]:
    """A config names no token, one, or a list of them."""
    listed = found if isinstance(found, list) else [found]
    return tuple(one for one in listed if type(one) is int and one >= 0)


def _mark(found: object, lookup: Lookup) -> int | None:
    """A special token as tokenizers write it: its text, or an object with it."""
    text = found.get("content") if isinstance(found, Mapping) else found
    return lookup(text) if isinstance(text, str) else None
