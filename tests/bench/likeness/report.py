"""What a calibration came to: as JSON, as a page, and as the curve of both errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from evaluator.similarity.measure import DERIVED_PPM, DUPLICATE_PPM, Alike, Kind

FOLDER = Path(__file__).resolve().parents[3] / "docs" / "benchmarks"
KEPT = 0.5  # of the victim's gain: what has less is no use to a copier
E6 = 10**6
SIDE, EDGE = 320, 50  # of the curve, in pixels


@dataclass(frozen=True)
class Pair:
    """Two honest adapters of one base. is_same_seed: both began with the same A"""

    base: str
    is_same_seed: bool
    alike: Alike


@dataclass(frozen=True)
class Attack:
    """A copy. kept: the part of the victim's gain in loss that it still has"""

    base: str
    name: str
    alike: Alike
    kept: float

    @property
    def is_worth_it(self) -> bool:
        return self.kept >= KEPT

    @property
    def is_found(self) -> bool:
        return self.alike.kind is not Kind.INDEPENDENT


def told(
    honest: Sequence[Pair], starters: Sequence[Pair], attacks: Sequence[Attack], *, trained: int
) -> dict[str, Any]:
    """Everything that the page and the curve show."""
    worth = [one for one in attacks if one.is_worth_it]
    return {
        "trained": trained,
        "copies": len(attacks),
        "copies_worth_it": len(worth),
        "found": sum(one.is_found for one in worth),
        "found_of_all": sum(one.is_found for one in attacks),
        "honest": [_row(honest, base, same) for base in _bases(honest) for same in (False, True)],
        "same_starter": [_row(starters, base, is_same_seed=True) for base in _bases(starters)],
        "attacks": [_attack_row(attacks, name) for name in dict.fromkeys(a.name for a in attacks)],
        "roc": _roc([one.alike for one in honest], [one.alike for one in worth]),
    }


def page(told: dict[str, Any]) -> str:
    """The page of the benchmark."""
    return TEXT.format(
        **told,
        share=100 * told["found"] / told["copies_worth_it"],
        kept=round(100 * KEPT),
        missed=_missed(told["attacks"]),
        honest_table=_table(told["honest"]),
        starter_table=_table(told["same_starter"]),
        attack_table=_table(told["attacks"]),
    )


def _missed(attacks: Sequence[dict[str, Any]]) -> str:
    """Which attacks work, in a sentence."""
    missed = [one for one in attacks if one["found of those"] < one["worth it"]]
    told = [f"{one['attack']} ({one['found of those']} of {one['worth it']})" for one in missed]
    if not told:
        return "No attack gets through."
    return f"What gets through: {', '.join(told)}. Every copy of all other attacks is found."


def curve(told: dict[str, Any]) -> str:
    """The share of copies found over the share of honest pairs that are called copies, as SVG."""
    size = SIDE + 2 * EDGE
    points = " ".join(f"{_x(p['honest']):.1f},{_y(p['copies']):.1f}" for p in told["roc"])
    marks = [p for p in told["roc"] if p["limit_ppm"] in (DERIVED_PPM, DUPLICATE_PPM)]
    dots = "".join(
        f'<circle cx="{_x(p["honest"]):.1f}" cy="{_y(p["copies"]):.1f}" r="4"/>'
        f'<text x="{_x(p["honest"]) + 8:.1f}" y="{_y(p["copies"]) + 14:.1f}">'
        f"two-sided {p['limit_ppm'] / E6:.2f}</text>"
        for p in marks
    )
    low, high = EDGE, EDGE + SIDE
    frame = f'<path d="M{low},{low} V{high} H{high}" fill="none" stroke="#555"/>'
    line = f'<polyline points="{points}" fill="none" stroke="#06c" stroke-width="2"/>'
    words = (
        f'<text x="{low}" y="{high + 18}">0</text><text x="{high - 8}" y="{high + 18}">1</text>'
        f'<text x="{low - 14}" y="{low + 4}">1</text>'
        f'<text x="{low + 40}" y="{high + 36}">honest pairs called copies</text>'
        f'<text x="{low}" y="{low - 14}">copies found</text>'
    )
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}" role="img"'
    style = "font-family='sans-serif' font-size='12' aria-label='Copies found, honest pairs called'"
    back = f'<rect width="{size}" height="{size}" fill="#fff"/>'
    return f"{head} {style}>{back}{frame}{line}{dots}{words}</svg>\n"


