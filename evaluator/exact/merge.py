"""An adapter laid over the base with exact products: the same bits on every machine."""

from collections.abc import Mapping

import torch
from torch import Tensor

from evaluator import merge
from evaluator.exact.arithmetic import fixed, passes, product


@torch.inference_mode()
def merged(
    base: Mapping[str, Tensor], blob: bytes, head: Mapping[str, tuple[int, ...]]
) -> dict[str, Tensor]:
    """As `evaluator.merge.merged`, but for the product of A and B.

    A and B are taken in fixed point, their product is exact, and base + scale * product is rounded
    to float32 once.
    """
    return merge.merged(base, blob, head, lay=_laid_over)


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
