r"""The canonical adapter blob: one spelling per adapter, and the only thing a scorer ever reads.

    b"ASSAYLORA1\n"  u32 header length  header  values

All integers little-endian. The header is canonical JSON: {"rank", "scale", "tensors"}; rank is the
largest one; scale is the factor on B @ A as a C99 hexadecimal float (`float.hex`), since canonical
JSON has no floats; tensors is a list of [name, shape] in name order. Where modules differ, "scales"
names the factor of each one that has not the first module's. The values are float32, little-endian,
in that order, without gaps. Names: "<module>.A" [rank, in], "<module>.B" [out, rank], and the
head's names. Its SHA-256 is the adapter's hash. No library of tensors is needed to read it.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from assay.canonical import canonical

MAGIC = b"ASSAYLORA1\n"
OPENING_BYTES = len(MAGIC) + 4
FLOAT_BYTES = 4
NO_SCALES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Part:
    """Where one tensor lies: its shape, and the first byte of its values in the blob."""

    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Contents:
    """What a blob holds: the factors on B @ A, and where each tensor lies.

    scales  module -> its factor, where it is another than `scale`
    """

    rank: int
    scale: float
    parts: Mapping[str, Part]
    scales: Mapping[str, float]

    def scale_of(self, module: str) -> float:
        """The factor on this module's B @ A."""
        return self.scales.get(module, self.scale)


def write_blob(
    rank: int,
    scale: float,
    tensors: Mapping[str, tuple[tuple[int, ...], bytes]],
    scales: Mapping[str, float] = NO_SCALES,
) -> bytes:
    """The blob of these tensors: name -> (shape, float32 little-endian bytes)."""
    shapes = {name: shape for name, (shape, _) in tensors.items()}
    beginning = spell_beginning(rank, scale, shapes, scales)
    return b"".join([beginning, *(tensors[name][1] for name in sorted(tensors))])


def spell_beginning(
    rank: int,
    scale: float,
    shapes: Mapping[str, tuple[int, ...]],
    scales: Mapping[str, float] = NO_SCALES,
) -> bytes:
    """All of a blob that comes before the values, in its one spelling."""
    fields: dict[str, object] = {
        "rank": rank,
        "scale": scale.hex(),
        "tensors": [[name, list(shapes[name])] for name in sorted(shapes)],
    }
    if scales:
        fields["scales"] = {name: one.hex() for name, one in scales.items()}
    header = canonical(fields)
    return b"".join([MAGIC, struct.pack("<I", len(header)), header])


def read_blob(blob: bytes) -> Contents:
    """What lies where in a blob that `write_blob` made.

    Imports and opens nothing: it runs in the sandbox. So it does not ask for the one spelling.
    raises ValueError when the bytes have another form; a scorer gets only blobs of the intake, so
           this is a broken house, not a miner's fault
    """
    return read_beginning(blob[: beginning_bytes(blob[:OPENING_BYTES])], len(blob))


def beginning_bytes(opening: bytes) -> int:
    """How long the part before the values is, by the first OPENING_BYTES. raises ValueError"""
    if not opening.startswith(MAGIC) or len(opening) < OPENING_BYTES:
        raise ValueError("not a canonical adapter blob")
    (size,) = struct.unpack_from("<I", opening, len(MAGIC))
    return OPENING_BYTES + int(size)


def read_beginning(beginning: bytes, length: int) -> Contents:
    """What lies where, from what comes before the values; length: bytes of the whole blob.

    raises ValueError as read_blob does
    """
    rank, factors, shapes = _read_header(beginning[OPENING_BYTES:])
    place, parts = len(beginning), {}
    for name, shape in shapes.items():
        parts[name] = Part(shape=shape, start=place)
        place += math.prod(shape) * FLOAT_BYTES
    if place != length:
        raise ValueError("the canonical adapter blob has another length than its header says")
    return Contents(rank=rank, scale=factors.pop(""), parts=parts, scales=factors)


def _read_header(raw: bytes) -> tuple[int, dict[str, float], dict[str, tuple[int, ...]]]:
    """Rank, module -> factor with the first module's under "", name -> shape; raises ValueError."""
    try:
        header: Any = json.loads(raw)
        rank, told = header["rank"], {**header.get("scales", {}), "": header["scale"]}
        factors = {name: float.fromhex(one) for name, one in told.items()}
        shapes = {name: tuple(shape) for name, shape in header["tensors"]}
        sizes = [size for shape in shapes.values() for size in shape]
    except (
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise ValueError("not a canonical adapter blob: its header has another form") from error
    is_finite = all(0 <= one < math.inf for one in factors.values())
    is_sound = type(rank) is int and rank > 0 and is_finite
    if not (is_sound and all(type(size) is int and size > 0 for size in sizes)):
        raise ValueError("not a canonical adapter blob: its header has other values")
    return rank, factors, shapes
