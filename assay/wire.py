"""Frozen dataclasses to canonical JSON values and back, strictly: the codec of assay/messages.py.

int              a JSON number, |n| <= 2^53
Nano             a decimal string, because amounts and scores pass 2^53
str, bool        themselves
tuple[T, ...]    a list                     tuple[str, str]   a pair
a dataclass      an object                  T | None          left out when None
"""

from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from functools import cache, lru_cache
from types import UnionType
from typing import Any, NewType, TypeVar, Union, get_args, get_origin, get_type_hints

from assay.errors import AssayError

Nano = NewType("Nano", int)
T = TypeVar("T")
_Reader = Callable[[Any], Any]
_MOST_DIGITS = 40  # of an amount
_PLAIN = (str, int, bool)


class BodyInvalid(AssayError):
    """A body does not have the fields of its kind. Facts: path."""

    code, status = "message.body_invalid", 422
    next_step = "Use the client of this version; docs/messages.md lists every field."


def to_json(body: Any) -> dict[str, object]:
    """The JSON object of a body; fields that are None are left out."""
    values = body.__dict__
    return {
        name: value if write is None else write(value)
        for name, write in _writers(body.__class__)
        if (value := values[name]) is not None
    }


def from_json(shape: type[T], value: object, path: str = "$") -> T:
    """A body of the class `shape`; every field must be there, with its type, and no other.

    raises BodyInvalid
    """
    try:
        body: T = _reader(shape)(value)  # type: ignore[arg-type]
    except _Odd:
        return _strictly(shape, value, path)  # the long way, which knows what is odd, and where
    return body


def made(shape: type[T], values: dict[str, object]) -> T:
    """A frozen dataclass from the values of all its fields, without a call for each of them.

    For the inner loops of replay and audit; the classes of messages and rows have no __post_init__.
    """
    one = object.__new__(shape)
    one.__dict__.update(values)
    return one


def changed(row: T, **values: object) -> T:
    """What `dataclasses.replace` gives, at a quarter of its cost; see `made`."""
    return made(type(row), {**row.__dict__, **values})


def _strictly(shape: type[T], value: object, path: str) -> T:
    if not isinstance(value, dict):
        raise _bad(path, "an object is needed")
    known = hints(shape)
    if odd := sorted(set(value) - set(known)):
        raise _bad(f"{path}.{odd[0]}", "no such field")
    found = {
        name: _told(value[name], hint, f"{path}.{name}")
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
    write = _writer(hint)
    return value if write is None or value is None else write(value)


@cache
def _writers(shape: type) -> tuple[tuple[str, Callable[[Any], object] | None], ...]:
    """The fields of a class, each with what writes its value; None: it is written as it is."""
    return tuple((one.name, _writer(hints(shape)[one.name])) for one in fields(shape))


@cache
def _writer(hint: Any) -> Callable[[Any], object] | None:
    hint = _bare(hint)
    if hint is Nano:
        return str
    if is_dataclass(hint):
        return to_json
    if get_origin(hint) is not tuple:
        return None
    write = _writer(get_args(hint)[0])
    return list if write is None else lambda values: [write(one) for one in values]


def decode(value: object, hint: Any, path: str) -> object:
    """The field's value from JSON. raises BodyInvalid"""
    try:
        return _field_reader(hint)(value)
    except _Odd:
        return _told(value, hint, path)


def _told(value: object, hint: Any, path: str) -> object:
    """What `decode` does, the long way, which knows what is odd, and where. raises BodyInvalid"""
    hint = _bare(hint)
    if hint is Nano:
        return _nano(value, path)
    if is_dataclass(hint):
        return _strictly(hint, value, path)  # type: ignore[arg-type]
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
    return tuple(_told(one, part, f"{path}[{place}]") for place, (one, part) in enumerate(pairs))


def _nano(value: object, path: str) -> int:
    digits = value.removeprefix("-") if isinstance(value, str) else ""
    is_plain = digits.isascii() and digits.isdigit() and (digits == "0" or digits[0] != "0")
    if not is_plain or value == "-0" or len(digits) > _MOST_DIGITS:
        raise _bad(path, "a whole number as a decimal string is needed")
    return int(str(value))


class _Odd(Exception):
    """The value does not have the shape; the long way says why."""


@cache
def _reader(shape: type) -> _Reader:
    """What `_strictly` does for one class, prepared once: no paths, no words, only yes or no."""
    blank = {one.name: one.default for one in fields(shape) if one.default is not MISSING}

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise _Odd
        types, deep = _plan(shape, tuple(value))
        if tuple(map(type, value.values())) != types:
            raise _Odd
        found = {**blank, **value}
        for name, reader in deep:
            found[name] = reader(found[name])
        return made(shape, found)

    return read


@lru_cache(1 << 12)
def _plan(
    shape: type, names: tuple[str, ...]
) -> tuple[tuple[type, ...], tuple[tuple[str, _Reader], ...]]:
    """How an object with these fields is read: the JSON type of each, and what reads the deep ones.

    raises _Odd when a field is missing or foreign
    """
    known = hints(shape)
    needed = {one.name for one in fields(shape) if one.default is MISSING}
    if not needed <= set(names) <= set(known):
        raise _Odd
    bare = {name: _bare(known[name]) for name in names}
    deep = [(name, _value_reader(hint)) for name, hint in bare.items() if hint not in _PLAIN]
    return tuple(_json_type(hint) for hint in bare.values()), tuple(deep)


def _bare(hint: Any) -> Any:
    """The type of a field that is there: T of T | None."""
    return get_args(hint)[0] if get_origin(hint) in (Union, UnionType) else hint


def _json_type(hint: Any) -> type:
    if hint in _PLAIN:
        return hint  # type: ignore[no-any-return]
    if hint is Nano:
        return str
    return list if get_origin(hint) is tuple else dict


@cache
def _field_reader(hint: Any) -> _Reader:
    return _value_reader(_bare(hint))


def _value_reader(hint: Any) -> _Reader:
    if hint is Nano:
        return _read_nano
    if is_dataclass(hint):
        return _reader(hint)  # type: ignore[arg-type]
    if get_origin(hint) is tuple:
        return _tuple_reader(get_args(hint))

    def read(value: Any) -> Any:
        if type(value) is not hint:
            raise _Odd
        return value

    return read


def _tuple_reader(parts: tuple[Any, ...]) -> _Reader:
    readers = [_value_reader(part) for part in parts if part is not Ellipsis]
    first, size = readers[0], None if parts[-1] is Ellipsis else len(parts)

    def read(value: Any) -> Any:
        if type(value) is not list or len(value) != (len(value) if size is None else size):
            raise _Odd
        if size is None:
            return tuple(map(first, value))
        return tuple(reader(one) for reader, one in zip(readers, value, strict=True))

    return read


def _read_nano(value: Any) -> int:
    if type(value) is not str or len(value) > _MOST_DIGITS + 1:
        raise _Odd
    try:
        number = int(value)
    except ValueError as error:
        raise _Odd from error
    if str(number) != value or abs(number) >= 10**_MOST_DIGITS:
        raise _Odd
    return number


def _bad(path: str, cause: str) -> BodyInvalid:
    return BodyInvalid(f"{path}: {cause}.", path=path)
