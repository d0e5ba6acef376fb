r"""The canonical adapter blob: one spelling per adapter, and the only thing a scorer ever reads.

    b"ASSAYLORA1\n"  u32 header length  header  values

All integers little-endian. The header is canonical JSON: {"rank", "scale", "tensors"}; scale is the
factor on B @ A as a C99 hexadecimal float (`float.hex`), since canonical JSON has no floats;
tensors is a list of [name, shape] in name order. The values are float32, little-endian, in that
order, without gaps. Names: "<module>.A" [rank, in], "<module>.B" [out, rank], and the head's names.
Its SHA-256 is the adapter's hash. Standard library only.
"""

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from assay.canonical import canonical

MAGIC = b"ASSAYLORA1\n"
FLOAT_BYTES = 4


@dataclass(frozen=True)
class Part:
    """Where one tensor lies: its shape, and the first byte of its values in the blob."""

    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class Contents:
    """What a blob holds: the factor on B @ A, and where each tensor lies."""

    rank: int
    scale: float
    parts: Mapping[str, Part]


def write_blob(
    rank: int, scale: float, tensors: Mapping[str, tuple[tuple[int, ...], bytes]]
) -> bytes:
    """The blob of these tensors: name -> (shape, float32 little-endian bytes)."""
    names = sorted(tensors)
    header = canonical(
        {
            "rank": rank,
            "scale": scale.hex(),
            "tensors": [[name, list(tensors[name][0])] for name in names],
        }
    )
    values = [tensors[name][1] for name in names]
    return b"".join([MAGIC, struct.pack("<I", len(header)), header, *values])


def read_blob(blob: bytes) -> Contents:
    """What lies where in a blob that `write_blob` made.

    raises ValueError when the bytes have another form; a scorer gets only blobs of the intake, so
           this is a broken house, not a miner's fault
    """
    start = len(MAGIC) + 4
    if not blob.startswith(MAGIC) or len(blob) < start:
        raise ValueError("not a canonical adapter blob")
    (size,) = struct.unpack_from("<I", blob, len(MAGIC))
    header = json.loads(blob[start : start + size])
    place, parts = start + size, {}
    for name, shape in header["tensors"]:
        parts[name] = Part(shape=tuple(shape), start=place)
        place += math.prod(shape) * FLOAT_BYTES
    if place != len(blob):
        raise ValueError("the canonical adapter blob has another length than its header says")
    return Contents(rank=header["rank"], scale=float.fromhex(header["scale"]), parts=parts)
