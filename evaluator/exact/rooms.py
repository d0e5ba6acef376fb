"""Memory that is used again: fresh memory costs a page fault for each 4 KiB of it."""

import torch
from torch import Tensor


class Rooms:
    """Buffers by name. What is in one lasts until the same name is asked for again."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._flat: dict[str, Tensor] = {}

    def room(self, name: str, rows: int, width: int) -> Tensor:
        """float64 [rows, width] with anything in it."""
        flat = self._flat.get(name)
        if flat is None or flat.numel() < rows * width:
            flat = torch.empty(rows * width, dtype=torch.float64, device=self._device)
            self._flat[name] = flat
        return flat[: rows * width].view(rows, width)
