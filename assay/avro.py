"""The Avro spelling of an item's tags: an array of (name, value) byte strings.

source  Apache Avro 1.11, binary encoding of longs, bytes and arrays; limits of ANS-104
"""

from collections.abc import Sequence

MOST_TAGS, MOST_NAME_BYTES, MOST_VALUE_BYTES = 128, 1024, 3072


def write_tags(tags: Sequence[tuple[bytes, bytes]]) -> bytes:
    """One block and a closing zero; no tags are no bytes at all, not even the zero."""
    if not tags:
        return b""
    body = b"".join(_bytes(name) + _bytes(value) for name, value in tags)
    return write_long(len(tags)) + body + write_long(0)


def read_tags(raw: bytes) -> tuple[tuple[bytes, bytes], ...]:
    """raises ValueError whose text is a stable word"""
    tags: list[tuple[bytes, bytes]] = []
    at = 0
    while raw:
        count, at = read_long(raw, at)
        if count == 0:
            break
        if count < 0:  # Avro may write -count, followed by the block's size in bytes
            count = -count
            _, at = read_long(raw, at)
        if count > MOST_TAGS:
            raise ValueError("tag_count")
        for _ in range(count):
            name, at = _read_bytes(raw, at, MOST_NAME_BYTES)
            value, at = _read_bytes(raw, at, MOST_VALUE_BYTES)
            tags.append((name, value))
    if at != len(raw):
        raise ValueError("tags_trailing_bytes")
    return tuple(tags)


def write_long(number: int) -> bytes:
    """Zigzag, then base 128, low bits first."""
    zigzag = number << 1 if number >= 0 else (~number << 1) | 1
    out = bytearray()
    while zigzag > 0x7F:
        out.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes([*out, zigzag])


def read_long(raw: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and the place behind it."""
    zigzag = shift = 0
    while True:
        if at >= len(raw) or shift > 63:
            raise ValueError("tags_truncated")
        byte, at = raw[at], at + 1
        zigzag |= (byte & 0x7F) << shift
        shift += 7
        if byte <= 0x7F:
            return (zigzag >> 1) ^ -(zigzag & 1), at


def _bytes(field: bytes) -> bytes:
    return write_long(len(field)) + field


def _read_bytes(raw: bytes, at: int, most: int) -> tuple[bytes, int]:
    size, at = read_long(raw, at)
    if not 1 <= size <= most or at + size > len(raw):
        raise ValueError("tag_size")
    return raw[at : at + size], at + size
