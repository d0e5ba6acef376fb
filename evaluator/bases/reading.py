"""From a config.json to a shape: which family a base is of, and how wide it is.

What our own forwards do not compute exactly as transformers does becomes the generic family.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from evaluator.bases import rope
from evaluator.bases.shapes import BertShape, GenericShape, LlamaShape, Shape
from evaluator.errors import BaseRefused

Config = Mapping[str, object]
LLAMAS = ("llama", "mistral", "qwen2")
CONFIG_NAME = "config.json"


def read_shape(folder: Path) -> Shape:
    """The shape of the base in a folder; a generic one without its linear layers.

    raises BaseRefused
    """
    try:
        config = json.loads((folder / CONFIG_NAME).read_bytes())
        return shape_of(config)
    except FileNotFoundError as error:
        raise _refused(folder, "there is no config.json") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _refused(folder, f"config.json cannot be read: {error}") from error


def shape_of(config: Config) -> Shape:
    """The shape that a config of transformers describes; KeyError when a width is missing."""
    kind = config.get("model_type")
    if kind == "bert" and _is_plain_bert(config):
        return _bert(config)
    if kind in LLAMAS and _is_plain_llama(config):
        return _llama(config)
    return _generic(config)


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
    return (
        config.get("hidden_act", "silu") == "silu"
        and not config.get("mlp_bias")
        and is_alike
        and _rope(config).get("kind") in rope.VARIANTS
        and float(str(config.get("partial_rotary_factor", 1.0))) == 1.0
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


def _generic(config: Config) -> GenericShape:
    names = " ".join(str(one) for one in _list(config.get("architectures")))
    is_decoder = "CausalLM" in names or "LMHead" in names
    wide = config.get("hidden_size") or config.get("n_embd") or config.get("d_model")
    reach = config.get("max_position_embeddings") or config.get("n_positions") or 512
    return GenericShape(
        kind="decoder" if is_decoder else "encoder",
        hidden=int(str(wide or config["dim"])),
        positions=int(str(reach)),
        vocabulary=_int(config, "vocab_size"),
        linears={},
    )


def _window(config: Config) -> int:
    """Mistral looks back over a window; Qwen2 only in layers whose type says so."""
    types = set(_list(config.get("layer_types")))
    if config["model_type"] == "qwen2":
        is_sliding = "sliding_attention" in types
    else:
        is_sliding = config["model_type"] == "mistral" and types <= {"sliding_attention"}
    return int(str(config.get("sliding_window") or 0)) if is_sliding else 0


def _rope(config: Config) -> dict[str, str]:
    """Kind and numbers; transformers 5 writes `rope_parameters`, earlier ones `rope_scaling`."""
    found = config.get("rope_parameters") or config.get("rope_scaling") or {}
    assert isinstance(found, dict)
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


def _refused(folder: Path, problem: str) -> BaseRefused:
    return BaseRefused(f"{folder.name} is no base: {problem}.", folder=folder.name, problem=problem)
