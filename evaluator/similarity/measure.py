"""How like two adapters are, and what follows from it.

Of each layer that both change: how much of the smaller set of directions lies inside of the larger,
beyond what chance gives, among what is written (columns) and what is read (rows); the smaller of
the two counts. Refactoring, scaling, signs, the order of ranks and padding change nothing, and
further directions hide nothing. All numbers are whole millionths, rounded once a layer.
source  docs/algorithms/similarity.md, with worked numbers that the tests execute
"""

from dataclasses import dataclass
from enum import StrEnum
from math import floor

from evaluator.engine.library import library
from evaluator.engine.tensors import Floats
from evaluator.similarity.forms import Form, Layer

E6 = 10**6
DUPLICATE_PPM, DERIVED_PPM = 900_000, 300_000  # of two_sided
COPIED_LAYER_PPM = 500_000  # from here on a layer counts as copied
DERIVED_LAYERS_PPM = 250_000  # of the earlier one's layers


class Kind(StrEnum):
    """What a later adapter is to an earlier one."""

    DUPLICATE = "duplicate"
    DERIVED = "derived"
    INDEPENDENT = "independent"


@dataclass(frozen=True)
class Alike:
    """How like a later adapter is to an earlier one, in millionths.

    two_sided_ppm      the mean over the layers that both change
    copied_layers_ppm  the part of the earlier one's layers that count as copied
    """

    two_sided_ppm: int
    copied_layers_ppm: int

    @property
    def kind(self) -> Kind:
        return kind_of(self.two_sided_ppm, self.copied_layers_ppm)


def kind_of(two_sided_ppm: int, copied_layers_ppm: int) -> Kind:
    """What these two numbers mean; a number on a limit has reached it."""
    if two_sided_ppm >= DUPLICATE_PPM:
        return Kind.DUPLICATE
    if two_sided_ppm >= DERIVED_PPM or copied_layers_ppm >= DERIVED_LAYERS_PPM:
        return Kind.DERIVED
    return Kind.INDEPENDENT


def compare(earlier: Form, later: Form) -> Alike:
    """How like the later adapter is to the earlier one; both of the same base.

    Costs a product of kept x kept numbers per layer and side, and none of d_out x d_in.
    """
    shared = [
        layer_ppm(layer, later[name])
        for name, layer in sorted(earlier.items())
        if layer.kept and name in later and later[name].kept and later[name].size == layer.size
    ]
    if not shared:
        return Alike(0, 0)
    changed = sum(1 for layer in earlier.values() if layer.kept)
    copied = sum(1 for one in shared if one >= COPIED_LAYER_PPM)
    return Alike(sum(shared) // len(shared), E6 * copied // changed)


def layer_ppm(earlier: Layer, later: Layer) -> int:
    """The smaller of both sides' overlaps beyond chance, rounded to the nearest millionth."""
    sides = ((earlier.columns, later.columns), (earlier.rows, later.rows))
    return floor(min(_overlap(one, other) for one, other in sides) * E6 + 0.5)


def _overlap(one: Floats, other: Floats) -> float:
    """0: no more than two random sets of directions share; 1: the smaller lies in the larger."""
    (k, width), other_k = one.shape, other.shape[0]
    chance = max(k, other_k) / width
    if chance >= 1:
        return 0.0
    shared: float = library().engine_shared(width, k, other_k, one.address, other.address)
    found = (shared / min(k, other_k) - chance) / (1 - chance)
    return min(1.0, max(0.0, found))
