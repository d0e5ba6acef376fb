"""Slots: how many runs an owner has in a window, and when the next one is free."""

from collections.abc import Collection, Iterable

from competitions.rules.rows import State, Submission

FREE_REFUSALS = 3  # in a competition; the next ones cost their runs: nobody probes for nothing


def window_of(at_ms: int, *, opens_at_ms: int, window_s: int) -> int:
    """The number of the window that a moment falls in, the first being 0."""
    return (at_ms - opens_at_ms) // (1000 * window_s)


def free_slot(taken: Collection[int], quota: int) -> int | None:
    """The lowest free slot, or None."""
    return next((slot for slot in range(quota) if slot not in taken), None)


def window_ends_ms(window: int, *, opens_at_ms: int, window_s: int) -> int:
    """When the next window, with its fresh slots, begins."""
    return opens_at_ms + (window + 1) * 1000 * window_s


def given_back(mine: Iterable[Submission]) -> int:
    """How many runs an owner has had back after refusals. mine: his entries of a competition"""
    return sum(one.state == State.REFUSED and one.slot is None for one in mine)
