"""Per-example outcomes as they travel in messages: one bit each, hex, the first example highest."""

import re

_HEX = re.compile(r"[0-9a-f]*")
_BITS = bytes.maketrans(b"01", b"\0\1")


def pack(outcomes: tuple[int, ...]) -> str:
    """Hex of 0/1 outcomes, padded with zero bits to whole digits."""
    assert all(one in (0, 1) for one in outcomes), "an outcome is 0 or 1"
    text = "".join(map(str, outcomes))
    padded = text.ljust(-(-len(text) // 4) * 4, "0")
    return "".join(f"{int(padded[at : at + 4], 2):x}" for at in range(0, len(padded), 4))


def unpack(packed: str, examples: int) -> tuple[int, ...]:
    """The outcomes again. raises ValueError unless `packed` is exactly what `pack` writes"""
    if not _HEX.fullmatch(packed) or len(packed) != -(-examples // 4):
        raise ValueError("the outcomes have the wrong length")
    bits = f"{int(packed or '0', 16):0{4 * len(packed)}b}"
    if "1" in bits[examples:]:
        raise ValueError("the padding is not zero")
    return tuple(bits[:examples].encode().translate(_BITS))
