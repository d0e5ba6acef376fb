"""adapter_config.json under a closed schema: what it asks for, before any tensor is read."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluator.errors import (
    AdapterAlpha,
    AdapterPeftType,
    AdapterRank,
    AdapterTargets,
)
from evaluator.intake.fields import check_fields, refuse_field
from evaluator.intake.files import CONFIG_NAME
from evaluator.intake.kinds import refuse_other_kind
from evaluator.intake.names import endings, is_plain, paths_within, saved_modules, shown
from evaluator.intake.strict import read_object
from evaluator.task.manifest import AdapterClause

HEADS_OF_PEFT = frozenset({"classifier", "score"})  # what peft adds by itself for SEQ_CLS
UNUSED = frozenset({"pooler"})  # a part of encoders that a task may do without
MLX = ("fine_tune_type", "lora_parameters")
MOST_NAMES = 4096


@dataclass(frozen=True)
class Asked:
    """Which modules a config asks for. The tensors decide; they must not say otherwise.

    targets   plain names, or a text: a pattern or "all-linear", which is never run here
    layers    numbers of layers, where only some are adapted; None: all
    lists     what stands before a layer's number; empty: anything
    excluded  plain names, or a pattern, which is never run here
    """

    targets: tuple[str, ...] | str
    layers: frozenset[int] | None
    lists: tuple[str, ...]
    excluded: tuple[str, ...] | str


def ignored_of(raw: bytes) -> tuple[str, ...]:
    """The fields of an accepted config that hold something and change nothing."""
    fields = read_object(raw, CONFIG_NAME)
    return (*check_fields(fields), *(["exclude_modules"] if fields.get("exclude_modules") else []))


class Named:
    """Numbers for some modules, by a name that is theirs or that theirs ends in after a dot."""

    def __init__(self, numbers: Mapping[str, float]) -> None:
        self._places = {name: place for place, name in enumerate(numbers)}
        self._numbers = numbers

    def first(self, module: str, otherwise: float) -> float:
        """What the first name in the config's order gives that fits the module."""
        fitting = [one for one in endings(module) if one in self._places]
        return self._numbers[min(fitting, key=self._places.__getitem__)] if fitting else otherwise


@dataclass(frozen=True)
class Config:
    """What counts of a config.

    ranks, alphas  plain name -> what is used in the place of rank and alpha; the first that fits
    ignored        fields that hold something and change nothing
    """

    rank: int
    alpha: float
    is_stabilised: bool
    ranks: Named
    alphas: Named
    asked: Asked
    ignored: tuple[str, ...]

    def rank_of(self, module: str) -> int:
        """The rank of a module by its name in the file."""
        return int(self.ranks.first(module, self.rank))

    def scale_of(self, module: str) -> float:
        """The factor on its B @ A: one rounded quotient, as peft takes it."""
        alpha, rank = self.alphas.first(module, self.alpha), self.rank_of(module)
        return alpha / (math.sqrt(rank) if self.is_stabilised else rank)


def read_config(raw: bytes, clause: AdapterClause) -> Config:
    """The config in these bytes.

    raises  AdapterJson, then AdapterPeftType, AdapterConfigField, AdapterRank, AdapterAlpha,
            AdapterTargets: the first in this order
    """
    refuse_other_kind(CONFIG_NAME, raw)
    fields = read_object(raw, CONFIG_NAME)
    _check_kind(fields)
    check_fields(fields)
    if type(fields.get("use_rslora", False)) is not bool:
        raise refuse_field("use_rslora", "is not at its neutral value")
    _check_head(fields.get("modules_to_save"), clause)
    ranks = _pattern(fields, "rank_pattern", clause.rank_max)
    alphas = _pattern(fields, "alpha_pattern", clause.alpha_max)
    layers, lists, excluded = _layers(fields), _lists(fields), _excluded(fields)
    return Config(
        rank=_rank(fields.get("r"), clause.rank_max),
        alpha=_alpha(fields.get("lora_alpha"), clause.alpha_max),
        is_stabilised=bool(fields.get("use_rslora")),
        ranks=ranks,
        alphas=alphas,
        asked=Asked(_targets(fields.get("target_modules")), layers, lists, excluded),
        ignored=ignored_of(raw),
    )


def _check_kind(fields: Mapping[str, object]) -> None:
    found = fields.get("peft_type")
    if found == "LORA":
        return
    if any(name in fields for name in MLX):
        raise AdapterPeftType(
            "The config is one of mlx-lm, not of peft.",
            next_step="Convert it to peft: docs/adapters.md, section 6, has the lines.",
            peft_type="mlx",
        )
    told = shown(found) if isinstance(found, str) else "none"
    raise AdapterPeftType(f"The adapter is not a LoRA adapter: peft_type {told}.", peft_type=told)


