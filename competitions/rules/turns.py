"""Whose scoring run is next, how long one waits, and when a run that failed is tried again.

Each competition has had some of the workers' time, and within it each owner. Who waits with the
least of it is next; whoever had nothing to do meanwhile begins where the others are. So a flood
moves the place of nobody else. The test of a turn is done by the database (queries/queue.py); here
is what it means, for those who wait.
source  start-time fair queueing (Goyal, Vin and Cheng 1996)
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

FIRST_GUESS_MS = 10_000  # of a run whose like was never measured
MOST_PAUSE_S = 3600
LOST_OFTEN = 3  # attempts that nobody came back from; the next one is the last, and alone


def pause_s(attempts: int) -> int:
    """How long nobody takes work that failed so often by our fault: 2, 4, 8 ... up to an hour."""
    return int(min(MOST_PAUSE_S, 2 ** min(attempts, 12)))


class Wait(NamedTuple):
    """How long a run waits until it begins. place: 1 when it is next"""

    place: int
    seconds: int


class Ahead(NamedTuple):
    """Runs that come before another, and how long they take."""

    runs: int
    cost_ms: int


@dataclass(frozen=True)
class Waiting:
    """What a competition has waiting, or an owner in it.

    served_ms  where its next turn begins      first  number of its oldest run
    """

    served_ms: int
    runs: int
    cost_ms: int
    first: int

    def ahead_of(self, turn_ms: int, first: int) -> Ahead:
        """Its runs that begin before a turn of somebody else, whose oldest run is `first`."""
        if not self.runs or turn_ms < self.served_ms:
            return Ahead(0, 0)
        each_ms = max(1, self.cost_ms // self.runs)
        runs, rest_ms = divmod(turn_ms - self.served_ms, each_ms)
        runs = min(self.runs, runs + (rest_ms > 0 or self.first < first))
        return Ahead(runs, runs * each_ms)


def total(parts: Iterable[Ahead]) -> Ahead:
    """All of them together."""
    found = [*parts]
    return Ahead(sum(one.runs for one in found), sum(one.cost_ms for one in found))


def wait_of(ahead: Ahead, running: Ahead, slots: int) -> Wait:
    """What a run waits that has these before it: those that run may have just begun."""
    is_free = ahead.runs + running.runs < slots
    cost_ms = 0 if is_free else (ahead.cost_ms + running.cost_ms) // max(1, slots)
    return Wait(ahead.runs + 1, -(-cost_ms // 1000))
