"""Every field of adapter_config.json that is known, and what it may hold.

What changes the numbers is judged (config.py) or refused by name; what does not is ignored, and
noted when somebody set it. A field that a newer peft writes is ignored at a value that means
"nothing of this", and refused at any other: nobody here knows what it would change.
source  peft.LoraConfig of 0.3.0 to 0.21.2; the table of docs/adapters.md
"""

from collections.abc import Mapping

from evaluator.errors import AdapterConfigField
from evaluator.intake.names import shown

JUDGED = frozenset({
    "alpha_pattern", "exclude_modules", "layers_pattern", "layers_to_transform", "lora_alpha",
    "modules_to_save", "peft_type", "r", "rank_pattern", "target_modules", "use_rslora",
})  # fmt: skip
ORDINARY = frozenset({
    "base_model_name_or_path", "inference_mode", "lora_dropout", "peft_version", "task_type",
})  # fmt: skip
# Of these somebody might think that they count: they are noted where they hold something.
INERT = frozenset({"auto_mapping", "lora_dtype", "lorap_emb_lr", "lorap_lr_ratio", "revision"})
NEUTRAL: Mapping[str, tuple[object, ...]] = {
    "alora_invocation_tokens": (None,),
    "arrow_config": (None,),
    "bias": ("none",),
    "corda_config": (None,),
    "ensure_weight_tying": (False,),
    "eva_config": (None,),
    "fan_in_fan_out": (False, True),  # peft takes it by the kind of layer, whatever is written
    "init_lora_weights": (True, False, "gaussian"),
    "kasa_config": (None,),
    "layer_replication": (None, []),
    "loftq_config": (None, {}),
    "lora_bias": (False,),
    "lora_ga_config": (None,),
    "megatron_config": (None,),
    "megatron_core": (None, "megatron.core"),
    "monteclora_config": (None,),
    "qalora_group_size": (16,),
    "target_parameters": (None, []),
    "trainable_token_indices": (None, [], {}),
    "use_bdlora": (None, False),
    "use_dora": (False,),
    "use_qalora": (False,),
    "velora_config": (None,),
}
ADVICE = {
    "bias": "Train with bias='none'.",
    "init_lora_weights": (
        "This start changes the base's own weights. Save with save_pretrained(folder, "
        "path_initial_model_for_weight_conversion=...): then it is an ordinary LoRA."
    ),
    "layer_replication": "Train on the base as it is, without doubled layers.",
    "target_parameters": (
        "LoRA on parameters, such as the fused experts of a mixture, is not scored. Train on "
        "linear layers alone: target_modules=['q_proj', 'k_proj', 'v_proj', 'o_proj']."
    ),
    "trainable_token_indices": "Train without new or trained tokens.",
    "use_dora": "Train with use_dora=False: the length of DoRA is no LoRA.",
}


def check_fields(fields: Mapping[str, object]) -> tuple[str, ...]:
    """The fields that are ignored although they hold something, by name.

    raises AdapterConfigField: the first by name that is not known and not neutral
    """
    for name in sorted(fields):
        _check(name, fields)
    return tuple(shown(name) for name in sorted(fields) if _is_noted(name, fields[name]))


def same(value: object, allowed: tuple[object, ...]) -> bool:
    """True for one of these values, of the same type: true is not 1, and 8.0 is not 8."""
    return any(type(value) is type(one) and value == one for one in allowed)


def refuse_field(name: str, problem: str, next_step: str = "") -> AdapterConfigField:
    """The refusal of a field by name."""
    field = shown(name)
    return AdapterConfigField(
        f"The config field {field} {problem}.", next_step=next_step, field=field
    )


def _check(name: str, fields: Mapping[str, object]) -> None:
    if name in JUDGED | ORDINARY | INERT:
        return
    value = fields[name]
    if name in NEUTRAL:
        if not same(value, NEUTRAL[name]):
            raise refuse_field(name, _problem(name, value), ADVICE.get(name, ""))
    elif not (_says_nothing(name, value) or _is_switched_off(name, fields)):
        raise refuse_field(
            name,
            "is not known here, and may change the numbers",
            "Leave it out when training, or save with the peft that docs/adapters.md names.",
        )


def _problem(name: str, value: object) -> str:
    if name == "target_parameters" and isinstance(value, list):
        told = ", ".join(shown(one) for one in value[:4] if isinstance(one, str))
        return f"adapts parameters ({told}), as LoRA on fused experts does"
    return "is not at its neutral value"


def _is_noted(name: str, value: object) -> bool:
    if name in INERT:
        return value is not None
    return name not in JUDGED | ORDINARY and name not in NEUTRAL


def _says_nothing(name: str, value: object) -> bool:
    """Null, false, an empty list or table; an empty config of something switches it on."""
    return same(value, (None, False, [])) or (same(value, ({},)) and not name.endswith("_config"))


def _is_switched_off(name: str, fields: Mapping[str, object]) -> bool:
    """A detail of what is not used: `xy_size` beside `use_xy: false` or `xy_config: null`."""
    family = name.partition("_")[0]
    switches = ((f"use_{family}", False), (f"{family}_config", None))
    return any(one != name and one in fields and fields[one] is off for one, off in switches)
