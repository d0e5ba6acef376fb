r"""A test slice as bytes: the token ids, the labels, and the roots that pin both.

    inputs   b"ASSAYIDS2\n"     u32 shared rows, u32 examples, rows of each example as u32, then of
                                every row its length and its start as u32, then every id as int32
    labels   b"ASSAYLABELS2\n"  a canonical JSON list, one value per example: what is right

All integers little-endian. Inputs and labels are two blobs because a scorer sees only the first.
An example has one row, or several (the choices of a question); shared rows belong to all examples
(the documents of a search). What a label is, each evaluator says.
"""

import hmac
import json
import struct
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from sys import byteorder

from assay.canonical import canonical
from assay.merkle import leaf_hash, root

INPUTS_MAGIC = b"ASSAYIDS2\n"
LABELS_MAGIC = b"ASSAYLABELS2\n"
SALT_BYTES = 32
WORD_BYTES = 4


@dataclass(frozen=True)
class Row:
    """One text as token ids. start: the first position that is scored, where positions are."""

    ids: tuple[int, ...]
    start: int = 0


@dataclass(frozen=True)
class Inputs:
    """What a scorer gets: the rows of each example, and the rows that all share."""

    examples: tuple[tuple[Row, ...], ...]
    shared: tuple[Row, ...] = ()

    def chosen(self, places: Sequence[int]) -> "Inputs":
        """The same task over these examples, in this order."""
        return Inputs(tuple(self.examples[place] for place in places), self.shared)


def single(ids: Iterable[Sequence[int]]) -> Inputs:
    """Examples of one row each."""
    return Inputs(tuple((Row(tuple(line)),) for line in ids))


def pack_inputs(inputs: Inputs) -> bytes:
    """The inputs blob."""
    rows = [*inputs.shared, *(row for example in inputs.examples for row in example)]
    counts = [len(example) for example in inputs.examples]
    head = [len(inputs.shared), len(counts), *counts]
    head += [number for row in rows for number in (len(row.ids), row.start)]
    return INPUTS_MAGIC + _words(head) + _int32(one for row in rows for one in row.ids)


def unpack_inputs(blob: bytes) -> Inputs:
    """What an inputs blob holds; raises ValueError when it is not one."""
    if not blob.startswith(INPUTS_MAGIC):
        raise ValueError("the bytes are not a blob of this kind")
    reader = _Reader(blob, len(INPUTS_MAGIC))
    shared, examples = reader.words(2)
    counts = reader.words(examples)
    sizes = reader.words(2 * (shared + sum(counts)))
    ids = reader.rest(sum(sizes[::2]))
    rows, place = [], 0
    for length, start in zip(sizes[::2], sizes[1::2], strict=True):
        rows.append(Row(tuple(ids[place : place + length]), start))
        place += length
    found, place = [], shared
    for count in counts:
        found.append(tuple(rows[place : place + count]))
        place += count
    return Inputs(tuple(found), tuple(rows[:shared]))


def pack_labels(labels: Sequence[object]) -> bytes:
    """The labels blob of these values: whole numbers, text, or lists of them."""
    return LABELS_MAGIC + canonical(list(labels))


def unpack_labels(blob: bytes) -> list[object]:
    """The values of a labels blob; raises ValueError when it is not one in canonical form."""
    if not blob.startswith(LABELS_MAGIC):
        raise ValueError("the bytes are not a blob of this kind")
    raw = blob[len(LABELS_MAGIC) :]
    found = json.loads(raw)
    if not isinstance(found, list) or canonical(found) != raw:
        raise ValueError("the labels are not a canonical list")
    return found


def public_root(inputs: bytes, labels: bytes) -> str:
    """The unsalted root over the examples of an open slice: 64 hex digits. RFC 6962."""
    return root([leaf_hash(one) for one in _leaves(inputs, labels)]).hex()


def commitment(salt: bytes, name: str, inputs: bytes, labels: bytes) -> str:
    """The salted root over a sealed slice: 64 hex digits.

    Leaf i = sha256(00 || HMAC-SHA256(salt, name || u64 little-endian i) || canonical JSON of the
    example), so that a guessed example cannot be tested against it. The same call opens it.
    salt    32 secret bytes, one salt for all sealed slices of a task
    name    of the slice: "board" or "final"
    source  docs/mechanism.md, section 4; RFC 6962
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes")
    key = name.encode()
    return root(
        [
            leaf_hash(hmac.digest(salt, key + struct.pack("<Q", place), sha256) + one)
            for place, one in enumerate(_leaves(inputs, labels))
        ]
    ).hex()


def _leaves(inputs: bytes, labels: bytes) -> list[bytes]:
    """Canonical JSON of each shared row, then of each example with its label."""
    unpacked = unpack_inputs(inputs)
    pairs = zip(unpacked.examples, unpack_labels(labels), strict=True)
    shared = [canonical({"shared": _plain(row)}) for row in unpacked.shared]
    return shared + [
        canonical({"rows": [_plain(row) for row in rows], "label": label}) for rows, label in pairs
    ]


def _plain(row: Row) -> dict[str, object]:
    return {"ids": list(row.ids), "start": row.start}


class _Reader:
    """Little-endian words from a blob, never beyond its end."""

    def __init__(self, blob: bytes, place: int) -> None:
        self._blob, self._place = blob, place

    def words(self, count: int) -> tuple[int, ...]:
        end = self._place + WORD_BYTES * count
        if end > len(self._blob):
            raise ValueError("the blob is cut short")
        found = struct.unpack_from(f"<{count}I", self._blob, self._place)
        self._place = end
        return found

    def rest(self, count: int) -> list[int]:
        raw = self._blob[self._place :]
        if len(raw) != WORD_BYTES * count:
            raise ValueError("the blob has another length than its header says")
        values = array("i")
        values.frombytes(raw)
        if byteorder == "big":
            values.byteswap()
        return values.tolist()


def _words(values: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _int32(values: Iterable[int]) -> bytes:
    packed = array("i", values)
    if byteorder == "big":
        packed.byteswap()
    return packed.tobytes()
