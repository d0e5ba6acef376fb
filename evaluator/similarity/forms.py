r"""Normal forms: the directions that an adapter reads and writes, layer by layer.

    b"ASSAYFORM1\n"  u32 header length  header  values

All integers little-endian. The header is canonical JSON: a list of [module, d_out, d_in, kept] in
the order of the names. Then each layer's columns [kept, d_out], rows [kept, d_in] and strengths
[kept] as float32. Kept are the strongest directions of B @ A: those above one millionth of the
strongest, and no more than an eighth of the layer's narrower side. Made once of an adapter, so that
it is compared with a thousand others by products of rank x rank. The bits are the same on every
machine.
source  docs/algorithms/similarity.md
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

from assay.canonical import canonical
from evaluator.blob import FLOAT_BYTES
from evaluator.engine.library import ints, library
from evaluator.engine.tensors import Floats, raw_floats, read_adapter, room

MAGIC = b"ASSAYFORM1\n"
FLOOR = 1e-6  # of the strongest: what is not above it is rounding noise, or padding
NARROWEST = 8  # a layer keeps an eighth of its narrower side at most: more would prove nothing
_LENGTH = struct.Struct("<I")
_HEADER = len(MAGIC) + _LENGTH.size


@dataclass(frozen=True)
class Layer:
    """The directions of one module, the strongest first.

    columns   float32 [kept, d_out]: what it writes; each of length 1, all upright on each other
    rows      float32 [kept, d_in]: what it reads
    strength  float32 [kept]: the singular values of the update
    """

    columns: Floats
    rows: Floats
    strength: Floats

    @property
    def kept(self) -> int:
        return self.columns.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """d_out, d_in."""
        return self.columns.shape[1], self.rows.shape[1]


Form = Mapping[str, Layer]  # module -> its directions; a module that changes nothing keeps none


def form_of(adapter: bytes, *, variant: str = "") -> Form:
    """The normal form of a canonical adapter (evaluator/blob.py). variant: a build of the engine"""
    contents, tensors = read_adapter(adapter)
    modules = [name.removesuffix(".A") for name in sorted(tensors) if name.endswith(".A")]
    return {
        module: _layer(
            tensors[f"{module}.B"], tensors[f"{module}.A"], contents.scale_of(module), variant
        )
        for module in modules
    }


def write_form(form: Form) -> bytes:
    """The blob of a normal form."""
    told = [[name, *form[name].size, form[name].kept] for name in sorted(form)]
    header = canonical(told)
    values = [_bytes(part) for name in sorted(form) for part in _parts(form[name])]
    return b"".join([MAGIC, _LENGTH.pack(len(header)), header, *values])


def read_form(blob: bytes) -> Form:
    """What `write_form` wrote. raises ValueError for other bytes"""
    if not blob.startswith(MAGIC) or len(blob) < _HEADER:
        raise ValueError("not a normal form")
    [size] = _LENGTH.unpack_from(blob, len(MAGIC))
    place, form, view = _HEADER + size, dict[str, Layer](), memoryview(blob)
    sizes = [(kept * d_out, kept * d_in, kept) for _, d_out, d_in, kept in _told(blob, place)]
    if place + FLOAT_BYTES * sum(map(sum, sizes)) != len(blob):
        raise ValueError("a normal form of another length than it says")
    for name, d_out, d_in, kept in _told(blob, place):
        parts = []
        for shape in ((kept, d_out), (kept, d_in), (kept,)):
            end = place + FLOAT_BYTES * prod(shape)
            parts.append(raw_floats(view[place:end], shape))
            place = end
        form[name] = Layer(*parts)
    return form


def _told(blob: bytes, end: int) -> list[tuple[str, int, int, int]]:
    try:
        found: list[tuple[str, int, int, int]] = json.loads(blob[_HEADER:end])
    except ValueError as error:
        raise ValueError("not a normal form: its header is cut off") from error
    return found


def _layer(up: Floats, down: Floats, scale: float, variant: str) -> Layer:
    """up: float32 [d_out, rank]; down: float32 [rank, d_in]"""
    (d_out, rank), d_in = up.shape, down.shape[1]
    most = max(1, min(d_out, d_in) // NARROWEST)
    columns, rows, strength = room(most, d_out), room(most, d_in), room(most)
    sizes = ints((d_out, d_in, rank, most))
    made = [columns.address, rows.address, strength.address]
    kept = library(variant).engine_directions(sizes, up.address, down.address, FLOOR, *made)
    kept = kept if scale else 0
    scaled = [one * scale for one in strength.rows(0, kept).values()]
    return Layer(columns.rows(0, kept), rows.rows(0, kept), _floats(scaled))


def _floats(values: list[float]) -> Floats:
    return raw_floats(struct.pack(f"<{len(values)}f", *values), (len(values),))


def _parts(layer: Layer) -> tuple[Floats, Floats, Floats]:
    return layer.columns, layer.rows, layer.strength


def _bytes(part: Floats) -> bytes:
    values = part.values()
    return struct.pack(f"<{len(values)}f", *values)