def _x(share: float) -> float:
    return EDGE + SIDE * share


def _y(share: float) -> float:
    return EDGE + SIDE * (1 - share)


def _bases(pairs: Sequence[Pair]) -> list[str]:
    return list(dict.fromkeys(one.base for one in pairs))


def _row(pairs: Sequence[Pair], base: str, is_same_seed: bool) -> dict[str, Any]:
    found = [p.alike for p in pairs if (p.base, p.is_same_seed) == (base, is_same_seed)]
    return {
        "base": base,
        "same first A": "yes" if is_same_seed else "no",
        "pairs": len(found),
        **_figures(found),
        "most layers": f"{max(one.copied_layers_ppm for one in found) / E6:.2f}",
    }


def _attack_row(attacks: Sequence[Attack], name: str) -> dict[str, Any]:
    mine = [one for one in attacks if one.name == name]
    worth = [one for one in mine if one.is_worth_it]
    return {
        "attack": name,
        "copies": len(mine),
        "gain kept": f"{median(one.kept for one in mine):.2f}",
        **_figures([one.alike for one in mine]),
        "worth it": len(worth),
        "found of those": sum(one.is_found for one in worth),
    }


def _figures(found: Sequence[Alike]) -> dict[str, Any]:
    sides = [one.two_sided_ppm / E6 for one in found]
    kinds = [one.kind for one in found]
    return {
        "least": f"{min(sides):.3f}",
        "median": f"{median(sides):.3f}",
        "most": f"{max(sides):.3f}",
        "duplicate": kinds.count(Kind.DUPLICATE),
        "derived": kinds.count(Kind.DERIVED),
    }


def _roc(honest: Sequence[Alike], copies: Sequence[Alike]) -> list[dict[str, Any]]:
    """By the limit on two_sided alone, from strict to mild."""
    limits = sorted({E6 + 1, 0, DERIVED_PPM, DUPLICATE_PPM, *range(0, E6, 20_000)}, reverse=True)
    return [
        {"limit_ppm": limit, "honest": _share(honest, limit), "copies": _share(copies, limit)}
        for limit in limits
    ]


def _share(found: Sequence[Alike], limit: int) -> float:
    return round(sum(one.two_sided_ppm >= limit for one in found) / len(found), 4)


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [" | ".join(rows[0]), " | ".join("---" for _ in rows[0])]
    lines += [" | ".join(str(value) for value in row.values()) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


TEXT = """# Similarity: trained adapters, and copies of them

Written by `make calibrate-similarity`. {trained} adapters are trained for one task on two
bases: which library a docstring is from, on MiniLM (its last two layers) and on a small
Llama-shaped base of random weights. They differ in seed, rank (4, 8, 16), rate, steps (20 or
30), the half of the data that they see, and which layers they change. Then each attack copies
some of them. The measure is [algorithms/similarity.md](../algorithms/similarity.md), from
canonical adapters on. Loss is cross-entropy on texts that no training saw.

{found} of {copies_worth_it} copies that keep {kept} % of the victim's gain or more are found
({share:.1f} %), as a duplicate or as derived; {found_of_all} of all {copies}. {missed}

## Honest pairs

All pairs of two trainings on one base, by `two_sided`. Some began with the same A: then they
share what they read.

{honest_table}

## The same starter, run for longer

Two who run one starter script with the same seed on the same data do the same training, and
differ only in how long. They are no independent work, and are not taken for it.

{starter_table}

## Copies

Gain kept is the median part of the victim's gain in loss over its head alone; a copy with less
than {kept} % of it is not worth entering.

{attack_table}

## Both errors

![Copies found over honest pairs called copies, by the limit on two-sided](similarity.svg)

The curve has the limit on `two_sided` alone; the two dots are the limits of the rule.
"""
