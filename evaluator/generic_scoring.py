"""The scorer of bases that transformers computes: evaluator/scoring.py with another way to load.

A module of its own, because it imports transformers, which takes seconds that no other base needs.
"""

from pathlib import Path

from evaluator.bases.reading import read_shape
from evaluator.bases.shapes import GenericShape
from evaluator.device import need_device
from evaluator.forward import generic
from evaluator.forward.model import Weights
from evaluator.scoring import predict, waken

__all__ = ["load_base", "predict"]


def load_base(folder: Path, *, device: str = "cpu") -> Weights:
    """Build the base's modules, fill them in the calling thread, and wake the kernels up."""
    shape = read_shape(folder)
    assert isinstance(shape, GenericShape), "bases.Base.scorer names the scorer"
    weights = generic.weights_of(folder, shape, device=need_device(device))
    waken(weights)
    return weights
