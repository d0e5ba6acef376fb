"""A public run in stages: each is a job of its own, and a race may stop the run after each.

No example is computed twice, and the stages of a finisher are the whole slice. Nothing here is
logged: the order of the examples is secret until the close.
source  docs/algorithms/racing.md
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from competitions.rules.race import Track
from evaluator.evaluators.form import Metric
from evaluator.score import racing
from evaluator.score.racing import Look
from workers.sandbox.protocol import Rows
from workers.sandbox.runner import Outcome

Places = Sequence[int]


@dataclass(frozen=True)
class Staged:
    """What a run in stages came to.

    outcome  of a finisher: with the predictions of all examples, as the slice has them
    look     that stopped it; None: it finished
    numbers  the metric's records of what was run, in the entry's order
    """

    outcome: Outcome
    look: Look | None
    numbers: tuple[int, ...]


def run_stages(
    track: Track,
    metric: Metric,
    compute: Callable[[Places], Outcome],
    records: Callable[[Rows, Places], Sequence[int]],
) -> Staged:
    """Run stage after stage until the slice is done or the race stops it.

    compute  the examples at these places -> an outcome that is whole
    records  predictions and their places -> the metric's whole numbers
    raises   what compute raises
    """
    found: dict[int, Sequence[int]] = {}
    numbers: list[int] = []
    outcomes = []
    for places in racing.stages(track.order, track.race.block):
        outcome = compute(places)
        assert outcome.predictions is not None, "a whole outcome has predictions"
        found |= zip(places, outcome.predictions, strict=True)
        numbers += records(outcome.predictions, places)
        outcomes.append(outcome)
        look = _look(track, metric, numbers)
        if look is not None:
            return Staged(_together(outcomes, None), look, tuple(numbers))
    whole = tuple(tuple(found[place]) for place in range(track.race.examples))
    return Staged(_together(outcomes, whole), None, tuple(numbers))


def _look(track: Track, metric: Metric, numbers: Sequence[int]) -> Look | None:
    if not track.rival:
        return None
    return racing.verdict(metric.points(numbers), track.rival_points, track.race)


def _together(outcomes: Sequence[Outcome], predictions: Rows | None) -> Outcome:
    """One outcome for all stages: times add up, the largest peak counts."""
    return replace(
        outcomes[-1],
        predictions=predictions,
        cpu_s=sum(one.cpu_s for one in outcomes),
        wall_s=sum(one.wall_s for one in outcomes),
        peak_bytes=max(one.peak_bytes for one in outcomes),
    )
