"""The weights of one adapter in fixed point: a linear layer is rounded once, when first needed."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Self

import torch
from torch import Tensor

from evaluator.exact.arithmetic import fixed_by_pass


class FixedWeights:
    """A dictionary of weights, and its matrices in fixed point.

    tensors  float32 or bfloat16 by full name; not owned, not written to
    base     the same base without this adapter: a matrix whose tensors are the very same objects
             there is taken from there, so what no adapter changes is rounded once for all of them
    """

    def __init__(self, tensors: Mapping[str, Tensor], base: Self | None = None) -> None:
        self.tensors = tensors
        self._base = base
        self._matrices: dict[tuple[str, ...], Tensor] = {}
        self._vectors: dict[tuple[str, ...], Tensor] = {}

    def matrix(self, *names: str) -> Tensor:
        """float64 [out, in]: the matrices of these names, one below the other, fixed per row."""
        if names not in self._matrices:
            self._matrices[names] = self._matrix(names)
        return self._matrices[names]

    def vector(self, *names: str) -> Tensor:
        """float64: the vectors of these names, one behind the other, as they are."""
        if names not in self._vectors:
            self._vectors[names] = torch.cat([self.tensors[name] for name in names]).double()
        return self._vectors[names]

    def _matrix(self, names: tuple[str, ...]) -> Tensor:
        base = self._base
        if base is not None and all(self.tensors[one] is base.tensors.get(one) for one in names):
            return base.matrix(*names)
        return _stacked([self.tensors[name] for name in names])


def _stacked(parts: Sequence[Tensor]) -> Tensor:
    heights = [part.shape[0] for part in parts]
    total = torch.empty(
        sum(heights), parts[0].shape[1], dtype=torch.float64, device=parts[0].device
    )
    for part, place in zip(parts, total.split(heights), strict=True):
        fixed_by_pass(place, partial(_piece, part))
    return total


def _piece(part: Tensor, piece: slice) -> Tensor:
    return part[piece].float()
