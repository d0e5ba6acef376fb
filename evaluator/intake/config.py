"""adapter_config.json under a closed schema: what is not known to be harmless is refused."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evaluator.errors import (
    AdapterAlpha,
    AdapterConfigField,
    AdapterPeftType,
    AdapterRank,
    AdapterTargets,
    AdapterWrongBase,
)
from evaluator.intake.files import CONFIG_NAME
from evaluator.intake.names import shown
from evaluator.intake.strict import read_object
from evaluator.manifest import AdapterClause

TASK_TYPES = ("SEQ_CLS", "FEATURE_EXTRACTION", "TOKEN_CLS", "QUESTION_ANS", "CAUSAL_LM")
HEADS_OF_PEFT = frozenset({"classifier", "score"})  # what peft adds by itself for SEQ_CLS
# Linear layers of well-known architectures: who names only such ones has another base in mind.
LINEAR_ELSEWHERE = frozenset({
    "attn_qkv", "c_attn", "c_fc", "c_proj", "dense", "dense_4h_to_h", "dense_h_to_4h", "down_proj",
    "fc1", "fc2", "gate_proj", "gate_up_proj", "k", "k_lin", "k_proj", "key", "key_proj", "lin1",
    "lin2", "o", "o_proj", "out_lin", "out_proj", "q", "q_lin", "q_proj", "qkv_proj", "query",
    "query_key_value", "query_proj", "up_proj", "v", "v_lin", "v_proj", "value", "value_proj",
    "wi", "wi_0", "wi_1", "wo", "Wi", "Wo", "Wqkv",
})  # fmt: skip

JUDGED = frozenset(
    {"peft_type", "r", "lora_alpha", "use_rslora", "target_modules", "modules_to_save"}
)
IGNORED = frozenset({"base_model_name_or_path", "peft_version", "inference_mode", "lora_dropout"})
NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "alora_invocation_tokens": (None,),
    "alpha_pattern": (None, {}),
    "arrow_config": (None,),
    "auto_mapping": (None,),
    "bias": ("none",),
    "corda_config": (None,),
    "ensure_weight_tying": (False,),
    "eva_config": (None,),
    "exclude_modules": (None,),
    "fan_in_fan_out": (False,),
    "init_lora_weights": (True, False, "gaussian"),
    "kasa_config": (None,),
    "layer_replication": (None,),
    "layers_pattern": (None,),
    "layers_to_transform": (None,),
    "loftq_config": (None, {}),
    "lora_bias": (False,),
    "lora_ga_config": (None,),
    "megatron_config": (None,),
    "megatron_core": (None, "megatron.core"),
    "monteclora_config": (None,),
    "qalora_group_size": (16,),
    "rank_pattern": (None, {}),
    "revision": (None,),
    "target_parameters": (None,),
    "task_type": (None, *TASK_TYPES),
    "trainable_token_indices": (None,),
    "use_bdlora": (None, False),
    "use_dora": (False,),
    "use_qalora": (False,),
    "velora_config": (None,),
}


@dataclass(frozen=True)
class Config:
    """What counts of a config: rank, the factor on B @ A, full names of the changed modules."""

    rank: int
    scale: float
    modules: tuple[str, ...]


def read_config(raw: bytes, clause: AdapterClause, base: str) -> Config:
    """The config in these bytes.

    base    the base's name, for messages
    raises  AdapterJson, then AdapterPeftType, AdapterConfigField, AdapterRank, AdapterAlpha,
            AdapterWrongBase, AdapterTargets: the first in this order
    """
    fields = read_object(raw, CONFIG_NAME)
    if fields.get("peft_type") != "LORA":
        raise AdapterPeftType("The adapter is not a LoRA adapter.", peft_type=_kind(fields))
    for name in sorted(fields):
        _check_field(name, fields[name])
    _check_head(fields.get("modules_to_save"), clause)
    rank = _rank(fields.get("r"), clause.rank_max)
    alpha = _alpha(fields.get("lora_alpha"), clause.alpha_max)
    scale = alpha / (math.sqrt(rank) if fields.get("use_rslora") else rank)
    modules = _modules(fields.get("target_modules"), clause, base)
    return Config(rank=rank, scale=scale, modules=modules)


def _kind(fields: Mapping[str, object]) -> str:
    found = fields.get("peft_type")
    return shown(found) if isinstance(found, str) else "none"


def _check_field(name: str, value: object) -> None:
    if name in IGNORED or (name in JUDGED and name != "use_rslora"):
        return
    allowed = (True, False) if name == "use_rslora" else NEUTRAL.get(name, ())
    if not any(type(value) is type(one) and value == one for one in allowed):
        problem = "is not at its neutral value" if allowed else "is not known"
        field = shown(name)
        raise AdapterConfigField(f"The config field {field} {problem}.", field=field)


def _check_head(value: object, clause: AdapterClause) -> None:
    wanted = {name.rpartition(".")[0] for name in clause.head}
    allowed = wanted | HEADS_OF_PEFT if wanted else wanted
    names: Any = [] if value is None else value
    is_known = isinstance(names, list) and all(
        isinstance(one, str) and one in allowed for one in names
    )
    if not is_known or len(set(names)) != len(names) or not wanted <= set(names):
        told = f"must be a list of {sorted(wanted)}" if wanted else "must be null: there is no head"
        raise AdapterConfigField(
            f"modules_to_save {told}.",
            next_step=f"Set modules_to_save={sorted(wanted) or None} in peft.LoraConfig.",
            field="modules_to_save",
        )


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


def _modules(value: object, clause: AdapterClause, base: str) -> tuple[str, ...]:
    """Full names of the targets that the names stand for, each name for one or more."""
    if not isinstance(value, list) or not value or len(value) > len(clause.targets):
        raise AdapterTargets("target_modules is not a list of module names.", target="")
    names = [one for one in value if isinstance(one, str)]
    if len(names) != len(value) or len(set(names)) != len(names):
        raise AdapterTargets("target_modules holds a name twice, or no name.", target="")
    targets = targets_by_ending(clause)
    strangers = sorted(name for name in names if name not in targets)
    if len(strangers) == len(names) and all(_is_linear_elsewhere(name) for name in strangers):
        raise AdapterWrongBase(
            f"None of the adapter's target modules is one of {base}.",
            base=base,
            found=[shown(name) for name in strangers[:8]],
        )
    if strangers:
        name = shown(strangers[0])
        raise AdapterTargets(f"The task has no target module {name}.", target=name)
    return tuple(sorted({one for name in names for one in targets[name]}))


def targets_by_ending(clause: AdapterClause) -> dict[str, list[str]]:
    """What a name stands for: each target by its full name, and by what follows each dot."""
    found: dict[str, list[str]] = {}
    for target in clause.targets:
        parts = target.split(".")
        for place in range(len(parts)):
            found.setdefault(".".join(parts[place:]), []).append(target)
    return found


def _is_linear_elsewhere(name: str) -> bool:
    return name.rpartition(".")[2] in LINEAR_ELSEWHERE
