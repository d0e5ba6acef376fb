"""What a base gives: honest trainings, all their pairs, and each copy with what it still does."""

import itertools
import sys
import time
from dataclasses import dataclass

from evaluator.similarity.forms import Form, form_of
from evaluator.similarity.measure import Alike, compare
from tests.bench.likeness.attacks import copies
from tests.bench.likeness.report import Attack, Pair
from tests.bench.likeness.training import Adapter, Bench, Recipe, bench_of, loss_of, train
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
        steps = (20, 30)[n % 2]
        attention = n % 8 == 5
        made.append(Recipe(seed, 500 + n, rank, steps, RATES[n // 2 % 2], attention))
    return made


def of_base(base: str) -> Found:
    bench = bench_of(base)
    honest = []
    for recipe in recipes():
        honest.append(train(bench, recipe)[-1])
        _tell(f"{base}: {len(honest)} trained")
    forms = [_form(one) for one in honest]
    pairs = [
        Pair(bench.name, _is_same_seed(i, j), compare(forms[i], forms[j]))
        for i, j in itertools.combinations(range(len(forms)), 2)
    ]
    _tell(f"{base}: copying")
    originals = {place: _gain(bench, honest[place]) for place in ORIGINALS}
    attacks = []
    for one in copies(bench, honest, [*ORIGINALS]):
        none, gain = originals[one.of]
        kept = (none - loss_of(bench, one.adapter.factors, one.adapter.head)) / gain
        attacks.append(Attack(bench.name, one.attack, _alike(forms[one.of], one.adapter), kept))
    return Found(pairs, _starters(bench), attacks, len(honest))


def _tell(what: str) -> None:
    sys.stderr.write(f"{time.process_time():6.0f} s  {what}\n")


def _is_same_seed(*places: int) -> bool:
    return min(places) >= SAME_SEED


def _starters(bench: Bench) -> list[Pair]:
    """Two who run the same starter with the same seed on the same data, one of them for longer."""
    found = []
    for n in range(4):
        short, *_, longer = train(bench, Recipe(900 + n, 900 + n, steps=40))[1:]
        found.append(Pair(bench.name, is_same_seed=True, alike=_alike(_form(short), longer)))
    return found


def _gain(bench: Bench, victim: Adapter) -> tuple[float, float]:
    """The loss of the victim's head alone, and how much less it is with the adapter."""
    none = loss_of(bench, {}, victim.head)
    return none, none - loss_of(bench, victim.factors, victim.head)


def _alike(earlier: Form, later: Adapter) -> Alike:
    return compare(earlier, _form(later))


def _form(adapter: Adapter) -> Form:
    pairs = adapter.factors.items()
    return form_of(canonical({name: (up.numpy(), down.numpy()) for name, (up, down) in pairs}))
