"""What a copier does to somebody's adapter so that it looks like another one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tests.bench.likeness.training import Adapter, Bench, Factors, Recipe, train

Layer = Callable[[Tensor, Tensor, torch.Generator], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Copy:
    """An attack's outcome. of: the place of the copied one among the honest adapters"""

    attack: str
    of: int
    adapter: Adapter


def copies(bench: Bench, honest: list[Adapter], originals: list[int]) -> list[Copy]:
    """Every attack on every original; further training on a quarter of them, as it costs most."""
    made = []
    for at, place in enumerate(originals):
        victim = honest[place]
        chance = torch.Generator().manual_seed(1000 + place)
        for name, change in LAYERS.items():
            made.append(Copy(name, place, _changed(victim, change, chance)))
        other = honest[originals[at - 1]]
        made.append(Copy("half of the layers", place, _half(victim, other)))
        if at % 4 == 0:
            recipe = Recipe(seed=0, order=5000 + place, steps=120)
            later = train(bench, recipe, victim)
            made += [
                Copy(f"trained on {n} steps", place, later[n // 10 - 1]) for n in (10, 60, 120)
            ]
    return made


def _changed(victim: Adapter, change: Layer, chance: torch.Generator) -> Adapter:
    factors: dict[str, tuple[Tensor, Tensor]] = {}
    for name, (up, down) in victim.factors.items():
        made = change(up.double(), down.double(), chance)
        factors[name] = made[0].float(), made[1].float()
    return replace(victim, factors=factors)


def _half(victim: Adapter, other: Adapter) -> Adapter:
    """Every second layer is the victim's, the others are the copier's own."""
    names = sorted(victim.factors)
    own: Factors = other.factors
    mixed = {name: (victim.factors if n % 2 else own)[name] for n, name in enumerate(names)}
    return replace(victim, factors=mixed)


def _noise(deviations: float) -> Layer:
    def change(up: Tensor, down: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        parts = (up, down)
        made = [one + deviations * one.std() * _normal(one.shape, chance) for one in parts]
        return made[0], made[1]

    return change


def _truncated(kept: float) -> Layer:
    def change(up: Tensor, down: Tensor, _: torch.Generator) -> tuple[Tensor, Tensor]:
        u, s, vt = _svd(up, down)
        count = max(1, round(kept * up.shape[1]))
        return u[:, :count] * s[:count], vt[:count]

    return change


def _truncated_and_filled(kept: float) -> Layer:
    """Few directions of the victim's, and weak new ones up to the old rank."""

    def change(up: Tensor, down: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        less = _truncated(kept)(up, down, chance)
        return _decoyed(up.shape[1] - less[0].shape[1], 0.2)(*less, chance)

    return change


def _decoyed(extra: int, norm: float) -> Layer:
    def change(up: Tensor, down: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
        columns = _normal((up.shape[0], extra), chance)
        rows = _normal((extra, down.shape[1]), chance)
        size = norm * torch.linalg.norm(up @ down) / torch.linalg.norm(columns @ rows)
        return torch.hstack([up, columns * size]), torch.vstack([down, rows])

    return change


def _refactored(up: Tensor, down: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    mix = _normal((up.shape[1],) * 2, chance) + 3 * torch.eye(up.shape[1], dtype=torch.float64)
    return up @ mix, torch.linalg.solve(mix, down)


def _permuted(up: Tensor, down: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    order = torch.randperm(up.shape[1], generator=chance)
    return -up[:, order], -down[order]


def _scaled(up: Tensor, down: Tensor, _: torch.Generator) -> tuple[Tensor, Tensor]:
    return up * 37, down / 37


def _padded(up: Tensor, down: Tensor, chance: torch.Generator) -> tuple[Tensor, Tensor]:
    """To twice the rank, by a mix that leaves the product as it is."""
    mix = _normal((up.shape[1], 2 * up.shape[1]), chance)
    return up @ mix, torch.linalg.pinv(mix) @ down


def _svd(up: Tensor, down: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    found = torch.linalg.svd(up @ down, full_matrices=False)
    return found[0], found[1], found[2]


def _normal(shape: tuple[int, ...], chance: torch.Generator) -> Tensor:
    return torch.randn(shape, generator=chance, dtype=torch.float64)


LAYERS: Mapping[str, Layer] = {
    "refactored B M, M^-1 A": _refactored,
    "ranks permuted, signs turned": _permuted,
    "scaled between A and B": _scaled,
    "padded to twice the rank": _padded,
    "truncated to a half": _truncated(0.5),
    "truncated to a quarter": _truncated(0.25),
    "decoys of the same norm": _decoyed(8, 1.0),
    "decoys of a fifth of the norm": _decoyed(8, 0.2),
    "a half kept, filled with weak decoys": _truncated_and_filled(0.5),
    "a quarter kept, filled with weak decoys": _truncated_and_filled(0.25),
    "noise 0.05 sd": _noise(0.05),
    "noise 0.2 sd": _noise(0.2),
    "noise 0.5 sd": _noise(0.5),
    "noise 1.0 sd": _noise(1.0),
}
