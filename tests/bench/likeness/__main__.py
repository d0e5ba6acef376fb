"""Calibrate how like two adapters may be: trained ones, and copies of them by every known attack.

    python -m tests.bench.likeness      writes docs/benchmarks/similarity.{md,json,svg}

One thread, fixed seeds. The trainings are real and small; the measure is the one of the site, from
canonical blobs on.
"""

import itertools
import json
import time
from dataclasses import dataclass

from evaluator.engine.library import library
from evaluator.similarity.forms import Form, form_of
from evaluator.similarity.measure import Alike, compare
from tests.bench.likeness import report
from tests.bench.likeness.attacks import copies
from tests.bench.likeness.report import Attack, Pair
from tests.bench.likeness.training import Adapter, Bench, Recipe, benches, loss_of, train
from tests.evaluator.adapters import canonical

ORIGINALS = range(0, 32, 4)
RANKS, RATES = (8, 4, 16), (2e-3, 1e-3)
SAME_SEED = 24  # from this place on trainings begin with the same A


@dataclass(frozen=True)
class Found:
    """What one base gave."""

    honest: list[Pair]
    starters: list[Pair]
    attacks: list[Attack]
    trained: int


def recipes() -> list[Recipe]:
    """32 that differ in what honest people differ in; the originals among them have rank 8."""
    made = []
    for n in range(32):
        seed = 7 if n >= SAME_SEED else 100 + n
        rank = 8 if n >= SAME_SEED or n in ORIGINALS else RANKS[n % 3]
        steps = (20, 30, 40)[n % 3]
        attention = n % 8 == 5
        made.append(Recipe(seed, 500 + n, rank, steps, RATES[n // 2 % 2], attention))
    return made


def of_base(bench: Bench) -> Found:
    honest = [train(bench, recipe)[-1] for recipe in recipes()]
    forms = [_form(one) for one in honest]
    pairs = [
        Pair(bench.name, _is_same_seed(i, j), compare(forms[i], forms[j]))
        for i, j in itertools.combinations(range(len(forms)), 2)
    ]
    attacks = []
    for one in copies(bench, honest, [*ORIGINALS]):
        victim = honest[one.of]
        kept = _kept(bench, victim, one.adapter)
        attacks.append(Attack(bench.name, one.attack, _alike(forms[one.of], one.adapter), kept))
    return Found(pairs, _starters(bench), attacks, len(honest))


def _is_same_seed(*places: int) -> bool:
    return min(places) >= SAME_SEED


def _starters(bench: Bench) -> list[Pair]:
    """Two who run the same starter with the same seed on the same data, one of them for longer."""
    found = []
    for n in range(4):
        short, *_, longer = train(bench, Recipe(900 + n, 900 + n, steps=40))[1:]
        found.append(Pair(bench.name, is_same_seed=True, alike=_alike(_form(short), longer)))
    return found


def _kept(bench: Bench, victim: Adapter, copy: Adapter) -> float:
    """The part of the victim's gain over its own head alone that the copy still has."""
    none = loss_of(bench, {}, victim.head)
    gain = none - loss_of(bench, victim.factors, victim.head)
    return (none - loss_of(bench, copy.factors, copy.head)) / gain


def _alike(earlier: Form, later: Adapter) -> Alike:
    return compare(earlier, _form(later))


def _form(adapter: Adapter) -> Form:
    pairs = adapter.factors.items()
    return form_of(canonical({name: (up.numpy(), down.numpy()) for name, (up, down) in pairs}))


def main() -> None:
    library()
    began_s = time.process_time()
    found = [of_base(bench) for bench in benches()]
    seconds = time.process_time() - began_s
    told = report.told(
        [pair for one in found for pair in one.honest],
        [pair for one in found for pair in one.starters],
        [attack for one in found for attack in one.attacks],
        trained=sum(one.trained for one in found),
    )
    text = json.dumps(told, indent=2, sort_keys=True) + "\n"
    (report.FOLDER / "similarity.json").write_text(text, encoding="utf-8")
    (report.FOLDER / "similarity.md").write_text(report.page(told), encoding="utf-8")
    (report.FOLDER / "similarity.svg").write_text(report.curve(told), encoding="utf-8")
    print(report.page(told))  # noqa: T201 - a command talks
    print(f"{seconds:.0f} s of CPU time")  # noqa: T201 - the same


if __name__ == "__main__":
    main()
