"""Before anything is pinned: can the references themselves win, and can nothing that knows nothing?

The right answers are given as a model would give them, through the tokenizer, the stops and the
limits, and must reach the metric's best on every row. One same answer everywhere, and the right
answers of other rows, must not.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evaluator.errors import DataUnwinnable
from evaluator.evaluators.form import (
    Context,
    Evaluator,
    Ideal,
    Metric,
    Obstacle,
    Packed,
    Prediction,
    Task,
)

SHOWN_ROWS = 20


@dataclass(frozen=True)
class Oracle:
    """What a slice gives to the right answers, to one same answer, to those of other rows."""

    best_e9: int
    constant_e9: int
    shuffled_e9: int

    @property
    def is_trivial(self) -> bool:
        """True when who knows nothing reaches the best."""
        return self.best_e9 in (self.constant_e9, self.shuffled_e9)


def ask(
    name: str, packed: Packed, evaluator: Evaluator, metric: Metric, task: Task
) -> Oracle | None:
    """Ask the oracle about a slice; None where a metric has no best answer, such as a likelihood.

    raises DataUnwinnable with the rows that no answer can win, and why
    """
    if evaluator.ideal is None or not metric.best:
        return None
    context = Context(packed.units, task.options, task.tokens)

    def score(answers: Sequence[Prediction]) -> int:
        return metric.score_e9(metric.records(answers, packed.labels, context), packed.units)

    ideals = evaluator.ideal(packed, task)
    answers = [one.prediction for one in ideals]
    points = metric.points(metric.records(answers, packed.labels, context))
    _refuse_unwinnable(name, ideals, points, metric)
    best_e9 = score(answers)
    if best_e9 != metric.best_e9:
        raise _unwinnable(name, {}, [_short(metric)], len(answers))
    constant = evaluator.constant(packed, answers)
    return Oracle(best_e9, score(constant), score([*answers[1:], *answers[:1]]))


def ask_all(
    slices: Mapping[str, Packed], evaluator: Evaluator, metric: Metric, task: Task
) -> dict[str, Oracle]:
    """`ask` for each of the slices that it has an answer for; raises DataUnwinnable"""
    found = {name: ask(name, one, evaluator, metric, task) for name, one in slices.items()}
    return {name: one for name, one in found.items() if one is not None}


def trivial(oracles: Mapping[str, Oracle]) -> list[str]:
    """A sentence for each slice that needs no skill."""
    return [
        f"One same answer everywhere, or the right answers of other rows, win the {name} slice: it "
        "asks for no skill, and is not published."
        for name, oracle in oracles.items()
        if oracle.is_trivial
    ]


def _refuse_unwinnable(
    name: str, ideals: Sequence[Ideal], points: Sequence[int], metric: Metric
) -> None:
    lost = {
        row: one.obstacle or _measure(metric)
        for row, (one, point) in enumerate(zip(ideals, points, strict=True), start=1)
        if point < metric.best
    }
    if lost:
        raise _unwinnable(name, lost, list(lost.values()), len(ideals))


def _unwinnable(
    name: str, lost: dict[int, Obstacle], obstacles: Sequence[Obstacle], count: int
) -> DataUnwinnable:
    kinds = Counter(one.kind for one in obstacles)
    worst = max(obstacles, key=lambda one: (kinds[one.kind], one.size))
    row = next((row for row, one in lost.items() if one is worst), 0)
    where = f"{len(lost)} of {count} rows of the {name} slice" if lost else f"The {name} slice"
    which = f" Row {row}:" if row else ""
    return DataUnwinnable(
        f"{where} cannot be won, as the right answer itself does not reach the best."
        f"{which} {worst.problem}.",
        next_step=worst.mend,
        slice=name,
        rows=list(lost)[:SHOWN_ROWS],
        count=len(lost) or count,
        reasons=dict(kinds),
    )


def _measure(metric: Metric) -> Obstacle:
    return Obstacle(
        "metric",
        f"{metric.name} gives this right answer less than its best",
        "Give the row one plain right answer, or choose another metric.",
    )


def _short(metric: Metric) -> Obstacle:
    return Obstacle(
        "short",
        f"{metric.name} counts runs of four words, and the references are all shorter than that "
        "as it finds words",
        "Choose chrf or token_f1 for short texts, or tokenize=char.",
    )
