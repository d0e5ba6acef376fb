"""Token lists of different lengths as one table."""

from collections.abc import Sequence

import torch
from torch import Tensor


def padded(ids: Sequence[Sequence[int]], device: torch.device) -> tuple[Tensor, Tensor]:
    """int64 [batch, longest] with zeros at the right, and bool of the same shape: real tokens."""
    longest = max(map(len, ids))
    rows = torch.tensor([[*line, *[0] * (longest - len(line))] for line in ids], device=device)
    lengths = torch.tensor([len(line) for line in ids], device=device)
    return rows, torch.arange(longest, device=device) < lengths[:, None]
