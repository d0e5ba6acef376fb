"""What lists of the works show and searches go by: plain values, from the terms."""

from dataclasses import dataclass
from itertools import pairwise

from licensing.rules.may import Use, breakpoints
from licensing.rules.offer import Subject, offer
from licensing.rules.reading import Reading

E9 = 10**9


@dataclass(frozen=True)
class Measured:
    """How a contest measured an adapter; its final figures.

    competition, entry  their ids;  title: of the competition;  manifest: SHA-256 of the task
    score_e9            parts of 10^9; low_e9, high_e9: its 95 % interval, where the metric has one
    baseline_e9         of the base alone, on the same final slice
    """

    competition: str
    entry: str
    title: str
    manifest: str
    base: str
    evaluator: str
    metric: str
    score_e9: int
    low_e9: int | None
    high_e9: int | None
    baseline_e9: int


@dataclass(frozen=True)
class Span:
    """A use that the terms give from `from_ms` (0: from the start) until `until_ms` (0: for ever).

    price_nano  0 when it is given for nothing; with the access that it needs
    """

    use: str
    from_ms: int
    until_ms: int
    price_nano: int


def spans(reading: Reading, registered_ms: int) -> tuple[Span, ...]:
    """Every use that the terms ever give or sell, and when."""
    if reading.terms is None:
        return ()
    ages = [*breakpoints(reading.terms)]
    return tuple(span for use in Use for span in _spans_of(use, reading, registered_ms, ages))


def search_text(title: str, owner: str, work: str, measured: Measured | None) -> str:
    """What a text is looked for in: small letters."""
    told = (measured.title, measured.competition, measured.base) if measured else ()
    return " ".join((title, owner, *told, work)).lower()


def score_e9(text: str) -> int:
    """`0.85` -> 850000000; text: digits, at most one point with at most nine behind it."""
    whole, _, part = text.lstrip("-").partition(".")
    size = int(whole) * E9 + int(part.ljust(9, "0"))
    return -size if text.startswith("-") else size


def _spans_of(use: Use, reading: Reading, registered_ms: int, ages: list[int]) -> list[Span]:
    """The spans of one use; neighbours with one price are one."""
    found: list[Span] = []
    for age_ms, end_ms in pairwise([*ages, 0]):
        given = offer(Subject(reading), (use.value,), now_ms=age_ms)
        if given.reason:
            continue
        price_nano = given.price_nano
        from_ms = registered_ms + age_ms if age_ms else 0  # a negative age counts as none
        until_ms = registered_ms + end_ms if end_ms else 0
        last = found[-1] if found else None
        if last and (last.until_ms, last.price_nano) == (from_ms, price_nano):
            found[-1] = Span(use.value, last.from_ms, until_ms, price_nano)
        else:
            found.append(Span(use.value, from_ms, until_ms, price_nano))
    return found
