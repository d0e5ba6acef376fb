"""The known answer: what both exact forwards must give here, before a machine may do exact work.

The models are small and made of SHAKE-256, so no generator and no file takes part. They are chosen
to go every way: grouped heads, biases, a window, a sum of more than 2048 terms, a document of more
than 128 tokens, padding, an adapter.
"""

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from assay.canonical import digest
from evaluator.blob import write_blob
from evaluator.exact.bert import ExactEncoder
from evaluator.exact.llama import ExactDecoder
from evaluator.exact.merge import merged

KNOWN_SHA256 = ""
_CLASSES, _WORDS, _POSITIONS, _RANK = 3, 128, 160, 2
_LENGTHS = (7, 150, 1, 33, 33, 12, 2)


@dataclass(frozen=True)
class _Decoder:
    """A Llama shape that takes every way through the forward."""

    hidden: int = 64
    intermediate: int = 2112
    layers: int = 2
    heads: int = 4
    kv_heads: int = 2
    head_dim: int = 16
    vocabulary: int = _WORDS
    rms_norm_eps: str = "0.00001"
    has_qkv_bias: bool = True
    has_o_bias: bool = False
    is_tied: bool = False
    window: int = 40


@dataclass(frozen=True)
class _Encoder:
    """A BERT shape with heads whose width has no whole root."""

    hidden: int = 48
    intermediate: int = 96
    layers: int = 2
    heads: int = 4
    layer_norm_eps: str = "0.000000000001"


def answers_known(device: str = "cpu") -> bool:
    """Whether this machine gives the known bits; a worker that gets False does no exact work.

    device  where to compute, as torch names it
    """
    return digest(answers(device)) == KNOWN_SHA256


def answers(device: str = "cpu") -> dict[str, list[list[str]]]:
    """What the two models give for each document, as whole numbers and hexadecimal floats."""
    ids = documents()
    decoder = ExactDecoder(*decoder_parts(device))
    encoder = ExactEncoder(*encoder_parts(device))
    long = [line for line in ids if len(line) > 1]
    return {
        "nll": [list(map(str, line)) for line in decoder.nll(long, [1] * len(long))],
        "next": [[str(token)] for token in decoder.next_token(ids)],
        "classes": _hexadecimal(decoder.class_logits(ids)),
        "logits": _hexadecimal(encoder.logits(ids)),
    }


def documents() -> list[list[int]]:
    """Seven token lists of 1 to 150 tokens."""
    return [
        (_shake(f"document {number}", length, scale=0).long() % _WORDS).tolist()
        for number, length in enumerate(_LENGTHS)
    ]


def decoder_parts(device: str) -> tuple[Mapping[str, Tensor], _Decoder, tuple[Tensor, Tensor]]:
    """Weights under an adapter, shape and rope tables of a small decoder."""
    shape = _Decoder()
    width, wide = shape.hidden, shape.intermediate
    keys = shape.kv_heads * shape.head_dim
    sizes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (_WORDS, width),
        "lm_head.weight": (_WORDS, width),
        "model.norm.weight": (width,),
    }
    for layer in range(shape.layers):
        part = f"model.layers.{layer}."
        for name, rows in (("q", width), ("k", keys), ("v", keys)):
            sizes[f"{part}self_attn.{name}_proj.weight"] = (rows, width)
            sizes[f"{part}self_attn.{name}_proj.bias"] = (rows,)
        sizes[part + "self_attn.o_proj.weight"] = (width, width)
        sizes[part + "mlp.gate_proj.weight"] = (wide, width)
        sizes[part + "mlp.up_proj.weight"] = (wide, width)
        sizes[part + "mlp.down_proj.weight"] = (width, wide)
        sizes[part + "input_layernorm.weight"] = (width,)
        sizes[part + "post_attention_layernorm.weight"] = (width,)
    rope = _shake("cos", _POSITIONS, shape.head_dim), _shake("sin", _POSITIONS, shape.head_dim)
    targets = ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj")
    weights = _adapted(_weights(sizes), targets, "score.weight", device)
    return weights, shape, (rope[0].to(device), rope[1].to(device))


def encoder_parts(device: str) -> tuple[Mapping[str, Tensor], _Encoder]:
    """Weights under an adapter and shape of a small encoder."""
    shape = _Encoder()
    width, wide = shape.hidden, shape.intermediate
    sizes: dict[str, tuple[int, ...]] = {
        "bert.embeddings.word_embeddings.weight": (_WORDS, width),
        "bert.embeddings.position_embeddings.weight": (_POSITIONS, width),
        "bert.embeddings.token_type_embeddings.weight": (2, width),
        "classifier.bias": (_CLASSES,),
        **_pair("bert.embeddings.LayerNorm", width),
    }
    for layer in range(shape.layers):
        part = f"bert.encoder.layer.{layer}."
        for name in ("self.query", "self.key", "self.value", "output.dense"):
            sizes |= _pair(f"{part}attention.{name}", width, width)
        sizes |= _pair(part + "intermediate.dense", wide, width)
        sizes |= _pair(part + "output.dense", width, wide)
        sizes |= _pair(part + "attention.output.LayerNorm", width)
        sizes |= _pair(part + "output.LayerNorm", width)
    targets = ("bert.encoder.layer.1.attention.self.value", "bert.encoder.layer.0.output.dense")
    return _adapted(_weights(sizes), targets, "classifier.weight", device), shape


def _adapted(
    base: Mapping[str, Tensor], targets: tuple[str, ...], head: str, device: str
) -> dict[str, Tensor]:
    """The base under an adapter on these targets, with a head of three classes."""
    width = base[next(name for name in base if "embed" in name)].shape[1]
    shapes: dict[str, tuple[int, ...]] = {head: (_CLASSES, width)}
    for name in targets:
        rows, columns = base[name + ".weight"].shape
        shapes |= {f"{name}.A": (_RANK, columns), f"{name}.B": (rows, _RANK)}
    tensors = {
        name: (shape, _shake(name, *shape).numpy().tobytes()) for name, shape in shapes.items()
    }
    weights = merged(base, write_blob(_RANK, 0.3, tensors), {head: shapes[head]})
    return {name: one.to(device) for name, one in weights.items()}


def _pair(name: str, *shape: int) -> dict[str, tuple[int, ...]]:
    return {name + ".weight": shape, name + ".bias": shape[:1]}


def _weights(sizes: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Tensors of these sizes; the gains of norms lie around 1."""
    return {
        name: _shake(name, *size) + (1.0 if "orm.weight" in name else 0.0)
        for name, size in sizes.items()
    }


def _shake(name: str, *shape: int, scale: int = -17) -> Tensor:
    """float32: whole numbers of 16 bits, which a hash decides, times 2**scale."""
    raw = bytearray(hashlib.shake_256(name.encode()).digest(2 * math.prod(shape)))
    return torch.frombuffer(raw, dtype=torch.int16).float().mul_(2.0**scale).view(shape)


def _hexadecimal(rows: Tensor) -> list[list[str]]:
    return [[value.hex() for value in row] for row in rows.tolist()]
