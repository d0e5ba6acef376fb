"""An adapter laid over the base with exact products: the same bits on every machine."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from evaluator.blob import Part, read_blob
from evaluator.exact.arithmetic import fixed, passes, product


@torch.inference_mode()
def merged(
    base: Mapping[str, Tensor], blob: bytes, head: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """The weights of base and adapter together, float32 by full name.

    A and B are taken in fixed point, their product is exact, and base + scale * product is rounded
    to float32 once. The rest is as in `evaluator.merge.merged`.

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
            weights[module + ".weight"] = _laid_over(
                base[module + ".weight"], down, up, contents.scale
            )
    return weights


def _laid_over(saved: Tensor, down: Tensor, up: Tensor, scale: float) -> Tensor:
    """float32 saved + scale * up @ down, piece by piece; each element has one rounding at the end.

    saved  [out, in];  down  float32 [rank, in];  up  float32 [out, rank]
    """
    columns, rows = fixed(down.t().contiguous()), fixed(up)
    result = torch.empty(saved.shape, dtype=torch.float32, device=saved.device)
    for piece in passes(*saved.shape):
        change = product(rows[piece], columns).mul_(scale)
        result[piece] = change.add_(saved[piece])
    return result


def _tensor(raw: bytearray, part: Part) -> Tensor:
    flat = torch.frombuffer(
        raw, dtype=torch.float32, count=math.prod(part.shape), offset=part.start
    )
    return flat.clone().view(part.shape)  # a copy: the blob need not be aligned
