"""The known answer: what both exact forwards must give here, before a machine may do exact work.

The models are small and made of SHAKE-256, so no generator and no file takes part. They are chosen
to go every way: grouped heads, biases, a window, sums of more than 512 terms, a document of more
than 128 tokens, padding, an adapter.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from assay.canonical import digest
from evaluator.bases.shapes import BERT_POOLER, CLS_POOLER, BertShape, LlamaShape
from evaluator.blob import write_blob
from evaluator.evaluators.form import Reading
from evaluator.exact.bert import ExactEncoder
from evaluator.exact.llama import ExactDecoder
from evaluator.exact.merge import merged
from evaluator.forward.llama import ROPE, WORDS

Sizes = Mapping[str, tuple[int, ...]]

KNOWN_SHA256 = "f2c66c22f89ebff60656a8763c0cb7d31887da3c839e9494d918910b9ee705aa"
_WORDS, _RANK = 128, 2
_NORMS = ("input", "post_attention")
_LENGTHS = (7, 150, 1, 33, 33, 12, 2)


_DECODER = LlamaShape(
    hidden=64,
    intermediate=2112,
    layers=2,
    heads=4,
    kv_heads=2,
    head_dim=16,
    positions=160,
    vocabulary=_WORDS,
    rms_norm_eps="0.00001",
    has_qkv_bias=True,
    has_o_bias=False,
    is_tied=False,
    window=40,
    rope={},
)
_ENCODER = BertShape(
    hidden=48,
    intermediate=96,
    layers=2,
    heads=4,
    positions=160,
    vocabulary=_WORDS,
    layer_norm_eps="0.000000000001",
)


def answers_known(device: str = "cpu") -> bool:
    """Whether this machine gives the known bits; a worker that gets False does no exact work.

    device  where to compute, as torch names it
    """
    return digest(answers(device)) == KNOWN_SHA256


def answers(device: str = "cpu") -> dict[str, list[list[str]]]:
    """What the two models give for each document, as whole numbers and hexadecimal floats."""
    texts = documents()
    decoder, encoder = decoder_on(device), encoder_on(device)
    long = [text for text in texts if len(text) > 1]
    scored = decoder.scored(long, [1] * len(long))
    return {
        "nll_q32": [list(map(str, one.nll_q32)) for one in scored],
        "continued": [list(map(str, decoder.continued(texts[0], most=4, ends=())))],
        "decoder_logits": _hexadecimal(decoder.logits(texts)),
        "encoder_logits": _hexadecimal(encoder.logits(texts)),
        "pooler_logits": _hexadecimal(encoder.logits(texts, Reading(CLS_POOLER, is_own=True))),
    }


def documents() -> list[list[int]]:
    """Seven token lists of 1 to 150 tokens."""
    return [
        (_shake(f"document {number}", length, scale=0).long() % _WORDS).tolist()
        for number, length in enumerate(_LENGTHS)
    ]


def decoder_on(device: str) -> ExactDecoder:
    """A small decoder under an adapter."""
    shape, width = _DECODER, _DECODER.hidden
    sizes: dict[str, tuple[int, ...]] = {}
    sizes |= {name + ".weight": size for name, size in shape.targets.items()}
    for layer in range(shape.layers):
        part = f"model.layers.{layer}."
        sizes |= {f"{part}{name}_layernorm.weight": (width,) for name in _NORMS}
        sizes |= {
            f"{part}self_attn.{name}_proj.bias": sizes[f"{part}self_attn.{name}_proj.weight"][:1]
            for name in "qkv"
        }
    sizes |= {"model.norm.weight": (width,), WORDS: (_WORDS, width)}
    sizes |= {"lm_head.weight": (_WORDS, width), ROPE: (2, shape.positions, shape.head_dim // 2)}
    targets = ("model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj")
    return ExactDecoder(_adapted(sizes, targets, {"score.weight": (3, width)}, device), shape)


def encoder_on(device: str) -> ExactEncoder:
    """A small encoder under an adapter."""
    shape, width = _ENCODER, _ENCODER.hidden
    sizes: dict[str, tuple[int, ...]] = {}
    norms = ["bert.embeddings.LayerNorm"]
    for name, size in shape.targets.items():
        sizes |= {name + ".weight": size, name + ".bias": size[:1]}
        norms += [name.replace("dense", "LayerNorm")] if name.endswith("output.dense") else []
    for name in norms:
        sizes |= {name + ".weight": (width,), name + ".bias": (width,)}
    rows = {"word": shape.vocabulary, "position": shape.positions, "token_type": 2}
    for name, count in rows.items():
        sizes[f"bert.embeddings.{name}_embeddings.weight"] = (count, width)
    sizes |= {f"{BERT_POOLER}.weight": (width, width), f"{BERT_POOLER}.bias": (width,)}
    targets = ("bert.encoder.layer.1.attention.self.value", "bert.encoder.layer.0.output.dense")
    head = {"classifier.weight": (3, width), "classifier.bias": (3,)}
    return ExactEncoder(_adapted(sizes, targets, head, device), shape)


def _adapted(sizes: Sizes, targets: Sequence[str], head: Sizes, device: str) -> dict[str, Tensor]:
    """Weights of these sizes under an adapter on these targets; the gains of norms are around 1."""
    base = {
        name: (_shake(name, *size) + (1.0 if "orm.weight" in name else 0.0)).to(device)
        for name, size in sizes.items()
    }
    shapes = dict(head)
    for name in targets:
        rows, columns = sizes[name + ".weight"]
        shapes |= {f"{name}.A": (_RANK, columns), f"{name}.B": (rows, _RANK)}
    parts = {name: (size, _shake(name, *size).numpy().tobytes()) for name, size in shapes.items()}
    weights: dict[str, Tensor] = merged(base, write_blob(_RANK, 0.3, parts), head)
    return weights


def _shake(name: str, *shape: int, scale: int = -17) -> Tensor:
    """float32: whole numbers of 16 bits, which a hash decides, times 2**scale."""
    raw = bytearray(hashlib.shake_256(name.encode()).digest(2 * math.prod(shape)))
    return torch.frombuffer(raw, dtype=torch.int16).float().mul_(2.0**scale).view(shape)


def _hexadecimal(rows: Tensor) -> list[list[str]]:
    return [[value.hex() for value in row] for row in rows.tolist()]
