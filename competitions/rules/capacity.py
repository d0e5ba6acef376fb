"""Whether a competition's own dates can hold the runs that it is expected to have.

The cost of a run is that of the dry run. Everybody expected is taken to use every run there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from assay.messages import Spec

CHECKS = 2  # final scores are computed by two workers each
SAFETY = 4  # what scoring may take after the close, over what was measured
MOST_PUT_OFF_S = 30 * 86_400  # by which the end of a phase may be put off


@dataclass(frozen=True)
class Costs:
    """How long one run takes, and how many are done at a time."""

    board_ms: int
    final_ms: int
    slots: int


@dataclass(frozen=True)
class Load:
    """What is expected of the workers, and the time that there is for it, in seconds.

    owners  so many are expected
    """

    owners: int
    runs: int
    board_s: int
    board_room_s: int
    final_s: int
    final_room_s: int

    def problems(self) -> Iterator[str]:
        """What does not fit, in words for the sponsor."""
        who = f"{self.owners} owners would"
        if self.board_s > self.board_room_s:
            yield (
                f"{who} make {self.runs} runs, which take {self.board_s} s; from the opening until "
                f"every board score must be there, there are {self.board_room_s} s."
            )
        if self.final_s > self.final_room_s:
            yield (
                f"{who} nominate entries whose final scores take {self.final_s} s; there are "
                f"{self.final_room_s} s for them."
            )


def load_of(spec: Spec, costs: Costs, *, owners: int) -> Load:
    """The load of a competition with so many owners."""
    open_ms = max(0, spec.closes_at_ms - spec.opens_at_ms)
    windows = -(-open_ms // (1000 * spec.window_s))
    runs = owners * spec.quota * windows
    finals = CHECKS * (1 + owners * min(spec.finals, spec.quota * windows))
    return Load(
        owners=owners,
        runs=runs,
        board_s=_seconds(runs, costs.board_ms, costs.slots),
        board_room_s=open_ms // 1000 + spec.reveal_s,
        final_s=_seconds(finals, costs.final_ms, costs.slots),
        final_room_s=spec.verify_s,
    )


def until_ms(from_ms: int, cost_ms: int, slots: int) -> int:
    """When runs that cost so much in all must be done, so that a flood runs no deadline down."""
    takes_s = SAFETY * -(-cost_ms // (1000 * max(1, slots)))
    return from_ms + 1000 * min(takes_s, MOST_PUT_OFF_S)


def _seconds(runs: int, each_ms: int, slots: int) -> int:
    return -(-runs * each_ms // (1000 * max(1, slots)))
