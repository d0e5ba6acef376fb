"""Which tensors of a file are which parts of the task: the names decide, and all must have one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise

from evaluator.errors import (
    AdapterConfigField,
    AdapterKeyMissing,
    AdapterTargets,
)
from evaluator.intake.config import Asked, Config, unused_in
from evaluator.intake.foreign import refuse_other_base, refuse_other_modules, refuse_strangers
from evaluator.intake.header import Entry, Header
from evaluator.intake.kinds import note
from evaluator.intake.names import endings, is_plain, saved_modules, shown
from evaluator.intake.spelling import PREFIX, Front, front_of, lora_modules, refuse_spelling
from evaluator.task.manifest import AdapterClause

NEAR, MOST_COMPARED = 16, 16  # for a misspelt name: how much longer, and how many are compared
ALL_LINEAR = "all-linear"


@dataclass(frozen=True)
class Part:
    """One tensor that counts: where it is, and the shape that it must have."""

    entry: Entry
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Matched:
    """A file's tensors as the task's parts.

    parts    canonical name -> part
    scales   module -> the factor on B @ A; every module has one
    ignored  tensors of parts that the task does not compute
    """

    parts: Mapping[str, Part]
    scales: Mapping[str, float]
    ignored: tuple[str, ...]


def match_tensors(header: Header, config: Config, clause: AdapterClause, base: str) -> Matched:
    """The task's parts in the file: each pair of LoRA that config and tensors agree on, the head.

    raises  AdapterWrongBase, AdapterTargets, AdapterConfigField, AdapterKeyMissing,
            AdapterKeyUnknown: the first in this order, and in name order within one code
    """
    there = lora_modules(header)
    front = front_of(there, clause.targets)
    refuse_other_base(header, front, config, clause, base)
    wanted = _wanted(config.asked, there, front, clause, base)
    names: dict[str, tuple[str, tuple[int, ...]]] = {}
    scales = {}
    for module in wanted:
        rows, columns = clause.targets[module]
        spelt = front.in_file(module)
        rank, scales[module] = config.rank_of(spelt), config.scale_of(spelt)
        names[f"{PREFIX}{spelt}.lora_A.weight"] = (f"{module}.A", (rank, columns))
        names[f"{PREFIX}{spelt}.lora_B.weight"] = (f"{module}.B", (rows, rank))
    names |= {PREFIX + _head_in_file(one, header, front): (one, clause.head[one])
              for one in clause.head}  # fmt: skip
    unused = [f".{one}." for one in unused_in(clause)]
    ignored = [
        one for one in header.entries if one not in names and any(part in one for part in unused)
    ]
    _refuse_missing(header, names, clause)
    refuse_strangers(header, names.keys() | set(ignored))
    parts = {one: Part(header.entries[name], shape) for name, (one, shape) in names.items()}
    return Matched(parts, scales, note(ignored))


def _wanted(
    asked: Asked,
    there: Mapping[str, object],
    front: Front,
    clause: AdapterClause,
    base: str,
) -> list[str]:
    """The targets that must have a pair, in name order."""
    found = {front.in_task(one) for one in there} & clause.targets.keys()
    if isinstance(asked.targets, str):
        wanted = _of_text(asked.targets, found, front, clause)
    else:
        wanted = _of_names(asked.targets, front, clause, base)
    if asked.layers is not None:
        inside = {one for one in wanted if _layer(front.in_file(one), asked.lists) in asked.layers}
        outside = sorted(found - inside)
        if outside or not inside:
            raise AdapterConfigField(
                "The config field layers_to_transform names other layers than the tensors have: "
                f"{shown(outside[0]) if outside else 'none of them is there'}.",
                field="layers_to_transform",
            )
        wanted = inside
    if isinstance(asked.excluded, str):
        return sorted(wanted & found or wanted)
    without = {one for one in wanted if _is_named(one, front, asked.excluded)}
    return sorted((wanted - without) or wanted)


def _of_names(names: Collection[str], front: Front, clause: AdapterClause, base: str) -> set[str]:
    """Every target that a name stands for: by its whole name, or by what follows a dot."""
    stand: dict[str, set[str]] = {}
    for target in clause.targets:
        for spelt in {target, front.in_file(target)}:
            for ending in endings(spelt):
                stand.setdefault(ending, set()).add(target)
    strangers = sorted(one for one in names if one not in stand)
    if len(strangers) == len(names):
        refuse_other_modules(strangers, base)
    if strangers:
        name = shown(strangers[0])
        raise AdapterTargets(f"The task has no target module {name}.", target=name)
    return set().union(*(stand[one] for one in names))


def _of_text(text: str, found: set[str], front: Front, clause: AdapterClause) -> set[str]:
    """A pattern is not run: what it chose when the adapter was trained is what the file has."""
    if text != ALL_LINEAR and is_plain(text):
        whole = {front.in_file(one): one for one in clause.targets} | {
            one: one for one in clause.targets
        }
        if text not in whole:
            raise AdapterTargets(
                f"target_modules is the text {shown(text)}, which is no module's whole name.",
                next_step=f"Write a list: target_modules=[{shown(text)!r}].",
                target=shown(text),
            )
        return {whole[text]}
    if not found:
        raise AdapterKeyMissing("The file has no LoRA tensor of the task's modules.", tensor=PREFIX)
    return found


def _layer(name: str, lists: Collection[str]) -> int:
    """The first number behind a word, as peft finds it; -1 where there is none."""
    parts = name.split(".")
    for word, part in pairwise(parts):
        if part.isdigit() and (not lists or word in lists):
            return int(part)
    return -1


def _is_named(target: str, front: Front, names: Collection[str]) -> bool:
    """True when a name is the target's, or what follows a dot of it."""
    return any(one in names for spelt in {target, front.in_file(target)} for one in endings(spelt))


def _head_in_file(name: str, header: Header, front: Front) -> str:
    """A head's tensor is spelt as in the task, or behind the file's own words."""
    known = (name, front.in_file(name), f"{front.there}.{name}")
    return next((one for one in known if PREFIX + one in header.entries), name)


def _refuse_missing(
    header: Header, names: Mapping[str, tuple[str, tuple[int, ...]]], clause: AdapterClause
) -> None:
    """raises AdapterKeyMissing, naming what is nearly there"""
    absent = sorted(one for one in names if one not in header.entries)
    if not absent:
        return
    refuse_spelling(header, absent[0])
    heads = [one for one in absent if names[one][0] in clause.head]
    if len(heads) == len(absent):
        modules = saved_modules(clause.head)
        raise AdapterKeyMissing(
            f"The class head is missing: {absent[0]}.",
            next_step=f"Train and save it too: modules_to_save={modules} in peft.LoraConfig.",
            tensor=absent[0],
        )
    name = absent[0]
    strangers = sorted(one for one in header.entries if one not in names)
    alike = [one for one in strangers if abs(len(one) - len(name)) <= NEAR][:MOST_COMPARED]
    close = get_close_matches(name, alike, n=1, cutoff=0.8)
    next_step = f"Rename {shown(close[0])}: save the adapter with peft." if close else ""
    raise AdapterKeyMissing(f"The tensor {name} is missing.", next_step=next_step, tensor=name)
