"""Do the terms that a miner offers give at least what a competition requires?"""

from typing import NamedTuple

from licensing.rules.may import Answer, Denied, Granted, Use, breakpoints, may
from licensing.rules.reading import Reading
from licensing.rules.terms import Schedule


class Shortfall(NamedTuple):
    """A use that is offered less freely than required, from this age of the work on."""

    use: Use
    wanted: Answer
    offered: Answer
    age_ms: int


def shortfalls(offered: Reading, required: Reading) -> list[Shortfall]:
    """Every use that the offered terms give less freely than the required ones, at any age.

    Denied gives less than priced, priced less than granted; of two prices the same schedule (or
    one payment instead of monthly ones) in the same currency at no more than the amount is as
    free; conditions may only fall away, and a revenue share may not be higher. Empty: they meet.
    """
    ages = sorted({*_ages(offered), *_ages(required)})
    return [found for use in Use if (found := _first(use, offered, required, ages))]


def _ages(reading: Reading) -> list[int]:
    return list(breakpoints(reading.terms)) if reading.terms else [0]


def _first(use: Use, offered: Reading, required: Reading, ages: list[int]) -> Shortfall | None:
    for age_ms in ages:
        wanted, given = may(use, required, age_ms=age_ms), may(use, offered, age_ms=age_ms)
        if not _is_as_free(given, wanted):
            return Shortfall(use, wanted, given, age_ms)
    return None


def _is_as_free(given: Answer, wanted: Answer) -> bool:
    if isinstance(wanted, Denied):
        return True
    if isinstance(given, Denied) or not set(given.conditions) <= set(wanted.conditions):
        return False
    if isinstance(given, Granted):
        return not isinstance(wanted, Granted) or given.rate_e8 <= wanted.rate_e8
    if isinstance(wanted, Granted) or given.currency != wanted.currency:
        return False
    is_schedule_as_free = given.schedule in (wanted.schedule, Schedule.ONE_TIME)
    return is_schedule_as_free and given.amount_nano <= wanted.amount_nano
