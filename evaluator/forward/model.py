"""A base under an adapter, ready to be asked: what evaluators see of our forwards."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn

from evaluator.bases.rope import FILE_NAME as ROPE_FILE
from evaluator.bases.shapes import BertShape, GenericShape, LlamaShape, Shape
from evaluator.evaluators.form import Scored
from evaluator.forward import generic
from evaluator.forward.bert import Encoder
from evaluator.forward.generic import Generic
from evaluator.forward.llama import ROPE, Decoder
from evaluator.plan import batches
from evaluator.slices import Row

Net = Encoder | Decoder | Generic
DOCUMENT_TOKENS = 2048  # padded tokens of documents that are computed together


@dataclass(frozen=True)
class Weights:
    """A base in memory: float32 tensors by full name. Nobody writes to them.

    module  of a generic base only: transformers' modules over the same tensors
    """

    tensors: dict[str, Tensor]
    module: nn.Module | None = None


def read_weights(folder: Path, shape: Shape, *, device: str = "cpu") -> Weights:
    """The safetensors files of a base's folder, read in the calling thread; bf16 is widened.

    Callers have verified the folder (`bases.folder_of`).
    """
    found: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt", device="cpu") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    tensors = {
        _full_name(name, shape): one.float().to(device)
        for name, one in found.items()
        if one.is_floating_point()
    }
    if isinstance(shape, LlamaShape):
        tensors[ROPE] = _rope(folder, shape).to(device)
    if isinstance(shape, GenericShape):
        return _generic(folder, shape, tensors, device)
    return Weights(tensors)


def net_of(weights: dict[str, Tensor], base: Weights, shape: Shape) -> Net:
    """The fast forward of the base's family over merged weights."""
    if isinstance(shape, BertShape):
        return Encoder(weights, shape)
    if isinstance(shape, LlamaShape):
        return Decoder(weights, shape)
    assert base.module is not None, "a generic base has modules"
    return Generic(base.module, weights, shape)


class Asked:
    """A net behind the questions of evaluators/form.py's Model."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self._documents: Sequence[Sequence[int]] = ()
        self._held: Tensor | None = None

    def classes(self, ids: Sequence[Sequence[int]]) -> list[int]:
        return [_best(row) for row in self.net.logits(ids).tolist()]

    def scored(self, rows: Sequence[Row]) -> list[Scored]:
        assert not isinstance(self.net, Encoder), "an encoder predicts no next token"
        return self.net.scored([row.ids for row in rows], [row.start for row in rows])

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        assert not isinstance(self.net, Encoder), "an encoder predicts no next token"
        return self.net.continued(ids, most=most, ends=ends)

    def nearest(
        self, queries: Sequence[Sequence[int]], documents: Sequence[Sequence[int]], *, most: int
    ) -> list[list[int]]:
        asked, held = self._states(queries), self._kept(documents)
        order = (asked @ held.T).sort(dim=-1, descending=True, stable=True).indices
        return [[int(place) for place in row] for row in order[:, :most].tolist()]

    def _kept(self, documents: Sequence[Sequence[int]]) -> Tensor:
        """The documents' states: computed once, as every batch of queries brings the same list."""
        if self._held is None or self._documents is not documents:
            plan = batches([(Row(tuple(one)),) for one in documents], budget_tokens=DOCUMENT_TOKENS)
            states = torch.cat([self._states([documents[one] for one in batch]) for batch in plan])
            places = torch.tensor([one for batch in plan for one in batch], device=states.device)
            self._documents, self._held = documents, torch.empty_like(states)
            self._held[places] = states
        return self._held

    def _states(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [texts, hidden]: mean states of length 1."""
        assert not isinstance(self.net, Decoder), "a decoder has no mean state"
        return nn.functional.normalize(self.net.pooled(ids), dim=-1)


def _best(row: list[float]) -> int:
    numbers = [-math.inf if math.isnan(one) else one for one in row]
    return numbers.index(max(numbers))


def _full_name(name: str, shape: Shape) -> str:
    """Names as the manifest's targets have them, however the file was saved."""
    if isinstance(shape, BertShape):
        return name if name.startswith("bert.") else f"bert.{name}"
    if isinstance(shape, LlamaShape):
        is_whole = name.startswith(("model.", "lm_head."))
        return name if is_whole else f"model.{name}"
    return name


def _rope(folder: Path, shape: LlamaShape) -> Tensor:
    """float32 [2, positions, head_dim / 2]"""
    raw = bytearray((folder / ROPE_FILE).read_bytes())
    table = torch.frombuffer(raw, dtype=torch.float32)
    return table.view(2, shape.positions, shape.head_dim // 2)


def _generic(folder: Path, shape: GenericShape, tensors: dict[str, Tensor], device: str) -> Weights:
    """Modules that hold the base's values, and those values by the manifest's names."""
    module = generic.skeleton(folder, shape)
    own = {name for name, _ in module.named_parameters()}
    stem = f"{module.base_model_prefix}."
    held = {name if name in own else name.removeprefix(stem): one for name, one in tensors.items()}
    missing = own & set(module.load_state_dict(held, strict=False).missing_keys)
    module.tie_weights()
    assert not missing - _tied(module), f"the base lacks {sorted(missing)[:3]}"
    module.to(device)
    prefix = generic.ENCODER_PREFIX if shape.kind == "encoder" else ""
    return Weights({prefix + name: one.data for name, one in module.named_parameters()}, module)


def _tied(module: nn.Module) -> set[str]:
    return set(getattr(module, "_tied_weights_keys", None) or ())
