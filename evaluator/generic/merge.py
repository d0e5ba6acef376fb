"""An adapter laid over the base: base + scale * B @ A, from a base that is never written to."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from evaluator.blob import Part, read_blob


def laid_over(saved: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """float32 saved + scale * up @ down, by one product.

    saved  [out, in];  down  [rank, in];  up  [out, rank]
    """
    return torch.addmm(saved, up, down, alpha=scale)


def merged(
    base: Mapping[str, Tensor], blob: bytes, head: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """The weights of base and adapter together, float32 by full name.

    base  the saved weights; shared, not changed: dropping the result restores the base bit by bit
    blob  a canonical adapter blob
    head  name -> shape of the head's tensors, which come from the adapter as they are
    """
    contents, raw = read_blob(blob), bytearray(blob)  # torch wants a writable buffer
    weights = dict(base)
    for name in head:
        weights[name] = _tensor(raw, contents.parts[name])
    for name in contents.parts:
        if name.endswith(".A") and name not in head:
            module = name.removesuffix(".A")
            down, up = (_tensor(raw, contents.parts[f"{module}.{side}"]) for side in "AB")
            weights[module + ".weight"] = laid_over(
                base[module + ".weight"], down, up, contents.scale_of(module)
            )
    return weights


def headed(base: Mapping[str, Tensor], head: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """The baseline: the base as it is, under a head of zeros."""
    return dict(base) | {name: torch.zeros(shape) for name, shape in head.items()}


def _tensor(raw: bytearray, part: Part) -> Tensor:
    flat = torch.frombuffer(
        raw, dtype=torch.float32, count=math.prod(part.shape), offset=part.start
    )
    return flat.clone().view(part.shape)  # a copy: the blob need not be aligned
