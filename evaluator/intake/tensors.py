"""The tensors of an adapter: names, types, shapes and values against the task."""

import ctypes
import math
from collections.abc import Iterator

from evaluator.engine.library import floats, library
from evaluator.errors import (
    AdapterDtype,
    AdapterLayout,
    AdapterShape,
    AdapterValueNotFinite,
    AdapterValueTooLarge,
)
from evaluator.intake.header import Entry
from evaluator.intake.matching import Matched
from evaluator.intake.names import shown
from evaluator.intake.sources import Source
from evaluator.task.manifest import AdapterClause

WIDTHS = {"F32": 4, "F16": 2, "BF16": 2}
PIECE_BYTES = 1 << 20  # how much of a tensor is looked at together
GATHERED = (
    "Save with stage3_gather_16bit_weights_on_model_save: true, or run zero_to_fp32.py on the "
    "checkpoint and save again."
)
UNPACKED = "Train and save LoRA on linear layers alone: modules_to_save of a 4-bit base is packed."
RANKS = "Save config and tensors together, with save_pretrained of one model."

Values = ctypes.Array[ctypes.c_float]


def check_forms(matched: Matched, clause: AdapterClause) -> None:
    """Number type, shape and length of each part, in the order of the names in the file.

    raises AdapterDtype, AdapterShape, AdapterLayout
    """
    for part in sorted(matched.parts.values(), key=lambda one: one.entry.name):
        _check_form(part.entry, part.shape, clause)


def judge_values(source: Source, start: int, entry: Entry, amax_max: int) -> None:
    """Look at every value of one tensor, and keep none.

    start   where the values of the file begin
    raises  AdapterValueNotFinite, AdapterValueTooLarge, in this order whatever comes first
    """
    largest = max(_largest(values) for values in _pieces(source, start, entry))
    _refuse_beyond(entry, largest, amax_max)


def float32_values(source: Source, start: int, entry: Entry, amax_max: int) -> bytes:
    """The values of one tensor as float32, little-endian; each is judged on its way.

    raises AdapterValueNotFinite, AdapterValueTooLarge: a file may change after it was judged
    """
    parts: list[bytes] = []
    for values in _pieces(source, start, entry):
        _refuse_beyond(entry, _largest(values), amax_max)
        parts.append(bytes(values))
    return b"".join(parts)


def _pieces(source: Source, start: int, entry: Entry) -> Iterator[Values]:
    for first in range(entry.first, entry.end, PIECE_BYTES):
        count = min(PIECE_BYTES, entry.end - first)
        yield _widened(source.read(start + first, count), entry.dtype)


def _largest(values: Values) -> float:
    """The largest absolute value; infinite when a value is no finite number."""
    return float(library().engine_largest(len(values), values))


def _refuse_beyond(entry: Entry, largest: float, amax_max: int) -> None:
    if math.isinf(largest):
        raise AdapterValueNotFinite(
            f"{entry.name} holds a value that is not a finite number.", tensor=entry.name
        )
    if largest > amax_max:
        raise AdapterValueTooLarge(
            f"{entry.name} holds a value beyond {amax_max}.", tensor=entry.name, limit=amax_max
        )


def _check_form(entry: Entry, shape: tuple[int, ...], clause: AdapterClause) -> None:
    name = shown(entry.name)
    if entry.dtype not in clause.dtypes or entry.dtype not in WIDTHS:
        raise AdapterDtype(
            f"{name} has the number type {shown(entry.dtype)}.",
            tensor=name,
            dtype=shown(entry.dtype),
            dtypes=list(clause.dtypes),
        )
    if entry.shape != shape:
        found = [str(size)[:20] for size in entry.shape]
        told, mend = _why(entry, shape)
        raise AdapterShape(
            f"{name} has the shape {found}, not {list(shape)}{told}.",
            next_step=mend,
            tensor=name,
            found=found,
            wanted=list(shape),
        )
    if entry.end - entry.first != math.prod(shape) * WIDTHS[entry.dtype]:
        raise AdapterLayout(
            f"{name} has another length than its shape.", problem=f"length of {name}"
        )


def _why(entry: Entry, shape: tuple[int, ...]) -> tuple[str, str]:
    """What a wrong shape comes from, where it can be told, and what mends it."""
    if 0 in entry.shape:
        return ": it is empty, as ZeRO-3 leaves what it did not gather", GATHERED
    if len(entry.shape) == len(shape) == 2:
        packed = math.prod(shape) // 2
        if 1 in entry.shape and max(entry.shape) in {packed, packed // 2}:
            return ": these are numbers that bitsandbytes packed into 4 bits", UNPACKED
        sides = ("A", 0) if ".lora_A." in entry.name else ("B", 1)
        is_rank = entry.shape[1 - sides[1]] == shape[1 - sides[1]]
        if ".lora_" in entry.name and is_rank:
            told = f": its rank is {entry.shape[sides[1]]}, and the config says {shape[sides[1]]}"
            return f"{told} (r, or rank_pattern)", RANKS
    return "", ""


def _widened(part: memoryview, dtype: str) -> Values:
    """float32 values; exact, as both short types are subsets."""
    width = WIDTHS[dtype]
    assert len(part) % width == 0, "pieces are whole values"
    values = floats(len(part) // width)
    if dtype == "F32":
        ctypes.memmove(values, bytes(part), len(part))
    else:
        library().engine_widened(len(values), int(dtype == "F16"), bytes(part), values)
    return values
