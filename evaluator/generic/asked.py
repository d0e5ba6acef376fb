"""What evaluators ask of a model that transformers computes: evaluator/engine/model.py's questions.

Its figures are near the engine's and not the same everywhere: a matrix library adds up as it likes.
"""

import heapq
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from evaluator.bases.shapes import MEAN
from evaluator.evaluators.form import MOST_NLL_Q32, Q32, Reading, Scored
from evaluator.task.plan import batches
from evaluator.task.slices import Row

DOCUMENT_TOKENS = 2048  # padded tokens of documents that are computed together
SMALLEST = 2.0**-100  # a state of zeros is like nothing


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


@dataclass(frozen=True)
class Weights:
    """A base in memory.

    tensors  float32 by full name; nobody writes to them
    net      what makes the forward over merged weights
    """

    tensors: Mapping[str, Tensor]
    net: Callable[[Mapping[str, Tensor]], Net]


class Asked:
    """A net behind the questions of evaluators/form.py's Model."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self._documents: Sequence[Sequence[int]] = ()
        self._held: Tensor | None = None

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
        if self._held is None or self._documents is not documents:
            self._documents, self._held = documents, self._states(documents, pooling)
        size = torch.linalg.vector_norm(self._held, dim=1).clamp_min(SMALLEST)
        likeness = (self._states(queries, pooling) @ self._held.T) / size  # a query's ranks nothing
        return [_first(row, most) for row in likeness.tolist()]

    def _states(self, ids: Sequence[Sequence[int]], pooling: str) -> Tensor:
        """float32 [texts, hidden]"""
        assert isinstance(self.net, EncoderNet), "Evaluator.fits sees to it"
        plan = batches([(Row(tuple(one)),) for one in ids], budget_tokens=DOCUMENT_TOKENS)
        found = torch.cat([self.net.pooled([ids[one] for one in batch], pooling) for batch in plan])
        states = torch.empty_like(found)
        states[torch.tensor([one for batch in plan for one in batch])] = found
        return states


def scored_rows(logits: Tensor, wanted: Tensor, counts: Sequence[int]) -> list[Scored]:
    """What the logits of many texts' positions say of the tokens that came.

    logits  float32 [positions, vocabulary]
    wanted  int64 [positions]
    counts  positions of each text, in their order
    """
    greedy = (logits.argmax(-1) == wanted).tolist()
    nll = _q32(torch.nn.functional.cross_entropy(logits, wanted, reduction="none"))
    ends = list(accumulate(counts))
    return [
        Scored(tuple(nll[end - count : end]), all(greedy[end - count : end]))
        for count, end in zip(counts, ends, strict=True)
    ]


def _q32(nll: Tensor) -> list[int]:
    """Units of 2^-32 nat; what is no number, or beyond the most, costs the most."""
    most = MOST_NLL_Q32 / Q32
    bounded = torch.nan_to_num(nll.double(), nan=most, posinf=most).clamp(0, most)
    return [int(one) for one in (bounded * Q32).round().tolist()]


def _best(row: Sequence[float]) -> int:
    numbers = [-math.inf if math.isnan(one) else one for one in row]
    return numbers.index(max(numbers))


def _first(row: Sequence[float], most: int) -> list[int]:
    numbers = [-math.inf if math.isnan(one) else one for one in row]
    return heapq.nsmallest(most, range(len(numbers)), key=lambda place: (-numbers[place], place))
