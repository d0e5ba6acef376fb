"""A base in memory, and a base under an adapter: what evaluators see of our forwards."""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from safetensors import safe_open
from torch import Tensor

from evaluator.bases.rope import FILE_NAME as ROPE_FILE
from evaluator.bases.shapes import MEAN, BertShape, LlamaShape, Shape
from evaluator.evaluators.form import Reading, Scored
from evaluator.exact.arithmetic import fixed, product, total_of_squares
from evaluator.exact.bert import ExactEncoder
from evaluator.exact.llama import ExactDecoder
from evaluator.forward.bert import Encoder
from evaluator.forward.llama import ROPE, Decoder
from evaluator.manifest import EXACT, FAST
from evaluator.plan import batches
from evaluator.slices import Row


@runtime_checkable
class EncoderNet(Protocol):
    """The forward of an encoder over merged weights."""

    def logits(self, ids: Sequence[Sequence[int]], reading: Reading = ...) -> Tensor: ...

    def pooled(self, ids: Sequence[Sequence[int]], pooling: str = ...) -> Tensor: ...


@runtime_checkable
class DecoderNet(Protocol):
    """The forward of a causal language model over merged weights."""

    def logits(self, ids: Sequence[Sequence[int]], reading: Reading = ..., /) -> Tensor: ...

    def scored(self, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Scored]: ...

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]: ...


Net = EncoderNet | DecoderNet
DOCUMENT_TOKENS = 2048  # padded tokens of documents that are computed together
SMALLEST = 2.0**-100  # a state of zeros is like nothing


@dataclass(frozen=True)
class Weights:
    """A base in memory.

    tensors  float32 by full name; nobody writes to them
    nets     mode -> what makes the forward over merged weights; a base may lack "exact"
    """

    tensors: Mapping[str, Tensor]
    nets: Mapping[str, Callable[[Mapping[str, Tensor]], Net]]


def read_tensors(folder: Path, *, device: str = "cpu") -> dict[str, Tensor]:
    """The float tensors of a base's safetensors files as they are named there; bf16 is widened.

    They are read in the calling thread. Callers have verified the folder (`bases.folder_of`).
    """
    found: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt", device="cpu") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return {name: one.float().to(device) for name, one in found.items() if one.is_floating_point()}


def own_weights(folder: Path, shape: BertShape | LlamaShape, *, device: str = "cpu") -> Weights:
    """A base of a family that we compute ourselves."""
    tensors = {
        full_name(name, shape): one for name, one in read_tensors(folder, device=device).items()
    }
    if isinstance(shape, LlamaShape):
        tensors[ROPE] = _rope(folder, shape).to(device)
        return Weights(
            tensors,
            {FAST: lambda one: Decoder(one, shape), EXACT: lambda one: ExactDecoder(one, shape)},
        )
    return Weights(
        tensors,
        {FAST: lambda one: Encoder(one, shape), EXACT: lambda one: ExactEncoder(one, shape)},
    )


class Asked:
    """A net behind the questions of evaluators/form.py's Model."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self._documents: Sequence[Sequence[int]] = ()
        self._held: tuple[Tensor, Tensor] | None = None

    def classes(self, ids: Sequence[Sequence[int]], reading: Reading) -> list[int]:
        return [_best(row) for row in self.net.logits(ids, reading).tolist()]

    def scored(self, rows: Sequence[Row]) -> list[Scored]:
        assert isinstance(self.net, DecoderNet), "Evaluator.fits sees to it"
        return self.net.scored([row.ids for row in rows], [row.start for row in rows])

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        assert isinstance(self.net, DecoderNet), "Evaluator.fits sees to it"
        return self.net.continued(ids, most=most, ends=ends)

    def nearest(
        self,
        queries: Sequence[Sequence[int]],
        documents: Sequence[Sequence[int]],
        *,
        most: int,
        pooling: str = MEAN,
    ) -> list[list[int]]:
        held, sizes = self._kept(documents, pooling)
        likeness = product(self._states(queries, pooling), held).div_(
            sizes.T
        )  # a query's own ranks nothing
        order = likeness.sort(dim=-1, descending=True, stable=True).indices
        return [[int(place) for place in row] for row in order[:, :most].tolist()]

    def _kept(self, documents: Sequence[Sequence[int]], pooling: str) -> tuple[Tensor, Tensor]:
        """Each document's state and size, once: every batch of queries brings the same list."""
        if self._held is None or self._documents is not documents:
            plan = batches([(Row(tuple(one)),) for one in documents], budget_tokens=DOCUMENT_TOKENS)
            found = torch.cat(
                [self._states([documents[one] for one in batch], pooling) for batch in plan]
            )
            places = torch.tensor([one for batch in plan for one in batch], device=found.device)
            states = torch.empty_like(found)
            states[places] = found
            self._documents = documents
            self._held = states, total_of_squares(states).sqrt_().clamp_min_(SMALLEST)
        return self._held

    def _states(self, ids: Sequence[Sequence[int]], pooling: str) -> Tensor:
        """float64 [texts, hidden]: states in fixed point, so that their products are exact."""
        assert isinstance(self.net, EncoderNet), "Evaluator.fits sees to it"
        return fixed(self.net.pooled(ids, pooling).double())


def _best(row: list[float]) -> int:
    numbers = [-math.inf if math.isnan(one) else one for one in row]
    return numbers.index(max(numbers))


def full_name(name: str, shape: Shape) -> str:
    """Names as the manifest's targets have them, however the file was saved."""
    if isinstance(shape, BertShape):
        return name if name.startswith("bert.") else f"bert.{name}"
    return name if name.startswith(("model.", "lm_head.")) else f"model.{name}"


def _rope(folder: Path, shape: LlamaShape) -> Tensor:
    """float32 [2, positions, head_dim / 2]"""
    raw = bytearray((folder / ROPE_FILE).read_bytes())
    table = torch.frombuffer(raw, dtype=torch.float32)
    return table.view(2, shape.positions, shape.head_dim // 2)
