"""Licence tags read back from the files that carry them, and held against the log."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from licensing import errors
from licensing.rules.delivery import tags as named
from licensing.rules.delivery.told import BOM, TAGS
from licensing.rules.terms import Tag

MOST_HEADER_BYTES = 16 << 20
LENGTH_BYTES = 8
_OWN = "assay:"
_TAG = f"{_OWN}tag:"


@dataclass(frozen=True)
class Found:
    """What one place says. place: the file's name, or `the log`

    terms_version  0 where the place does not say it
    """

    place: str
    work: str
    message: str
    origin: str
    terms_version: int
    tags: tuple[Tag, ...]


def in_header(place: str, raw: bytes) -> Found:
    """What the header of a safetensors file says. raw: from the file's first byte on

    raises TagsMissing
    """
    size_bytes = int.from_bytes(raw[:LENGTH_BYTES], "little")
    told = _json(place, raw[LENGTH_BYTES : LENGTH_BYTES + size_bytes]).get("__metadata__")
    if not isinstance(told, dict) or named.LICENCE not in told:
        raise _missing(place)
    try:
        tags = json.loads(str(told[named.LICENCE]))
    except ValueError as error:
        raise _missing(place) from error
    said = {name: told.get(key, "") for name, key in named.PLACES.items()}
    return _found(place, said, tags)


def in_json(place: str, raw: bytes) -> Found:
    """What LICENSE-TAGS.json or a bill of materials says. raises TagsMissing"""
    told = _json(place, raw)
    if told.get("bomFormat") == "CycloneDX":
        return _in_bom(place, told)
    said = {one: told.get(one, "") for one in ("work", "message", "terms_version")}
    return _found(place, {**said, "origin": told.get("log_origin", "")}, told.get("tags"))


def may_hold(name: str) -> bool:
    """Whether a file of this name in a folder says something about terms."""
    return name.endswith(".safetensors") or name in (TAGS, BOM)


def differences(places: Sequence[Found], log: Found | None) -> list[str]:
    """Where the places say other things than the log; without it, than the first of them."""
    against = log or places[0]
    return [line for one in places if one is not against for line in _differ(one, against)]


def pairs(place: str, value: object) -> tuple[Tag, ...]:
    """Licence tags from JSON: a list of pairs. raises TagsMissing"""
    listed = value if isinstance(value, list) else []
    fits = all(isinstance(one, list) and len(one) == 2 for one in listed)
    if not listed or not fits or not all(isinstance(text, str) for one in listed for text in one):
        raise _missing(place)
    return tuple((name, text) for name, text in listed)


def _in_bom(place: str, told: dict[str, object]) -> Found:
    metadata = told.get("metadata")
    component = metadata.get("component") if isinstance(metadata, dict) else None
    listed = component.get("properties") if isinstance(component, dict) else None
    listed = listed if isinstance(listed, list) else []
    said = [
        (str(one.get("name", "")), str(one.get("value", "")))
        for one in listed
        if isinstance(one, dict)
    ]
    own = dict(said)
    tags = [[name.removeprefix(_TAG), value] for name, value in said if name.startswith(_TAG)]
    version = component.get("version") if isinstance(component, dict) else ""
    names = {one: own.get(f"{_OWN}{one}", "") for one in ("work", "message")}
    origin = own.get(f"{_OWN}log_origin", "")
    return _found(place, {**names, "origin": origin, "terms_version": version}, tags)


def _found(place: str, said: Mapping[str, object], tags: object) -> Found:
    """said: work, message, origin, terms_version. raises TagsMissing"""
    work, message, origin = (str(said[one]) for one in ("work", "message", "origin"))
    return Found(place, work, message, origin, _whole(said["terms_version"]), pairs(place, tags))


def _differ(one: Found, against: Found) -> Iterable[str]:
    named = {"work": "another work", "origin": "another log", "message": "another registration"}
    for field, words in named.items():
        told, wanted = getattr(one, field), getattr(against, field)
        if told and wanted and told != wanted:
            yield f"{one.place} names {words} than {against.place}"
    if one.terms_version and against.terms_version and one.terms_version != against.terms_version:
        versions = f"{one.terms_version}, {against.place} has version {against.terms_version}"
        yield f"{one.place} has version {versions}"
    ours, theirs = dict(one.tags), dict(against.tags)
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            says, other = (given.get(name, "nothing") for given in (ours, theirs))
            yield f"{name}: {one.place} says {says}, {against.place} says {other}"
    if len(one.tags) != len(against.tags) and ours == theirs:
        yield f"{one.place} has {len(one.tags)} tags, {against.place} has {len(against.tags)}"


def _json(place: str, raw: bytes) -> dict[str, object]:
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise _missing(place) from error
    if not isinstance(told, dict):
        raise _missing(place)
    return told


def _whole(value: object) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0


def _missing(place: str) -> errors.TagsMissing:
    return errors.TagsMissing(f"{place} holds no licence tags that can be read.", place=place)
