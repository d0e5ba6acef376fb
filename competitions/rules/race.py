"""The race of a competition's board runs: who is compared with whom, and does a stop follow?

Before the close a stop is checked as far as it can be without the secret order. When the slice is
opened the order follows from its salt, and every stop is judged again by
`evaluator/score/racing.py`.
source  docs/mechanism.md, section 10; docs/algorithms/racing.md
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.messages import Stop
from competitions.rules import records, verdict
from competitions.rules.results import board_slice, mark_of
from competitions.rules.rows import Evaluator, State, Submission
from evaluator.evaluators.form import Metric
from evaluator.registry import metric_named
from evaluator.score import racing
from evaluator.score.racing import MOST_E_VALUE_E3, Look, Race, Reason


@dataclass(frozen=True)
class Track:
    """What a worker needs for a board run in stages.

    order         in which the entry meets the examples: their indexes
    rival         the entry at the last paid place; empty: nobody, so that the run is not stopped
    rival_points  of the rival, in this order
    """

    race: Race
    order: tuple[int, ...]
    rival: str = ""
    rival_points: tuple[int, ...] = ()


FINISHED = frozenset({State.SCORED, State.REVEALED, State.FINAL_SCORED})


def race_of(evaluator: Evaluator) -> Race | None:
    """What the board runs of this task race by; None: there is no race."""
    terms = evaluator.race
    if terms is None:
        return None
    metric = metric_named(evaluator.metric)
    is_right_or_wrong = metric.is_binary and metric.width == metric.points_cap == 1
    return Race(
        evaluator.board_examples,
        terms.block,
        terms.alpha_ppm,
        metric.points_cap,
        is_binary=is_right_or_wrong,
    )


def last_placed(entries: Sequence[Submission], evaluator: Evaluator) -> Submission | None:
    """The entry at the last paid place of the board; None while places are free."""
    places = evaluator.race.places if evaluator.race else 0
    best = _board(entries)
    return best[places - 1] if 0 < places <= len(best) else None


def has_placed(entry: Submission, entries: Sequence[Submission], evaluator: Evaluator) -> bool:
    """True when the entry stands on one of the paid places of the board."""
    places = evaluator.race.places if evaluator.race else 0
    return entry.id in {one.id for one in _board(entries)[:places]}


def track_for(
    entry: Submission, rival: Submission | None, evaluator: Evaluator, secret: bytes
) -> Track | None:
    """How the entry's board run is to be done; None: in one piece, as the task has no race.

    rival  whoever is last placed, with its result; None: the run is not stopped
    """
    race = race_of(evaluator)
    if race is None:
        return None
    order = order_of(entry, evaluator, secret)
    if rival is None or entry.resumed:
        return Track(race, order)
    points = points_of(rival, evaluator)
    return Track(race, order, rival.id, tuple(points[at] for at in order))


def rank_key(entry: Submission) -> tuple[int, int]:
    """What ranks finished entries, the smaller the better: merit, then the earlier commit."""
    return -int(entry.merit), entry.committed_ms


def points_of(entry: Submission, evaluator: Evaluator) -> tuple[int, ...]:
    """The points of a finished entry, example by example as the slice has them."""
    assert entry.result is not None, "a finished entry has a result"
    return mark_of(entry.result, board_slice(evaluator)).points


def stop_from(look: Look, numbers: Sequence[int], *, track: Track, metric: Metric) -> Stop:
    """What a fact tells of a look that stops.

    numbers  the metric's records of every example that was run, in the entry's order
    """
    assert look.reason is not None, "a look that lets go on is no stop"
    kept = numbers[: look.n * metric.width]
    packed = records.pack(kept, is_binary=metric.is_binary)
    told = (track.rival, look.n, track.race.examples, look.e_value_e3, look.reason.value)
    return Stop(*told, packed)


def misform(stop: Stop, rival: Submission, evaluator: Evaluator) -> str:
    """What is wrong with a stop that needs no order to be seen; empty: nothing.

    Enough right answers left would refute a stop by count: that is seen at once, too.
    """
    race = race_of(evaluator)
    if race is None:
        return "this task has no race"
    if stop.examples != race.examples:
        return "the number of examples differs"
    if stop.n % race.block or not 0 < stop.n < race.examples:
        return "there is no look after so many examples"
    try:
        points = stopped_points(stop, evaluator)
    except ValueError as error:
        return str(error)
    return _misjudged(stop, points, rival, evaluator)


def _misjudged(stop: Stop, points: Sequence[int], rival: Submission, evaluator: Evaluator) -> str:
    race = race_of(evaluator)
    assert race is not None, "a stop belongs to a race"
    if not 0 <= stop.e_value_e3 <= MOST_E_VALUE_E3:
        return "the e-value is none"
    if stop.reason == Reason.EVIDENCE:
        is_enough = stop.e_value_e3 >= 10**9 // race.alpha_ppm
        return "" if is_enough else "the e-value is too small"
    best_sum = sum(points) + race.examples - stop.n
    is_lost = not race.is_binary or best_sum < sum(points_of(rival, evaluator))
    return "" if is_lost and stop.reason == Reason.COUNT else "it could still have placed"


def order_of(entry: Submission, evaluator: Evaluator, secret: bytes) -> tuple[int, ...]:
    """The order of an entry, from the secret that seals the slices."""
    return racing.order_of(racing.salt_of(secret), entry.id, evaluator.board_examples)


def opened_order(entry: str, evaluator: Evaluator, salt: str) -> tuple[int, ...]:
    """The order of an entry's board run, for its receipt; empty where runs are not in stages.

    salt  of the opened slice, hex: a receipt of such a run is sealed before the close
    """
    if evaluator.race is None:
        return ()
    assert salt, "orders are secret until the slice is opened"
    return racing.order_of(racing.salt_of(bytes.fromhex(salt)), entry, evaluator.board_examples)


def is_proven(
    entry: Submission, rival: Submission, evaluator: Evaluator, order: Sequence[int]
) -> bool:
    """True when exactly its stop follows from the records, now that the order is known."""
    stop, look = entry.stop, _judged_again(entry, rival, evaluator, order)
    assert stop is not None, "only a stop is proven"
    told = (look.n, look.e_value_e3, look.reason) if look else None
    return told == (stop.n, stop.e_value_e3, stop.reason)


def is_inside_margin(
    entry: Submission, last: Submission | None, evaluator: Evaluator, order: Sequence[int]
) -> bool:
    """True when its records would not have stopped it against whoever is last placed now.

    That can be so when its rival, or somebody above, dropped out. last: None: a place is free.
    A stop whose seal was not opened shows nothing, and neither does a rival without its result.
    """
    if last is None or entry.stop is None or last.result is None:
        return True
    return _judged_again(entry, last, evaluator, order) is None


def _judged_again(
    entry: Submission, rival: Submission, evaluator: Evaluator, order: Sequence[int]
) -> Look | None:
    race = race_of(evaluator)
    assert race is not None, "a stop belongs to a race"
    assert entry.stop is not None, "only a stop is judged again"
    theirs = points_of(rival, evaluator)
    mine = stopped_points(entry.stop, evaluator)
    return racing.verdict(mine, [theirs[at] for at in order], race)


def show_e_value(stop: Stop) -> str:
    """The evidence as it is printed everywhere: "1371.695"."""
    return f"{stop.e_value_e3 // 1000}.{stop.e_value_e3 % 1000:03d}"


def eliminated(entries: Sequence[Submission]) -> list[Submission]:
    """The entries that a race stopped and that were not run in full since."""
    return [one for one in entries if one.state == State.ELIMINATED]


def stopped_points(stop: Stop, evaluator: Evaluator) -> tuple[int, ...]:
    """The points of the examples that were run, in the entry's order. raises ValueError"""
    metric = metric_named(evaluator.metric)
    count = metric.width * stop.n
    numbers = records.unpack(stop.records, count, is_binary=metric.is_binary)
    return tuple(metric.points(numbers))


def _board(entries: Sequence[Submission]) -> list[Submission]:
    """The best finished entry of each owner, best first; copies do not count.

    One whose merit is sealed is not the best of its owner's.
    """
    copied = verdict.copies(entries)
    best: dict[str, Submission] = {}
    shown = [one for one in entries if one.state in FINISHED and one.merit]
    finished = [one for one in shown if one.id not in copied]
    for one in sorted(finished, key=rank_key):
        best.setdefault(one.owner, one)
    return list(best.values())
