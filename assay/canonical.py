"""One spelling per value: canonical JSON (RFC 8785) and SHA-256 of values, bytes and files."""

import json
from hashlib import file_digest, sha256
from pathlib import Path
from typing import NoReturn

import rfc8785

from assay.errors import AssayError

MOST_JSON_INTEGER = 2**53 - 1  # I-JSON, RFC 7493 section 2.2
_TO_JSON = json.JSONEncoder(
    sort_keys=True, ensure_ascii=False, separators=(",", ":"), check_circular=False
).encode


class NotCanonical(AssayError):
    """The value, or the bytes, have no canonical JSON form. Facts: path."""

    code, status = "canonical.invalid", 422
    next_step = "Use objects, lists, text, true, false and whole numbers below 2^53 only."


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of a value made of dict, list, tuple, str, bool and int.

    raises NotCanonical for floats, null, and integers beyond 2^53: amounts and scores are strings
    """
    _refuse_odd(value, "$")
    text = _TO_JSON(value)
    if text.isascii():  # there the standard library writes what RFC 8785 asks for
        return text.encode()
    try:
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    except ValueError as error:  # a lone surrogate
        raise NotCanonical(f"The value has no canonical form: {error}.", path="$") from error


def read_canonical(raw: bytes) -> dict[str, object]:
    """The JSON object in `raw`, which must be its one canonical spelling.

    raises NotCanonical
    """
    if (quick := _read_plain(raw)) is not None:
        return quick
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise NotCanonical(f"The bytes are not JSON: {error}.", path="$") from error
    if not isinstance(value, dict) or canonical(value) != raw:
        raise NotCanonical("The bytes are not one JSON object in canonical form.", path="$")
    return value


def _read_plain(raw: bytes) -> dict[str, object] | None:
    """The object in canonical bytes, when the standard library alone can tell that they are.

    ASCII bytes without `null`, a fraction or a long number: there RFC 8785 and a compact dump with
    sorted keys are the same (keys sort alike, the same characters are escaped in the same way).
    None: the long way must decide.
    """
    if not raw.isascii() or b"null" in raw:
        return None
    text = raw.decode("ascii")
    try:
        value, end = _FROM_JSON(text)
    except (ValueError, RecursionError):
        return None
    is_same = type(value) is dict and end == len(text) and _TO_JSON(value) == text
    return value if is_same else None


def _whole(digits: str) -> int:
    """A JSON number that is certainly below 2^53. raises ValueError for longer ones"""
    if len(digits) > 15:
        raise ValueError(digits)
    return int(digits)


def _refuse(text: str) -> NoReturn:
    raise ValueError(text)


_FROM_JSON = json.JSONDecoder(
    parse_int=_whole, parse_float=_refuse, parse_constant=_refuse
).raw_decode


def digest(value: object) -> str:
    """SHA-256, 64 lower hex digits, of the canonical bytes."""
    return sha256_hex(canonical(value))


def sha256_hex(raw: bytes) -> str:
    return sha256(raw).hexdigest()


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _refuse_odd(value: object, path: str) -> None:
    if isinstance(value, dict):
        for name, one in value.items():
            if not isinstance(name, str):
                raise NotCanonical(f"A key at {path} is not text.", path=path)
            _refuse_odd(one, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for place, one in enumerate(value):
            _refuse_odd(one, f"{path}[{place}]")
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) > MOST_JSON_INTEGER:
            raise NotCanonical(f"The number at {path} is beyond 2^53.", path=path)
    elif not isinstance(value, str | bool):
        raise NotCanonical(f"{type(value).__name__} at {path} has no canonical form.", path=path)