def unused_in(clause: AdapterClause) -> frozenset[str]:
    """Parts of encoders that the task does not compute: LoRA on them or a copy changes nothing."""
    return UNUSED - {part for name in (*clause.targets, *clause.head) for part in name.split(".")}


def _check_head(value: object, clause: AdapterClause) -> None:
    """Only the head may be saved whole; whether it is there, the tensors say."""
    allowed = {one for name in clause.head for one in paths_within(name.rpartition(".")[0])}
    allowed |= HEADS_OF_PEFT | unused_in(clause) if allowed else set()
    names: Any = [] if value is None else value
    is_list = isinstance(names, list) and all(isinstance(one, str) for one in names)
    if is_list and set(names) <= allowed:  # peft adds its own for SEQ_CLS, so one may stand twice
        return
    told = f"[{', '.join(shown(one) for one in names[:4])}]" if is_list else "no list of names"
    heads = saved_modules(clause.head)
    wanted = f"the task's head is {heads}" if heads else "the task has no head, so it must be null"
    stays = "embeddings stay the base's"
    parts = {part for name in clause.targets for part in name.split(".")}
    if is_list and (copied := sorted(parts & set(names) - allowed)):
        stays = f"{shown(copied[0])} is the base's: LoRA on it is taken, a copy of it is not"
    raise refuse_field(
        "modules_to_save",
        f"holds {told}: {wanted}",
        f"Set modules_to_save={heads or None} in peft.LoraConfig; {stays}.",
    )


def _pattern(fields: Mapping[str, object], name: str, limit: int) -> Named:
    """rank_pattern or alpha_pattern: plain names -> numbers; raises AdapterConfigField."""
    value = fields.get(name)
    if value is None:
        return Named({})
    if not isinstance(value, dict) or len(value) > MOST_NAMES:
        raise refuse_field(name, "is no table of names and numbers")
    kinds = (int,) if name == "rank_pattern" else (int, float)
    for key, one in value.items():
        if not is_plain(key):
            raise refuse_field(
                name,
                f"has the pattern {shown(key)}: names are read here, patterns are not",
                "Write the modules' names, such as 'q_proj' or 'layers.3.mlp.up_proj'.",
            )
        if type(one) not in kinds or not 0 < one <= limit:
            raise refuse_field(name, f"gives {shown(key)} a number that is not within 1 to {limit}")
    return Named({key: one if type(one) is int else float(one) for key, one in value.items()})


def _layers(fields: Mapping[str, object]) -> frozenset[int] | None:
    value = fields.get("layers_to_transform")
    numbers: Any = [value] if type(value) is int else value
    if numbers is None or numbers == []:
        return None
    if isinstance(numbers, list) and all(type(one) is int for one in numbers):
        return frozenset(numbers[:MOST_NAMES])
    raise refuse_field("layers_to_transform", "is no list of whole numbers")


def _lists(fields: Mapping[str, object]) -> tuple[str, ...]:
    value = fields.get("layers_pattern")
    names: Any = [value] if isinstance(value, str) and value else value or []
    if isinstance(names, list) and all(isinstance(one, str) and is_plain(one) for one in names):
        return tuple(names[:MOST_NAMES])
    raise refuse_field("layers_pattern", "is a pattern: names are read here, patterns are not")


def _excluded(fields: Mapping[str, object]) -> tuple[str, ...] | str:
    value = fields.get("exclude_modules")
    if value is None or isinstance(value, str):
        return value or ()
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return tuple(value[:MOST_NAMES])
    raise refuse_field("exclude_modules", "is no list of names")


def _rank(value: object, limit: int) -> int:
    if type(value) is int and 1 <= value <= limit:
        return value
    raise AdapterRank(f"The rank r must be a whole number from 1 to {limit}.", limit=limit)


def _alpha(value: object, limit: int) -> float:
    # NaN is not above 0, and no other number that is not finite is within the limit.
    if (type(value) is int or type(value) is float) and 0 < value <= limit:
        return float(value)
    raise AdapterAlpha(
        f"lora_alpha must be a finite number above 0 and at most {limit}.", limit=limit
    )


def _targets(value: object) -> tuple[str, ...] | str:
    if isinstance(value, str) and value:
        return value
    if not isinstance(value, list) or not value or len(value) > MOST_NAMES:
        raise AdapterTargets("target_modules names no module.", target="")
    names = [one for one in value if isinstance(one, str) and one]
    if len(names) != len(value) or len(set(names)) != len(names):
        raise AdapterTargets("target_modules holds a name twice, or no name.", target="")
    return tuple(names)
