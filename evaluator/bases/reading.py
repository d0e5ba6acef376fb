"""From a config to a shape: which family a base is of, and how wide it is.

What our engine does not compute as transformers does becomes the generic family.
"""

import json
import math
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from evaluator.bases import rope
from evaluator.bases.catalogue import CARD_NAME, read_card
from evaluator.bases.families import BY_NAME
from evaluator.bases.folder import CONFIG_NAME
from evaluator.bases.shapes import DecoderShape, EncoderShape, OwnShape, Shape

Config = Mapping[str, object]
FULL, SLIDING = "full_attention", "sliding_attention"
_GELU, _GELU_TANH, _SILU = ("gelu",), ("gelu_pytorch_tanh", "gelu_new"), ("silu", "swish")
_NUMBERS = {
    "factor": "factor",
    "low": "low_freq_factor",
    "high": "high_freq_factor",
    "original": "original_max_position_embeddings",
}


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


def own_shape(config: Config) -> OwnShape | None:
    """The shape of a family that our engine computes; None: what transformers has to compute.

    An encoder's class head is added where it is known (evaluator/generic/trial.py).
    config  with every default filled in, as `to_dict` of transformers' config gives it
    raises  ValueError, KeyError, TypeError for a width that is none
    """
    kind = str(config.get("model_type"))
    read = _READERS.get(kind)
    return None if read is None else read(config)


def _bert(config: Config) -> EncoderShape | None:
    """Absolute positions and the exact GELU, an encoder alone."""
    is_plain = (
        config.get("hidden_act", "gelu") in _GELU
        and config.get("position_embedding_type", "absolute") == "absolute"
        and not config.get("is_decoder")
    )
    if not is_plain:
        return None
    kind = str(config["model_type"])
    return EncoderShape(
        kind=kind,
        hidden=_int(config, "hidden_size"),
        intermediate=_int(config, "intermediate_size"),
        layers=_int(config, "num_hidden_layers"),
        heads=_int(config, "num_attention_heads"),
        positions=_int(config, "max_position_embeddings") - BY_NAME[kind].far,
        vocabulary=_int(config, "vocab_size"),
        norm_eps=_decimal(config.get("layer_norm_eps", 1e-12)),
    )


def _far_bert(config: Config, marked: int) -> EncoderShape | None:
    """Positions begin behind the padding token's: RoBERTa and MPNet count from 2."""
    usual = config.get("pad_token_id") == marked
    buckets = config.get("relative_attention_num_buckets", 32) == 32
    return _bert(config) if usual and buckets else None


def _distilbert(config: Config) -> EncoderShape | None:
    if config.get("activation", "gelu") not in _GELU:
        return None
    return EncoderShape(
        kind="distilbert",
        hidden=_int(config, "dim"),
        intermediate=_int(config, "hidden_dim"),
        layers=_int(config, "n_layers"),
        heads=_int(config, "n_heads"),
        positions=_int(config, "max_position_embeddings"),
        vocabulary=_int(config, "vocab_size"),
        norm_eps="1e-12",
    )


def _modernbert(config: Config) -> EncoderShape | None:
    acts = [config.get(f"{name}_activation", "gelu") for name in ("hidden", "classifier")]
    turns = [_rope(config, FULL), _rope(config, SLIDING)]
    if not set(acts) <= set(_GELU) or not all(map(_is_turned, turns)):
        return None
    layers = _int(config, "num_hidden_layers")
    return EncoderShape(
        kind="modernbert",
        hidden=_int(config, "hidden_size"),
        intermediate=_int(config, "intermediate_size"),
        layers=layers,
        heads=_int(config, "num_attention_heads"),
        positions=min(_int(config, "max_position_embeddings"), rope.MOST_POSITIONS),
        vocabulary=_int(config, "vocab_size"),
        norm_eps=_decimal(config.get("norm_eps", 1e-5)),
        window=_int(config, "local_attention") // 2,
        full=_full(config),
        rope=turns[0],
        local_rope=turns[1],
    )


