"""The known answers: what the engine must give on this machine before a score may come from it.

    python -m evaluator.engine.known      exit 0 when every family's answers are the known ones

The models are small and made of SHAKE-256, so no generator and no file takes part. They are chosen
to go every way: grouped heads, biases, windows, soft caps, two runs of the vocabulary, widths that
fill no vector, texts of one token, an adapter on a fused layer and on others, a padding token
inside of texts where it has a place of its own.
"""

import hashlib
import json
import sys
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from assay.canonical import digest
from evaluator.bases import rope
from evaluator.bases.families import BY_NAME
from evaluator.bases.shapes import CLS, LAST, MEAN, DecoderShape, EncoderShape, OwnShape
from evaluator.blob import write_blob
from evaluator.engine.model import Adapted, Base, parts_of
from evaluator.engine.tensors import Floats, raw_floats
from evaluator.evaluators.form import Reading
from evaluator.task.slices import Row

FILE = Path(__file__).parent / "known.json"
WORDS, RANK, CLASSES, SCALE = 600, 2, 3, 0.3
LENGTHS = (7, 70, 1, 33, 2)
UNIT = -17  # values are whole numbers of 16 bits times 2 to this
_BIASED = ("qwen2",)
_TURNS = {"kind": "default", "theta": "10000"}
_LOCAL = {"kind": "default", "theta": "100"}
_DECODER = DecoderShape(
    kind="llama",
    hidden=52,
    intermediate=72,
    layers=2,
    heads=4,
    kv_heads=2,
    head_dim=16,
    positions=72,
    vocabulary=WORDS,
    norm_eps="0.00001",
    is_tied=False,
    window=0,
    rope=_TURNS,
)
_ENCODER = EncoderShape(
    kind="bert",
    hidden=48,
    intermediate=72,
    layers=2,
    heads=4,
    positions=72,
    vocabulary=WORDS,
    norm_eps="0.000000000001",
)
_GEMMA: Mapping[str, Any] = {"is_tied": True, "word_scale": "7.211102550927978"}
_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "mistral": {"window": 40, "heads": 6},
    "qwen2": {"is_tied": True},
    "smollm3": {"unturned": (1,)},
    "gemma": _GEMMA,
    "gemma2": {
        **_GEMMA,
        "window": 12,
        "full": (1,),
        "score_cap": "5",
        "logit_cap": "3",
        "divisor": "24",
    },
    "gemma3_text": {
        **_GEMMA,
        "window": 12,
        "full": (1,),
        "local_rope": _LOCAL,
        "divisor": "24",
    },
    "modernbert": {"window": 9, "full": (0,), "rope": _TURNS, "local_rope": _LOCAL},
}


def is_known_here(variant: str = "") -> bool:
    """Whether a build gives the known bits; a worker that gets False scores nothing."""
    wanted = json.loads(FILE.read_bytes())
    return all(digest(answers(kind, variant)) == wanted.get(kind) for kind in BY_NAME)


def answers(kind: str, variant: str = "") -> dict[str, list[list[str]]]:
    """What this family's model gives for each text, as whole numbers and hexadecimal floats."""
    shape, texts = shape_of(kind), documents()
    base = base_of(shape, variant)
    if isinstance(shape, DecoderShape):
        head = {"score.weight": (CLASSES, shape.hidden)}
        model = Adapted(base, adapter_of(shape, head), head)
        scored = model.scored([Row(tuple(text), 1) for text in texts])
        return {
            "nll_q32": [[str(one) for one in text.nll_q32] for text in scored],
            "continued": [
                [str(one) for one in model.continued(text, most=6, ends=())] for text in texts[:2]
            ],
            "logits": _hexadecimal(model.logits(texts, Reading(LAST, is_own=True))),
        }
    own = head_of(shape)
    linear = {"classifier.weight": (CLASSES, shape.hidden), "classifier.bias": (CLASSES,)}
    other = Adapted(base, adapter_of(shape, linear), linear)
    queries = [text for text in texts if len(text) > 1]
    found = {
        "nearest": [[str(one) for one in each] for each in other.nearest(queries, texts, most=3)],
        "mean_logits": _hexadecimal(other.logits(texts, Reading(MEAN))),
    }
    if BY_NAME[kind].far:
        padded = [_padded(text, BY_NAME[kind].far - 1) for text in texts]
        found["padded_logits"] = _hexadecimal(other.logits(padded, Reading(MEAN)))
    model = Adapted(base, adapter_of(shape, own), own)
    return found | {"own_logits": _hexadecimal(model.logits(texts, Reading(CLS, is_own=True)))}


def documents() -> list[list[int]]:
    """Five token lists of 1 to 70 tokens."""
    return [
        [one % WORDS for one in _shake(f"document {number}", length)]
        for number, length in enumerate(LENGTHS)
    ]


