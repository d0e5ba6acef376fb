"""One spelling per value: canonical JSON (RFC 8785) and SHA-256 of values, bytes and files.

Most values are plain: ASCII, without fractions, null or long numbers. For them RFC 8785 and a
compact dump with sorted keys are the same (keys sort alike, the same characters are escaped in the
same way), so a quick library writes and reads them; everything else goes the long way.
"""

import json
from hashlib import file_digest, sha256
from pathlib import Path
from typing import NoReturn

import msgspec
import rfc8785

from assay.errors import AssayError

MOST_JSON_INTEGER = 2**53 - 1  # I-JSON, RFC 7493 section 2.2


class NotCanonical(AssayError):
    """The value, or the bytes, have no canonical JSON form. Facts: path."""

    code, status = "canonical.invalid", 422
    next_step = "Use objects, lists, text, true, false and whole numbers below 2^53 only."


def canonical(value: object) -> bytes:
    """RFC 8785 bytes of a value made of dict, list, tuple, str, bool and int.

    raises NotCanonical for floats, null, and integers beyond 2^53: amounts and scores are strings
    """
    if (quick := _write_plain(value)) is not None:
        return quick
    try:
        _refuse_odd(value, "$")
        return rfc8785.dumps(value)  # type: ignore[arg-type]
    except (ValueError, RecursionError) as error:  # a lone surrogate; lists in lists without end
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


def _write_plain(value: object) -> bytes | None:
    """The bytes of a plain value: they read back as that very value, so that nothing was bent.

    None: the long way must decide.
    """
    try:
        raw = _WRITE(value)
        return raw if _is_plain(raw) and _READ(raw) == value else None
    except (TypeError, ValueError, RecursionError):
        return None


def _read_plain(raw: bytes) -> dict[str, object] | None:
    """The object in plain canonical bytes. None: the long way must decide."""
    if not _is_plain(raw):
        return None
    try:
        value = _READ(raw)
    except (ValueError, RecursionError):
        return None
    return value if type(value) is dict and _WRITE(value) == raw else None


def _is_plain(raw: bytes) -> bool:
    """An object or a list in ASCII without `null` and without a number of sixteen digits.

    A fraction is not looked for: the reader stops at it.
    """
    is_ours = raw[:1] in (b"{", b"[") and raw.isascii() and b"null" not in raw
    return is_ours and _LONG_NUMBER not in raw.translate(_DIGITS)


def _refuse(fraction: str) -> NoReturn:
    raise ValueError(fraction)


_WRITE = msgspec.json.Encoder(order="sorted").encode
_READ = msgspec.json.Decoder(float_hook=_refuse).decode
# Every digit as 0, and all that can stand before a number in compact JSON as a colon.
_DIGITS = bytes(
    ord("0" if chr(byte).isdigit() else ":" if chr(byte) in ":,[-" else " ") for byte in range(128)
).ljust(256)
_LONG_NUMBER = b":" + 16 * b"0"


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