def _llama(config: Config, **changes: object) -> DecoderShape | None:
    """A rope that we can make over whole heads, no bias in a gated part of the usual function."""
    kind = str(config["model_type"])
    wanted = _GELU_TANH if BY_NAME[kind].function == "gelu_tanh" else _SILU
    turns = [_rope(config, FULL), _rope(config, SLIDING)]
    act = config.get("hidden_activation") or config.get("hidden_act", "silu")
    if act not in wanted or not all(map(_is_turned, turns)):
        return None
    heads, hidden = _int(config, "num_attention_heads"), _int(config, "hidden_size")
    window = _window(config)
    told: dict[str, object] = {
        "kind": kind,
        "hidden": hidden,
        "intermediate": _int(config, "intermediate_size"),
        "layers": _int(config, "num_hidden_layers"),
        "heads": heads,
        "kv_heads": int(str(config.get("num_key_value_heads") or heads)),
        "head_dim": int(str(config.get("head_dim") or hidden // heads)),
        "positions": min(_int(config, "max_position_embeddings"), rope.MOST_POSITIONS),
        "vocabulary": _int(config, "vocab_size"),
        "norm_eps": _decimal(config.get("rms_norm_eps", 1e-6)),
        "is_tied": bool(config.get("tie_word_embeddings", False)),
        "window": window,
        "full": _full(config) if window else (),
        "rope": turns[0],
        "local_rope": turns[1] if turns[1] != turns[0] else {},
    }
    return DecoderShape(**{**told, **changes})  # type: ignore[arg-type]


def _gemma(config: Config) -> DecoderShape | None:
    """Soft caps, embeddings times a root, and layers that look back in turns."""
    if config.get("use_bidirectional_attention"):
        return None
    caps = [config.get(f"{name}_logit_softcapping") for name in ("attn", "final")]
    return _llama(
        config,
        divisor=_decimal(config.get("query_pre_attn_scalar") or 0).removeprefix("0"),
        score_cap=_decimal(caps[0]) if caps[0] else "",
        logit_cap=_decimal(caps[1]) if caps[1] else "",
        word_scale=repr(math.sqrt(_int(config, "hidden_size"))),
    )


def _smollm3(config: Config) -> DecoderShape | None:
    turned = _list(config.get("no_rope_layers"))
    unturned = tuple(place for place, one in enumerate(turned) if not one)
    return _llama(config, unturned=unturned)


_READERS: Mapping[str, Callable[[Config], OwnShape | None]] = {
    "bert": _bert,
    "roberta": partial(_far_bert, marked=1),
    "camembert": partial(_far_bert, marked=1),
    "xlm-roberta": partial(_far_bert, marked=1),
    "mpnet": partial(_far_bert, marked=1),
    "distilbert": _distilbert,
    "modernbert": _modernbert,
    "llama": _llama,
    "mistral": _llama,
    "qwen2": _llama,
    "qwen3": _llama,
    "phi3": _llama,
    "smollm3": _smollm3,
    "gemma": _gemma,
    "gemma2": _gemma,
    "gemma3_text": _gemma,
}


def _window(config: Config) -> int:
    """Mistral and Phi-3 look back over their window; others where a layer's type says so."""
    types = _list(config.get("layer_types"))
    is_sliding = SLIDING in types or (not types and config["model_type"] in ("mistral", "phi3"))
    return int(str(config.get("sliding_window") or 0)) if is_sliding else 0


def _full(config: Config) -> tuple[int, ...]:
    """The layers that look at all."""
    types = _list(config.get("layer_types"))
    return tuple(place for place, one in enumerate(types) if one == FULL)


def _rope(config: Config, layers: str) -> dict[str, str]:
    """Kind and numbers of the rotary positions of one kind of layers."""
    found = config.get("rope_parameters") or config.get("rope_scaling")
    found = found if isinstance(found, Mapping) else {}
    inner = found.get(layers)
    found = inner if isinstance(inner, Mapping) else found
    theta = found.get("rope_theta") or config.get("rope_theta") or 10_000
    told = {"kind": str(found.get("rope_type") or found.get("type") or "default")}
    told["theta"] = _decimal(theta)
    part = found.get("partial_rotary_factor") or config.get("partial_rotary_factor") or 1.0
    if float(str(part)) != 1.0:
        told["kind"] = f"partial {part}"
    wanted = {"linear": ("factor",), "llama3": tuple(_NUMBERS)}.get(told["kind"], ())
    return told | {name: _decimal(found[_NUMBERS[name]]) for name in wanted}


def _is_turned(told: Mapping[str, str]) -> bool:
    return told["kind"] in rope.VARIANTS


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
