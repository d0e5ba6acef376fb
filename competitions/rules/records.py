"""A metric's whole numbers as they travel in a score's message: one text for one list of numbers.

Numbers that are 0 or 1 take one bit each, as hex digits, the first highest; others are base64 of
little-endian int32. Either way they are at most MOST_BYTES before they become text.
"""

import binascii
import re
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence

MOST_BYTES = 44_000  # a message has at most 65,535
_HEX = re.compile(r"[0-9a-f]*")
_DIGITS = bytes.maketrans(b"01", b"\0\1")


def pack(numbers: Sequence[int], *, is_binary: bool) -> str:
    """The numbers as text. raises ValueError for one that has no room, and for too many"""
    return _bits(numbers) if is_binary else _words(numbers)


def unpack(packed: str, count: int, *, is_binary: bool) -> tuple[int, ...]:
    """The numbers again. raises ValueError unless `packed` is exactly what `pack` writes"""
    return _read_bits(packed, count) if is_binary else _read_words(packed, count)


def _bits(numbers: Sequence[int]) -> str:
    if not all(one in (0, 1) for one in numbers):
        raise ValueError("a record of this metric is 0 or 1")
    _limit(-(-len(numbers) // 8) * 2)  # a hex digit holds four bits and takes eight
    text = "".join(map(str, numbers))
    padded = text.ljust(-(-len(text) // 4) * 4, "0")
    return f"{int(padded, 2):0{len(padded) // 4}x}" if padded else ""


def _read_bits(packed: str, count: int) -> tuple[int, ...]:
    if not _HEX.fullmatch(packed) or len(packed) != -(-count // 4):
        raise ValueError("the records have the wrong length")
    bits = f"{int(packed, 16):0{4 * len(packed)}b}" if packed else ""
    if "1" in bits[count:]:
        raise ValueError("the padding is not zero")
    return tuple(bits[:count].encode().translate(_DIGITS))


def _words(numbers: Sequence[int]) -> str:
    _limit(4 * len(numbers))
    try:
        return b64encode(struct.pack(f"<{len(numbers)}i", *numbers)).decode()
    except struct.error as error:
        raise ValueError("a record passes 32 bits") from error


def _read_words(packed: str, count: int) -> tuple[int, ...]:
    try:
        raw = b64decode(packed, validate=True)
    except binascii.Error as error:
        raise ValueError("the records are not base64") from error
    if len(raw) != 4 * count or b64encode(raw).decode() != packed:
        raise ValueError("the records have the wrong length")
    return struct.unpack(f"<{count}i", raw)


def _limit(size: int) -> None:
    if size > MOST_BYTES:
        raise ValueError(f"the records take over {MOST_BYTES} bytes")
