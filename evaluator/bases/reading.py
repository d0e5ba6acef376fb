"""From a config to a shape: which family a base is of, and how wide it is.

What our own forwards do not compute exactly as transformers does becomes the generic family.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from evaluator.bases import rope
from evaluator.bases.catalogue import CARD_NAME, read_card
from evaluator.bases.folder import CONFIG_NAME
from evaluator.bases.shapes import BertShape, LlamaShape, Shape

Config = Mapping[str, object]
LLAMAS = ("llama", "mistral", "qwen2")


def read_shape(folder: Path) -> Shape:
    """The shape of a base that is registered, by its card, or installed, by its config.

    Both are files of the house: `assay base add` and the pins have judged them.
    """
    card = folder / CARD_NAME
    if card.is_file():
        return read_card(card.read_bytes()).shape
    shape = own_shape(json.loads((folder / CONFIG_NAME).read_bytes()))
    assert shape is not None, "an installed base is of a family of ours"
    return shape


def own_shape(config: Config) -> BertShape | LlamaShape | None:
    """The shape of a family that we compute ourselves; None: what transformers has to compute.

    config  with every default filled in, as `to_dict` of transformers' config gives it
    raises  ValueError, KeyError, TypeError for a width that is none
    """
    kind = config.get("model_type")
    if kind == "bert" and _is_plain_bert(config):
        return _bert(config)
    if kind in LLAMAS and _is_plain_llama(config):
        return _llama(config)
    return None


def _is_plain_bert(config: Config) -> bool:
    """Absolute positions and the exact GELU, an encoder alone."""
    return (
        config.get("hidden_act", "gelu") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
    )


def _is_plain_llama(config: Config) -> bool:
    """SiLU, no bias in the wide layers, all layers alike, a rope that we can make."""
    is_alike = len(set(_list(config.get("layer_types")))) <= 1
    told = config.get("rope_parameters")
    partial = told.get("partial_rotary_factor", 1.0) if isinstance(told, Mapping) else 1.0
    return (
        config.get("hidden_act", "silu") == "silu"
        and not config.get("mlp_bias")
        and is_alike
        and _rope(config).get("kind") in rope.VARIANTS
        and float(str(config.get("partial_rotary_factor") or partial)) == 1.0
    )


def _bert(config: Config) -> BertShape:
    return BertShape(
        hidden=_int(config, "hidden_size"),
        intermediate=_int(config, "intermediate_size"),
        layers=_int(config, "num_hidden_layers"),
        heads=_int(config, "num_attention_heads"),
        positions=_int(config, "max_position_embeddings"),
        vocabulary=_int(config, "vocab_size"),
        layer_norm_eps=_decimal(config.get("layer_norm_eps", 1e-12)),
    )


def _llama(config: Config) -> LlamaShape:
    heads, hidden = _int(config, "num_attention_heads"), _int(config, "hidden_size")
    kind = config["model_type"]
    has_bias = bool(config.get("attention_bias"))
    return LlamaShape(
        hidden=hidden,
        intermediate=_int(config, "intermediate_size"),
        layers=_int(config, "num_hidden_layers"),
        heads=heads,
        kv_heads=int(str(config.get("num_key_value_heads") or heads)),
        head_dim=int(str(config.get("head_dim") or hidden // heads)),
        positions=min(_int(config, "max_position_embeddings"), rope.MOST_POSITIONS),
        vocabulary=_int(config, "vocab_size"),
        rms_norm_eps=_decimal(config.get("rms_norm_eps", 1e-6)),
        has_qkv_bias=kind == "qwen2" or has_bias,
        has_o_bias=kind == "llama" and has_bias,
        is_tied=bool(config.get("tie_word_embeddings", False)),
        window=_window(config),
        rope=_rope(config),
    )


def _window(config: Config) -> int:
    """Mistral looks back over its window; Qwen2 where the type of its layers says so."""
    kind, types = config["model_type"], _list(config.get("layer_types"))
    is_sliding = kind == "mistral" or (kind == "qwen2" and types[:1] == ["sliding_attention"])
    return int(str(config.get("sliding_window") or 0)) if is_sliding else 0


def _rope(config: Config) -> dict[str, str]:
    """Kind and numbers."""
    found = config.get("rope_parameters") or config.get("rope_scaling")
    found = found if isinstance(found, Mapping) else {}
    theta = found.get("rope_theta") or config.get("rope_theta") or 10_000
    told = {"kind": str(found.get("rope_type") or found.get("type") or "default")}
    told["theta"] = _decimal(theta)
    numbers = {
        "factor": "factor",
        "low": "low_freq_factor",
        "high": "high_freq_factor",
        "original": "original_max_position_embeddings",
    }
    wanted = {"linear": ("factor",), "llama3": tuple(numbers)}.get(told["kind"], ())
    return told | {name: _decimal(found[numbers[name]]) for name in wanted}


def _decimal(value: object) -> str:
    """A number as its shortest decimal text: no pin holds a float."""
    return repr(float(str(value))) if not isinstance(value, int) else str(value)


def _int(config: Config, name: str) -> int:
    value = config[name]
    if type(value) is not int or value <= 0:
        raise ValueError(f"{name} is no width")
    return value


def _list(value: object) -> list[object]:
    return list(value) if isinstance(value, list | tuple) else []
