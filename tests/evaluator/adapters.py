"""Low-rank updates that nobody trained, as canonical adapters. Their values come from a seed."""

from collections.abc import Mapping

import numpy as np

from evaluator.blob import write_blob
from tests.evaluator.makers import pseudo

Factors = Mapping[str, tuple[np.ndarray, np.ndarray]]  # module -> B [d_out, r], A [r, d_in]


def canonical(factors: Factors, *, scale: float = 2.0) -> bytes:
    """The blob of these factors, as float32."""
    tensors = {}
    for name, (up, down) in factors.items():
        tensors[f"{name}.A"] = (down.shape, down.astype("<f4").tobytes())
        tensors[f"{name}.B"] = (up.shape, up.astype("<f4").tobytes())
    rank = max(up.shape[1] for up, _ in factors.values())
    return write_blob(rank, scale, tensors)


def factors(
    seed: str, *, rank: int = 4, layers: int = 3, size: tuple[int, int] = (96, 64)
) -> Factors:
    """An adapter that nobody trained: its directions are any."""
    d_out, d_in = size
    return {
        f"layer{n}": (pseudo(f"{seed}/{n}/B", (d_out, rank)), pseudo(f"{seed}/{n}/A", (rank, d_in)))
        for n in range(layers)
    }
