"""Float tensors in memory without a library for them: a shape, an address, and what keeps it.

A file of float32 is mapped and not copied. Standard library and the engine's own functions.
source  https://github.com/huggingface/safetensors, section "Format"
"""

import ctypes
import json
import mmap
import struct
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from math import prod
from pathlib import Path

from evaluator.blob import FLOAT_BYTES, Contents, read_blob
from evaluator.engine.library import floats, library

_LENGTH = struct.Struct("<Q")
_SHORT = {"BF16": 0, "F16": 1}


@dataclass(frozen=True)
class Floats:
    """float32 values, row by row. held: what must live as long as the address is used."""

    shape: tuple[int, ...]
    address: int
    held: object

    def rows(self, first: int, count: int) -> "Floats":
        """Some rows of a matrix, or numbers of a vector, in the same memory."""
        width = prod(self.shape[1:])
        start = self.address + first * width * FLOAT_BYTES
        return Floats((count, *self.shape[1:]), start, self.held)

    def values(self) -> list[float]:
        """A copy as Python's own numbers."""
        return list((ctypes.c_float * prod(self.shape)).from_address(self.address))


def floats_of(values: Iterable[float], shape: tuple[int, ...] = ()) -> Floats:
    """Numbers in fresh memory; one row of them where no shape is given."""
    listed = list(values)
    held = (ctypes.c_float * len(listed))(*listed)
    return Floats(shape or (len(listed),), ctypes.addressof(held), held)


def raw_floats(raw: bytes | memoryview, shape: tuple[int, ...]) -> Floats:
    """float32 little-endian bytes, copied."""
    held = (ctypes.c_float * prod(shape)).from_buffer_copy(raw)
    return Floats(shape, ctypes.addressof(held), held)


def room(*shape: int) -> Floats:
    """Fresh memory, all 0."""
    held = floats(prod(shape))
    return Floats(shape, ctypes.addressof(held), held)


def read_tensors(folder: Path) -> dict[str, Floats]:
    """The float tensors of a base's safetensors files as they are named there.

    Callers have verified the folder (`bases.folder_of`), so a broken file is a broken house.
    """
    found: dict[str, Floats] = {}
    for path in sorted(folder.glob("*.safetensors")):
        found |= _tensors(path)
    return found


def let_go(tensors: Iterable[Floats]) -> None:
    """Keep no page of a mapped file in memory: what is asked for again comes from the file."""
    for held in {id(one.held): one.held for one in tensors}.values():
        if isinstance(held, mmap.mmap):
            held.madvise(mmap.MADV_DONTNEED)


def read_adapter(blob: bytes) -> tuple[Contents, dict[str, Floats]]:
    """What a canonical blob says, and its tensors, copied to where they are aligned."""
    contents = read_blob(blob)
    view = memoryview(blob)
    found = {}
    for name, part in contents.parts.items():
        size = prod(part.shape) * FLOAT_BYTES
        found[name] = raw_floats(view[part.start : part.start + size], part.shape)
    return contents, found


def _tensors(path: Path) -> dict[str, Floats]:
    with path.open("rb") as file:
        # A private copy, of which nothing is copied: only so does Python tell where it lies.
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    [size] = _LENGTH.unpack(mapped[: _LENGTH.size])
    start = _LENGTH.size + size
    address = ctypes.addressof(ctypes.c_char.from_buffer(mapped))
    found = {}
    for name, told in json.loads(mapped[_LENGTH.size : start]).items():
        if name == "__metadata__" or not told["dtype"].startswith(("F", "BF")):
            continue
        first, end = (start + one for one in told["data_offsets"])
        shape, dtype = tuple(told["shape"]), told["dtype"]
        if dtype == "F32" and (address + first) % FLOAT_BYTES == 0:
            found[name] = Floats(shape, address + first, mapped)
        elif dtype in _SHORT:
            found[name] = _widened(mapped[first:end], shape, _SHORT[dtype])
        else:
            doubles = array("d" if dtype == "F64" else "f", mapped[first:end])
            found[name] = floats_of(doubles, shape)
    return found


def _widened(raw: bytes, shape: tuple[int, ...], is_half: int) -> Floats:
    found = room(*shape)
    library().engine_widened(prod(shape), is_half, raw, found.address)
    return found
