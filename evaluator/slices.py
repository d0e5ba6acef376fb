r"""A test slice as bytes: the token ids, the labels, and the roots that pin both.

    inputs   b"ASSAYIDS1\n"     u32 count, count x u32 length, then every id as int32
    labels   b"ASSAYLABELS1\n"  u32 count, then every label as int32: its place in manifest.labels

All integers little-endian. Inputs and labels are two blobs because a scorer sees only the first.
"""

import hmac
import struct
from array import array
from collections.abc import Iterable, Sequence
from hashlib import sha256
from itertools import accumulate
from sys import byteorder

from assay.canonical import canonical
from assay.merkle import leaf_hash, root

INPUTS_MAGIC = b"ASSAYIDS1\n"
LABELS_MAGIC = b"ASSAYLABELS1\n"
SALT_BYTES = 32


def pack_inputs(ids: Sequence[Sequence[int]]) -> bytes:
    """The inputs blob of these token lists."""
    lengths = struct.pack(f"<I{len(ids)}I", len(ids), *map(len, ids))
    return INPUTS_MAGIC + lengths + _int32(one for line in ids for one in line)


def unpack_inputs(blob: bytes) -> list[list[int]]:
    """The token lists of an inputs blob; raises ValueError when it is not one."""
    count = _count(blob, INPUTS_MAGIC)
    start = len(INPUTS_MAGIC) + 4
    lengths = struct.unpack_from(f"<{count}I", blob, start)
    ids = _from_int32(blob[start + 4 * count :], sum(lengths))
    ends = list(accumulate(lengths))
    return [ids[end - length : end] for end, length in zip(ends, lengths, strict=True)]


def pack_labels(labels: Sequence[int]) -> bytes:
    """The labels blob of these label indexes."""
    return LABELS_MAGIC + struct.pack("<I", len(labels)) + _int32(labels)


def unpack_labels(blob: bytes) -> list[int]:
    """The label indexes of a labels blob; raises ValueError when it is not one."""
    count = _count(blob, LABELS_MAGIC)
    return _from_int32(blob[len(LABELS_MAGIC) + 4 :], count)


def public_root(inputs: bytes, labels: bytes) -> str:
    """The unsalted root over the examples of an open slice: 64 hex digits. RFC 6962."""
    return root([leaf_hash(one) for one in _examples(inputs, labels)]).hex()


def final_commitment(salt: bytes, inputs: bytes, labels: bytes) -> str:
    """The salted root over a sealed slice: 64 hex digits.

    Leaf i = sha256(00 || HMAC-SHA256(salt, u64 little-endian i) || canonical JSON of the example),
    so that a guessed example cannot be tested against it. The same call opens it after the close.
    salt    32 secret bytes
    source  docs/mechanism.md, section 4; RFC 6962
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    return root(
        [
            leaf_hash(hmac.digest(salt, struct.pack("<Q", place), sha256) + one)
            for place, one in enumerate(_examples(inputs, labels))
        ]
    ).hex()


def _examples(inputs: bytes, labels: bytes) -> list[bytes]:
    pairs = zip(unpack_inputs(inputs), unpack_labels(labels), strict=True)
    return [canonical({"ids": ids, "label": label}) for ids, label in pairs]


def _count(blob: bytes, magic: bytes) -> int:
    if not blob.startswith(magic) or len(blob) < len(magic) + 4:
        raise ValueError("the bytes are not a blob of this kind")
    (count,) = struct.unpack_from("<I", blob, len(magic))
    if len(blob) < len(magic) + 4 + 4 * count:
        raise ValueError("the blob is cut short")
    return int(count)


def _int32(values: Iterable[int]) -> bytes:
    packed = array("i", values)
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _from_int32(raw: bytes, count: int) -> list[int]:
    if len(raw) != 4 * count:
        raise ValueError("the blob has another length than its header says")
    values = array("i")
    values.frombytes(raw)
    if byteorder == "big":
        values.byteswap()
    return values.tolist()