def _padded(text: Sequence[int], padding: int) -> list[int]:
    """The text with the padding token in a third of its places, the second one among them."""
    return [padding if place % 3 == 1 else token for place, token in enumerate(text)]


def shape_of(kind: str) -> OwnShape:
    """A small shape of this family, as far from the others as it can be."""
    first: OwnShape = _DECODER if BY_NAME[kind].is_causal else _ENCODER
    return replace(first, kind=kind, **_CHANGES.get(kind, {}))


def base_of(shape: OwnShape, variant: str = "") -> Base:
    """The family's model, made of hashes."""
    tensors = {name: _floats(name, size) for name, size in sizes_of(shape).items()}
    turns: list[Floats] = []
    for told in (shape.rope, shape.local_rope):
        if told:
            raw = rope.table(told, positions=shape.positions, head_dim=shape.head_dim)
            table = raw_floats(raw, (2, shape.positions, shape.head_dim // 2))
            turns += [table.rows(0, 1), table.rows(1, 1)]
    return Base(tensors, shape, turns, variant=variant)


def sizes_of(shape: OwnShape) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of a base of this family."""
    family, wide = BY_NAME[shape.kind], shape.hidden
    found: dict[str, tuple[int, ...]] = {f"{family.words}.weight": (shape.vocabulary, wide)}
    has_bias = (not family.is_causal and bool(family.places)) or shape.kind in _BIASED
    for name, (rows, columns) in shape.targets.items():
        found[f"{name}.weight"] = (rows, columns)
        if has_bias and (not family.is_causal or name.endswith(("q_proj", "k_proj", "v_proj"))):
            found[f"{name}.bias"] = (rows,)
    tables = {family.places: shape.positions + family.far, family.kinds: 2}
    found |= {f"{name}.weight": (rows, wide) for name, rows in tables.items() if name}
    if family.distances:
        found[f"{family.distances}.weight"] = (32, shape.heads)
    norms = [one for one in (family.embedded, family.final) if one]
    for layer in range(shape.layers):
        prefix = family.layer.format(layer)
        norms += [prefix + one for one in family.norms if one]
        found |= {f"{prefix}{one}.weight": (shape.head_dim,) for one in family.own_norms if one}
    found |= {f"{one}.weight": (wide,) for one in norms}
    if not family.is_rms and has_bias:
        found |= {f"{one}.bias": (wide,) for one in norms}
    if isinstance(shape, DecoderShape) and not shape.is_tied:
        found["lm_head.weight"] = (shape.vocabulary, wide)
    return found


def head_of(shape: OwnShape) -> dict[str, tuple[int, ...]]:
    """Every tensor of the family's own class head."""
    found: dict[str, tuple[int, ...]] = {}
    for step in BY_NAME[shape.kind].head:
        is_last = step is BY_NAME[shape.kind].head[-1]
        rows = CLASSES if is_last else shape.hidden
        found |= {f"{step.linear}.weight": (rows, shape.hidden), f"{step.linear}.bias": (rows,)}
        if step.norm:
            found[f"{step.norm}.weight"] = (shape.hidden,)
    return found


def adapter_of(shape: OwnShape, head: Mapping[str, tuple[int, ...]]) -> bytes:
    """A canonical blob with LoRA on the first and the widest layers, and this head."""
    modules = [parts_of(shape, 0)[0][0], parts_of(shape, 1)[4][0], parts_of(shape, 1)[6][0]]
    shapes = dict(head)
    for name in modules:
        rows, columns = shape.targets[name]
        shapes |= {f"{name}.A": (RANK, columns), f"{name}.B": (rows, RANK)}
    parts = {name: (size, _values(name, size).tobytes()) for name, size in shapes.items()}
    return write_blob(RANK, SCALE, parts)


def _floats(name: str, size: tuple[int, ...]) -> Floats:
    return raw_floats(_values(name, size).tobytes(), size)


def _values(name: str, size: tuple[int, ...]) -> "array[float]":
    """float32; the gains of norms are around 1."""
    middle = 1.0 if len(size) == 1 and name.endswith(".weight") else 0.0
    return array("f", [middle + one * 2.0**UNIT for one in _shake(name, prod(size), 32768)])


def _shake(name: str, count: int, less: int = 0) -> list[int]:
    raw = array("H", hashlib.shake_256(name.encode()).digest(2 * count))
    if sys.byteorder == "big":
        raw.byteswap()
    return [one - less for one in raw]


def _hexadecimal(rows: Sequence[Sequence[float]]) -> list[list[str]]:
    return [[value.hex() for value in row] for row in rows]


if __name__ == "__main__":
    sys.exit(0 if is_known_here() else 1)
