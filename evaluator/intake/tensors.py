"""The tensors of an adapter: names, types, shapes and values against the task."""

import math
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from evaluator.blob import FLOAT_BYTES
from evaluator.errors import (
    AdapterDtype,
    AdapterKeyMissing,
    AdapterKeyUnknown,
    AdapterLayout,
    AdapterShape,
    AdapterValueNotFinite,
    AdapterValueTooLarge,
    AdapterWrongBase,
)
from evaluator.intake.config import Config, targets_by_ending
from evaluator.intake.header import Entry, Header
from evaluator.intake.names import shown
from evaluator.intake.sources import Source
from evaluator.manifest import AdapterClause

PREFIX = "base_model.model."
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2}
PIECE_BYTES = 1 << 20  # how much of a tensor is looked at together
MOST_IN_FRONT = 4  # parts of a name that may stand before a target's, as "base_model.model."
NEAR, MOST_COMPARED = 16, 16  # for a misspelt name: how much longer, and how many are compared

Values = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def match_tensors(
    header: Header, config: Config, clause: AdapterClause, base: str
) -> dict[str, Entry]:
    """Canonical name -> entry, for exactly the tensors that config and task ask for.

    raises AdapterWrongBase, AdapterKeyMissing, AdapterKeyUnknown, AdapterDtype, AdapterShape,
           AdapterLayout: the first in this order, and in name order within one code
    """
    wanted = _wanted(config, clause)
    _refuse_other_base(header, clause, config, base)
    strangers = sorted(name for name in header.entries if name not in wanted)
    for name in sorted(wanted):
        if name not in header.entries:
            raise _missing(name, strangers)
    for name in strangers:
        raise AdapterKeyUnknown(f"The task has no tensor {shown(name)}.", tensor=shown(name))
    for name, (_, shape) in sorted(wanted.items()):
        _check_form(header.entries[name], shape, clause)
    return {canonical: header.entries[name] for name, (canonical, _) in wanted.items()}


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
        parts.append(values.astype("<f4", copy=False).tobytes())
    return b"".join(parts)


def _pieces(source: Source, start: int, entry: Entry) -> Iterator[Values]:
    for first in range(entry.first, entry.end, PIECE_BYTES):
        count = min(PIECE_BYTES, entry.end - first)
        yield _widened(source.read(start + first, count), entry.dtype)


def _largest(values: Values) -> float:
    """The largest absolute value; infinite when a value is no finite number."""
    with np.errstate(invalid="ignore"):  # a signalling NaN
        low, high = float(values.min()), float(values.max())  # NaN wins in both
    return math.inf if math.isnan(low) else max(-low, high)


def _refuse_beyond(entry: Entry, largest: float, amax_max: int) -> None:
    if math.isinf(largest):
        raise AdapterValueNotFinite(
            f"{entry.name} holds a value that is not a finite number.", tensor=entry.name
        )
    if largest > amax_max:
        raise AdapterValueTooLarge(
            f"{entry.name} holds a value beyond {amax_max}.", tensor=entry.name, limit=amax_max
        )


def _missing(name: str, strangers: Sequence[str]) -> AdapterKeyMissing:
    """The refusal; when the file has a tensor of nearly this name, that is the next step."""
    alike = [one for one in strangers if abs(len(one) - len(name)) <= NEAR][:MOST_COMPARED]
    close = get_close_matches(name, alike, n=1, cutoff=0.8)
    next_step = f"Rename {shown(close[0])}: save the adapter with peft." if close else ""
    return AdapterKeyMissing(f"The tensor {name} is missing.", next_step=next_step, tensor=name)


def _wanted(config: Config, clause: AdapterClause) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Name in the file -> (canonical name, shape)."""
    wanted: dict[str, tuple[str, tuple[int, ...]]] = {
        PREFIX + name: (name, shape) for name, shape in clause.head.items()
    }
    for module in config.modules:
        rows, columns = clause.targets[module]
        wanted[f"{PREFIX}{module}.lora_A.weight"] = (f"{module}.A", (config.rank, columns))
        wanted[f"{PREFIX}{module}.lora_B.weight"] = (f"{module}.B", (rows, config.rank))
    return wanted


def _refuse_other_base(header: Header, clause: AdapterClause, config: Config, base: str) -> None:
    """Raise AdapterWrongBase when no pair names a target, or none that does is of its width."""
    every = Config(rank=config.rank, scale=config.scale, modules=tuple(clause.targets))
    wanted = _wanted(every, clause)
    lora = {name for name in header.entries if ".lora_" in name}
    exact = [name for name in lora if name in wanted]
    if exact:
        is_other = all(
            _is_of_other_width(header.entries[name].shape, wanted[name][1], config.rank)
            for name in exact
        )
    else:
        endings = targets_by_ending(clause)
        is_other = bool(lora) and not any(_names_a_target(name, endings) for name in lora)
    if is_other:
        raise AdapterWrongBase(
            f"The adapter was trained on another base than {base}.",
            base=base,
            found=[shown(name) for name in sorted(lora)[:4]],
        )


def _names_a_target(name: str, endings: Mapping[str, object]) -> bool:
    """True for a target's name with less, or a little more, in front: the base may be right."""
    module = name.partition(".lora_")[0]
    parts = module.split(".", MOST_IN_FRONT)
    return any(".".join(parts[place:]) in endings for place in range(len(parts)))


def _is_of_other_width(found: tuple[int, ...], wanted: tuple[int, ...], rank: int) -> bool:
    """True for [rank, another width] and [another width, rank]: sound, but for another base."""
    return len(found) == len(wanted) and rank in found and 0 not in found and found != wanted


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
        raise AdapterShape(
            f"{name} has the shape {found}, not {list(shape)}.",
            tensor=name,
            found=found,
            wanted=list(shape),
        )
    if entry.end - entry.first != math.prod(shape) * WIDTHS[entry.dtype]:
        raise AdapterLayout(
            f"{name} has another length than its shape.", problem=f"length of {name}"
        )


def _widened(part: memoryview, dtype: str) -> Values:
    """float32 values; exact, as both short types are subsets."""
    if dtype == "BF16":
        return (np.frombuffer(part, "<u2").astype("<u4") << 16).view(np.float32)
    if dtype == "F16":
        with np.errstate(invalid="ignore"):  # a signalling NaN is judged by the caller
            return np.frombuffer(part, "<f2").astype(np.float32)
    assert len(part) % FLOAT_BYTES == 0
    return np.frombuffer(part, "<f4").astype(np.float32, copy=False)
