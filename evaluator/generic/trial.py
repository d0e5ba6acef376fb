"""Try a base out before it is registered: read it, run it, keep it, run what was kept, compare.

What transformers computes is the measure. Where our engine gives other figures of the very same
base, the base is left to transformers. Runs in a process of its own (evaluator/bases/apart.py).
"""

import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from evaluator.bases import rope
from evaluator.bases.families import BY_NAME
from evaluator.bases.folder import WEIGHTS_NAME, refused
from evaluator.bases.reading import own_shape
from evaluator.bases.shapes import (
    DECODER,
    ENCODER,
    MEAN,
    DecoderShape,
    EncoderShape,
    GenericShape,
    OwnShape,
    Shape,
    is_decoder,
)
from evaluator.bases.sizes import refuse_too_large_to_be_generic, weight_bytes
from evaluator.engine.model import HEAD_MARK, Adapted, full_name, read_base
from evaluator.generic import forward
from evaluator.generic.asked import DecoderNet, EncoderNet
from evaluator.generic.reference import Folder, Reference, read_reference
from evaluator.generic.scoring import calm, read_tensors
from evaluator.task.slices import Row

REACHES = ("max_position_embeddings", "n_positions", "max_seq_len", "seq_length", "n_ctx")
USUAL_REACH = 2048
LENGTHS, LONG = (2, 7, 33), 192
NEAR = 1e-4  # relative: far above what the order of sums does to float32
SHORTS = (torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class Tried:
    """What came of it. notes: sentences on what was decided or left out."""

    shape: Shape
    notes: tuple[str, ...]


@torch.inference_mode()
def tried(folder: Folder) -> Tried:
    """The shape of a base whose weights now lie in the kept folder. raises BaseRefused"""
    reference = read_reference(folder)
    values = forward.values_of(reference.module)
    values = {name: one for name, one in values.items() if name not in reference.missing}
    own = reference.head.values if reference.head else {}
    values |= {HEAD_MARK + name: one for name, one in own.items()}
    far = math.inf
    with calm():
        shapes = _shapes(folder, reference)
        texts = _texts(shapes[-1])
        right = _figures_there(folder, reference, texts)
        for shape in shapes:
            _keep(folder, shape, values)
            far = _distance(_figures_here(folder, shape, texts), right)
            if far <= NEAR:
                note = "our engine gives other figures than transformers, which computes it"
                return Tried(shape, reference.notes + ((note,) if shape is not shapes[0] else ()))
    raise refused(folder.path, f"its figures here differ from those of transformers by {far:.1e}")


def _shapes(folder: Folder, reference: Reference) -> list[Shape]:
    """Our own one where it fits, then the generic one."""
    kinds = {DECODER: DecoderShape, ENCODER: EncoderShape}
    try:
        own = own_shape(reference.config.to_dict())
    except (ValueError, KeyError, TypeError) as error:
        raise refused(folder.path, f"config.json cannot be read: {error!s:.100}") from error
    found: list[Shape] = []
    if isinstance(own, EncoderShape) and (head := reference.head):
        own = replace(own, pooling=head.pooling, head=head.carried, head_linears=head.linears)
    if own is not None and isinstance(own, kinds[reference.kind]):
        found.append(own)
    return [*found, _generic(folder, reference)]


def _generic(folder: Folder, reference: Reference) -> GenericShape:
    text = reference.config.get_text_config()
    if not getattr(text, "vocab_size", 0) or not getattr(text, "hidden_size", 0):
        raise refused(
            folder.path,
            f"{text.model_type} is no language model: its config has no vocabulary",
            "Choose a language model.",
        )
    reach = next((one for one in (getattr(text, name, None) for name in REACHES) if one), 0)
    head, prefix = reference.head, ""
    if reference.kind == ENCODER:
        prefix = head.prefix if head else forward.ENCODER_PREFIX
    linears = {
        name: size
        for name, size in forward.linears_of(reference.module, reference.kind, prefix).items()
        if f"{name.removeprefix(prefix)}.weight" not in reference.missing
    }
    if not linears:
        raise refused(folder.path, f"{text.model_type} has no linear layer that LoRA could change")
    return GenericShape(
        kind=reference.kind,
        hidden=int(text.hidden_size),
        positions=min([int(reach or USUAL_REACH), *_tables(reference.module)]),
        vocabulary=int(text.vocab_size),
        linears=linears,
        prefix=prefix,
        pooling=head.pooling if head else "",
        head=head.carried if head else {},
        head_linears=head.linears if head else {},
    )


def _tables(module: nn.Module) -> list[int]:
    """Most tokens of a text by its tables of positions: RoBERTa's first rows are for padding."""
    return [
        one.num_embeddings - one.padding_idx - 1
        for name, one in module.named_modules()
        if isinstance(one, nn.Embedding)
        and name.endswith("position_embeddings")
        and one.padding_idx is not None
    ]


def _texts(shape: Shape) -> list[list[int]]:
    """Token lists over the middle of the vocabulary: marks stand at its ends."""
    first, count = shape.vocabulary // 4, max(1, shape.vocabulary // 2)
    lengths = [min(one, shape.positions) for one in (*LENGTHS, LONG)]
    return [
        [first + (7919 * at + 31 * place * at * at + place) % count for at in range(length)]
        for place, length in enumerate(lengths)
    ]


def _figures_there(
    folder: Folder, reference: Reference, texts: Sequence[Sequence[int]]
) -> list[float]:
    """What transformers computes: nats of every token but the first, or mean states."""
    name = reference.config.model_type
    try:
        if reference.kind == ENCODER:
            found = [one for ids in texts for one in reference.pooled(ids).tolist()]
        else:
            _refuse_foresight(folder, reference, texts[1])
            found = [one for ids in texts for one in _nats(reference.decoded(ids), ids)]
    except (TypeError, ValueError, AttributeError, IndexError, RuntimeError, KeyError) as error:
        if "memory" in str(error):
            raise
        words = (str(error).splitlines() or [""])[0]
        raise refused(
            folder.path,
            f"{name} cannot be run on a text alone ({words:.160}): pictures, sounds or a second "
            "text are no part of a task",
            "Choose a language model.",
        ) from error
    if not all(map(math.isfinite, found)):
        raise refused(folder.path, "its forward gives numbers that are not finite")
    return found


def _refuse_foresight(folder: Folder, reference: Reference, ids: Sequence[int]) -> None:
    """A decoder whose figure of a token hangs on a later one predicts nothing."""
    early = [reference.decoded([*ids[:-1], last])[:-1] for last in (ids[-1], ids[0])]
    if not torch.allclose(*early, rtol=NEAR, atol=NEAR):
        name = reference.config.model_type
        raise refused(
            folder.path,
            f"{name} sees the tokens that it is to predict, as an encoder does",
            "Choose a causal language model.",
        )


def _nats(logits: Tensor, ids: Sequence[int]) -> list[float]:
    wanted = torch.tensor(list(ids[1:]))
    found: list[float] = (-logits[:-1].log_softmax(-1).gather(1, wanted[:, None])[:, 0]).tolist()
    return found


def _figures_here(folder: Folder, shape: Shape, texts: list[list[int]]) -> list[float]:
    """The same figures from the kept files, by the forward that will score them."""
    if not isinstance(shape, GenericShape):
        model = Adapted(read_base(folder.kept, shape), None, {})
        if is_decoder(shape):
            rows = [Row(tuple(one), 1) for one in texts]
            return [one / 2**32 for text in model.scored(rows) for one in text.nll_q32]
        return model.pooled(texts, MEAN).values()
    refuse_too_large_to_be_generic(folder.path, weight_bytes(folder.held.values()))
    weights = forward.weights_of(folder.kept, shape, read_tensors(folder.kept))
    net = weights.net(weights.tensors)
    if isinstance(net, DecoderNet):
        return [one / 2**32 for text in net.scored(texts, [1] * len(texts)) for one in text.nll_q32]
    assert isinstance(net, EncoderNet)
    return [float(one) for ids in texts for one in net.pooled([ids]).flatten().tolist()]


def _distance(found: Sequence[float], right: Sequence[float]) -> float:
    """The largest difference, as a share of the larger of 1 and what is right."""
    if len(found) != len(right):
        return math.inf
    return max(abs(a - b) / max(1.0, abs(b)) for a, b in zip(found, right, strict=True))


def _keep(folder: Folder, shape: Shape, values: Mapping[str, Tensor]) -> None:
    """The weights in the store's copy: files as they are where our names are theirs."""
    tables = [folder.kept / name for name in (rope.FILE_NAME, rope.LOCAL_FILE_NAME)]
    for old in (*folder.kept.glob("*.safetensors"), *tables):
        old.unlink(missing_ok=True)
    named = values
    if not isinstance(shape, GenericShape):
        named = {_named(name, shape): one for name, one in values.items()}
        for path, told in zip(tables, (shape.rope, shape.local_rope), strict=True):
            if told:
                size = {"positions": shape.positions, "head_dim": shape.head_dim}
                path.write_bytes(rope.table(told, **size))
    if _are_there(folder, shape, named):
        for path in folder.files:
            shutil.copyfile(path, folder.kept / path.name)
        return
    short = {name: _shortest(one) for name, one in sorted(named.items())}
    save_file(short, folder.kept / WEIGHTS_NAME)


def _are_there(folder: Folder, shape: Shape, named: Mapping[str, Tensor]) -> bool:
    """True when the files hold each of these tensors, each once, under the name it has here."""
    if isinstance(shape, GenericShape):
        return False
    held = [_named(name, shape) for name in folder.held]
    return len(set(held)) == len(held) and set(named) <= set(held)


def _named(name: str, shape: OwnShape) -> str:
    return full_name(name, BY_NAME[shape.kind])


def _shortest(values: Tensor) -> Tensor:
    """The same values in the shortest type that holds them all."""
    for dtype in SHORTS:
        short = values.to(dtype)
        if torch.equal(short.float(), values):
            return short.contiguous()
    return values.contiguous()
