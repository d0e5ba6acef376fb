"""An adapter laid over the base: base + scale * B @ A, from a base that is never written to."""

from collections.abc import Mapping

import torch
from torch import Tensor

from evaluator.blob import Part, read_blob


def merged(
    base: Mapping[str, Tensor], blob: bytes, head: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """The weights of base and adapter together, float32 by full name.

    base  the saved weights; shared, not changed: dropping the result restores the base bit by bit
    blob  a canonical adapter blob
    head  name -> shape of the head's tensors, which come from the adapter as they are
    """
    contents, raw = read_blob(blob), bytearray(blob)  # torch wants a writable buffer
    weights, device = dict(base), next(iter(base.values())).device
    for name in head:
        weights[name] = _tensor(raw, contents.parts[name]).to(device)
    for name in contents.parts:
        if name.endswith(".A") and name not in head:
            module = name.removesuffix(".A")
            down, up = (
                _tensor(raw, contents.parts[f"{module}.{side}"]).to(device) for side in "AB"
            )
            saved = base[module + ".weight"]
            weights[module + ".weight"] = torch.addmm(saved, up, down, alpha=contents.scale)
    return weights


def headed(base: Mapping[str, Tensor], head: Mapping[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """The baseline: the base as it is, under a head of zeros."""
    device = next(iter(base.values())).device
    return dict(base) | {name: torch.zeros(shape, device=device) for name, shape in head.items()}


def _tensor(raw: bytearray, part: Part) -> Tensor:
    count = 1
    for size in part.shape:
        count *= size
    flat = torch.frombuffer(raw, dtype=torch.float32, count=count, offset=part.start)
    return flat.clone().view(part.shape)  # a copy: the blob need not be aligned
