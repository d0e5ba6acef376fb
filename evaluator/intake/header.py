"""The header of a safetensors file, read by hand: the library needs minutes for a hostile one.

    u64 little-endian header length   header: JSON   values
    header: name -> {"dtype", "shape", "data_offsets": [first, end]}, and "__metadata__"
source  https://github.com/huggingface/safetensors, "Format"
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from evaluator.errors import AdapterHeaderSize, AdapterJson, AdapterLayout
from evaluator.intake.files import TENSORS_NAME
from evaluator.intake.kinds import LOOK, refuse_other_kind
from evaluator.intake.names import shown
from evaluator.intake.sources import Source
from evaluator.intake.strict import read_object

MOST_HEADER_BYTES = 256 * 1024
MOST_TENSORS = 4096
MOST_METADATA_BYTES = 16 * 1024
MOST_DIMENSIONS = 8
LENGTH_BYTES = 8


@dataclass(frozen=True)
class Entry:
    """One tensor as the file describes it; offsets count from the first value."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    first: int
    end: int


@dataclass(frozen=True)
class Header:
    """The tensors of a file by name, and where the values start."""

    entries: Mapping[str, Entry]
    start: int


def read_header(source: Source) -> Header:
    """The header of a file, its tensors laid end to end over all values.

    Nothing after the header is read.
    raises AdapterHeaderSize, AdapterJson, AdapterLayout
    """
    if source.size < LENGTH_BYTES:
        raise _broken("it is empty, or cut before its header")
    beginning = source.read(0, LENGTH_BYTES)
    (size,) = struct.unpack("<Q", beginning)
    if size > MOST_HEADER_BYTES:
        refuse_other_kind(TENSORS_NAME, bytes(source.read(0, min(LOOK, source.size))))
    _limit("header", size, MOST_HEADER_BYTES)
    start = LENGTH_BYTES + size
    if start > source.size:
        raise _broken("the header is longer than the file, which is cut")
    raw = bytes(source.read(LENGTH_BYTES, size))
    if not raw.startswith(b"{"):  # the format asks for it; other readers differ about spaces
        raise AdapterJson(
            f"{TENSORS_NAME} is not strict JSON: the header does not begin with a brace.",
            file=TENSORS_NAME,
            problem="the header does not begin with a brace",
        )
    fields = read_object(raw, TENSORS_NAME)
    _check_metadata(fields.pop("__metadata__", {}))
    _limit("tensors", len(fields), MOST_TENSORS)
    entries = {name: _entry(name, value) for name, value in fields.items()}
    _check_layout(entries, source.size - start)
    return Header(entries=entries, start=start)


def _limit(part: str, size: int, limit: int) -> None:
    if size > limit:
        raise AdapterHeaderSize(
            f"The tensor header is too large: {part} {size}, limit {limit}.",
            part=part,
            size=size,
            limit=limit,
        )


def _check_metadata(value: object) -> None:
    if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
        raise _broken("__metadata__ is not a table of texts")
    size = sum(_bytes(name) + _bytes(one) for name, one in value.items())
    _limit("metadata", size, MOST_METADATA_BYTES)


def _bytes(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _entry(name: str, value: object) -> Entry:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "data_offsets"}:
        raise _broken(f"the entry of {shown(name)} has other fields than a tensor")
    dtype, shape, offsets = value["dtype"], value["shape"], value["data_offsets"]
    is_formed = isinstance(dtype, str) and _are_sizes(shape) and _are_sizes(offsets)
    if not is_formed or len(offsets) != 2 or len(shape) > MOST_DIMENSIONS:
        raise _broken(f"the entry of {shown(name)} has values of another kind")
    return Entry(name=name, dtype=dtype, shape=tuple(shape), first=offsets[0], end=offsets[1])


def _are_sizes(value: object) -> bool:
    return isinstance(value, list) and all(type(one) is int and one >= 0 for one in value)


def _check_layout(entries: Mapping[str, Entry], size: int) -> None:
    place = 0
    for entry in sorted(entries.values(), key=lambda entry: (entry.first, entry.end)):
        if entry.first != place or entry.end < entry.first:
            raise _broken(f"a gap or an overlap before {shown(entry.name)}")
        place = entry.end
    if place > size:
        raise _broken(f"it ends {place - size} bytes too early, so it was cut")
    if place != size:
        raise _broken("the tensors do not fill the file")


def _broken(problem: str) -> AdapterLayout:
    return AdapterLayout(f"{TENSORS_NAME} is damaged: {problem}.", problem=problem)
