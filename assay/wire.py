"""Frozen dataclasses to canonical JSON values and back, strictly: the codec of assay/messages.py.

int              a JSON number, |n| <= 2^53
Nano             a decimal string, because amounts and scores pass 2^53
str, bool        themselves
tuple[T, ...]    a list                     tuple[str, str]   a pair
a dataclass      an object                  T | None          left out when None
"""

from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from types import UnionType
from typing import Any, NewType, TypeVar, get_args, get_origin, get_type_hints

from assay.errors import AssayError

Nano = NewType("Nano", int)
T = TypeVar("T")


class BodyInvalid(AssayError):
    """A body does not have the fields of its kind. Facts: path."""

    code, status = "message.body_invalid", 422
    next_step = "Use the client of this version; docs/messages.md lists every field."


def to_json(body: Any) -> dict[str, object]:
    """The JSON object of a body; fields that are None are left out."""
    values = ((field.name, getattr(body, field.name)) for field in fields(body))
    return {
        name: encode(value, hints(type(body))[name]) for name, value in values if value is not None
    }


def from_json(shape: type[T], value: object, path: str = "$") -> T:
    """A body of the class `shape`; every field must be there, with its type, and no other.

    raises BodyInvalid
    """
    if not isinstance(value, dict):
        raise _bad(path, "an object is needed")
    known = hints(shape)
    if odd := sorted(set(value) - set(known)):
        raise _bad(f"{path}.{odd[0]}", "no such field")
    found = {
        name: decode(value[name], hint, f"{path}.{name}")
        for name, hint in known.items()
        if name in value
    }
    for field in fields(shape):  # type: ignore[arg-type]
        if field.name not in found and field.default is MISSING:
            raise _bad(f"{path}.{field.name}", "the field is missing")
    return shape(**found)


def hints(shape: type) -> dict[str, Any]:
    """Field name -> its type, resolved."""
    return _resolved(shape)


_resolved = cache(get_type_hints)


def encode(value: Any, hint: Any) -> object:
    """The JSON value of a field whose type is `hint`."""
    if get_origin(hint) is UnionType:
        hint = get_args(hint)[0]
    if hint is Nano:
        return str(value)
    if is_dataclass(value):
        return to_json(value)
    if isinstance(value, tuple):
        inner = get_args(hint)[0]
        return [encode(one, inner) for one in value]
    return value


def decode(value: object, hint: Any, path: str) -> object:
    """The field's value from JSON. raises BodyInvalid"""
    if get_origin(hint) is UnionType:
        hint = get_args(hint)[0]
    if hint is Nano:
        return _nano(value, path)
    if is_dataclass(hint):
        return from_json(hint, value, path)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        return _tuple(value, get_args(hint), path)
    if type(value) is not hint:
        raise _bad(path, f"{hint.__name__} is needed")
    return value


def _tuple(value: object, parts: tuple[Any, ...], path: str) -> tuple[object, ...]:
    if not isinstance(value, list):
        raise _bad(path, "a list is needed")
    if parts[-1] is Ellipsis:
        parts = (parts[0],) * len(value)
    if len(parts) != len(value):
        raise _bad(path, f"{len(parts)} values are needed")
    pairs = zip(value, parts, strict=True)
    return tuple(decode(one, part, f"{path}[{place}]") for place, (one, part) in enumerate(pairs))


def _nano(value: object, path: str) -> int:
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    is_plain = digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")
    if not is_plain or value == "-0" or len(digits) > 40:
        raise _bad(path, "a whole number as a decimal string is needed")
    return int(str(value))


def _bad(path: str, cause: str) -> BodyInvalid:
    return BodyInvalid(f"{path}: {cause}.", path=path)
