"""The tensors of an adapter: names, types, shapes and values against the task."""

import math
from collections.abc import Mapping

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
from evaluator.intake.config import Config
from evaluator.intake.header import Entry, Header
from evaluator.intake.names import shown
from evaluator.manifest import AdapterClause

PREFIX = "base_model.model."
WIDTHS = {"F32": 4, "F16": 2, "BF16": 2}


def match_tensors(
    header: Header, config: Config, clause: AdapterClause, base: str
) -> dict[str, Entry]:
    """Canonical name -> entry, for exactly the tensors that config and task ask for.

    raises AdapterWrongBase, AdapterKeyUnknown, AdapterKeyMissing, AdapterDtype, AdapterShape,
           AdapterLayout: the first in this order, and in name order within one code
    """
    wanted = _wanted(config, clause)
    _refuse_other_base(header, clause, config, base)
    for name in sorted(header.entries):
        if name not in wanted:
            raise AdapterKeyUnknown(f"The task has no tensor {shown(name)}.", tensor=shown(name))
    for name in sorted(wanted):
        if name not in header.entries:
            raise AdapterKeyMissing(f"The tensor {name} is missing.", tensor=name)
    for name, (_, shape) in sorted(wanted.items()):
        _check_form(header.entries[name], shape, clause)
    return {canonical: header.entries[name] for name, (canonical, _) in wanted.items()}


def float32_values(raw: bytes, start: int, entry: Entry, amax_max: int) -> bytes:
    """The values of one tensor as float32, little-endian.

    raises AdapterValueNotFinite, AdapterValueTooLarge
    """
    part = memoryview(raw)[start + entry.first : start + entry.end]
    values = _widened(part, entry.dtype)
    if not np.isfinite(values).all():
        raise AdapterValueNotFinite(
            f"{entry.name} holds a value that is not a finite number.", tensor=entry.name
        )
    if np.abs(values).max() > amax_max:
        raise AdapterValueTooLarge(
            f"{entry.name} holds a value beyond {amax_max}.", tensor=entry.name, limit=amax_max
        )
    return values.astype("<f4", copy=False).tobytes()


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
    """Raise AdapterWrongBase when no pair fits a target by name, or none that does by width."""
    lora = {name for name in header.entries if ".lora_" in name}
    known = {
        name: canonical_shape[1]
        for name, canonical_shape in _wanted_of_all(config, clause).items()
        if name in lora
    }
    is_other = lora and all(
        _is_of_other_width(header.entries[name].shape, shape, config.rank)
        for name, shape in known.items()
    )
    if is_other:
        raise AdapterWrongBase(
            f"The adapter was trained on another base than {base}.",
            base=base,
            found=[shown(name) for name in sorted(lora)[:4]],
        )


def _wanted_of_all(
    config: Config, clause: AdapterClause
) -> Mapping[str, tuple[str, tuple[int, ...]]]:
    every = Config(rank=config.rank, scale=config.scale, modules=tuple(clause.targets))
    return _wanted(every, clause)


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


def _widened(part: memoryview, dtype: str) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    """float32 values; exact, as both short types are subsets."""
    if dtype == "BF16":
        return (np.frombuffer(part, "<u2").astype("<u4") << 16).view(np.float32)
    if dtype == "F16":
        with np.errstate(invalid="ignore"):  # a signalling NaN is judged by the caller
            return np.frombuffer(part, "<f2").astype(np.float32)
    assert len(part) % FLOAT_BYTES == 0
    return np.frombuffer(part, "<f4").astype(np.float32, copy=False)
