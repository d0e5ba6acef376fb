"""What a licence for some uses of a work costs, and what it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

from licensing import errors
from licensing.rules.deed import answer_ends_ms
from licensing.rules.may import (
    ARE_ACCESS,
    MONTH_MS,
    NEED_ACCESS,
    SETTLED_HERE,
    Denied,
    Granted,
    Priced,
    Use,
    is_metered,
    may,
)
from licensing.rules.reading import Reading
from licensing.rules.rows import Work
from licensing.rules.terms import Schedule

_USES = {use.value: use for use in Use}


@dataclass(frozen=True)
class Access:
    """What a buyer holds of a work's access. uses: of copy, display, publish; until_ms: 0 no end"""

    uses: frozenset[str]
    until_ms: int


@dataclass(frozen=True)
class Price:
    """The whole price of a licence, and what it asks for.

    uses      in the order of `Use`;  conditions: sorted;  rate_e8: the highest revenue share
    until_ms  when the first period that gives one of the uses ends, or the term, or the month that
              is paid for; 0 when the licence has no end
    """

    uses: tuple[str, ...]
    price_nano: int
    schedule: Schedule
    conditions: tuple[str, ...]
    rate_e8: int
    until_ms: int


def price(
    work: Work, reading: Reading, uses: Sequence[str], *, now_ms: int, access: Access | None = None
) -> Price:
    """Add up what the terms ask for these uses now.

    The access fee is paid once, for copy, display and publish together, and is added to derive,
    commercial and train: such a licence gives access as well. Whose access is paid for already does
    not pay for it again, and the licence ends when that access does. Who asks again for a use of
    access that is held renews it, and pays. A monthly licence runs 30 days.

    raises UseDenied, UsesInvalid, MixedSchedules, MeteringNeeded
    """
    wanted = read_uses(uses)
    fee = may(Use.COPY, reading, age_ms=now_ms - work.registered_ms)
    held = access if isinstance(fee, Priced) else None
    asked = _asked(wanted, held)
    if isinstance(fee, Priced) and Use.COPY in asked and not ARE_ACCESS & set(wanted):
        wanted = (Use.COPY, *wanted)
    answers = [_allowed(use, work, reading, now_ms) for use in asked]
    prices = [answer for answer in answers if isinstance(answer, Priced)]
    schedules = {one.schedule for one in prices} or {Schedule.ONE_TIME}
    if len(schedules) > 1:
        message = "Some of these uses are paid once, others every month."
        raise errors.MixedSchedules(message, work=work.id, uses=list(uses))
    schedule = schedules.pop()
    moment = (work.registered_ms, now_ms, SETTLED_HERE)
    given = zip(asked, answers, strict=True)
    ends = [answer_ends_ms(use, answer, reading, moment) for use, answer in given]
    ends += [now_ms + MONTH_MS] if schedule == Schedule.MONTHLY else []
    ends += [held.until_ms] if held and Use.COPY not in asked else []
    rates_e8 = [one.rate_e8 for one in answers if isinstance(one, Granted)]
    return Price(
        uses=tuple(use.value for use in wanted),
        price_nano=sum(one.amount_nano for one in prices),
        schedule=schedule,
        conditions=tuple(sorted({one.value for answer in answers for one in answer.conditions})),
        rate_e8=max(rates_e8, default=0),
        until_ms=min((end for end in ends if end), default=0),
    )


def read_uses(uses: Sequence[str]) -> tuple[Use, ...]:
    """The uses in the order of `Use`. raises UsesInvalid when one is unknown or twice, or none"""
    if not uses or len(set(uses)) != len(uses) or not _USES.keys() >= set(uses):
        message = f"Choose among {', '.join(_USES)}, each once and at least one."
        raise errors.UsesInvalid(message, uses=list(uses))
    return tuple(use for name, use in _USES.items() if name in uses)


def _asked(wanted: tuple[Use, ...], held: Access | None) -> list[Use]:
    """What the terms are asked about: the access uses count once, and may come on top."""
    asked = [use for use in wanted if use not in ARE_ACCESS]
    mine = ARE_ACCESS & set(wanted)
    pays = bool(mine & set(held.uses)) if held else bool(mine or NEED_ACCESS & set(wanted))
    return [*asked, Use.COPY] if pays else asked


def _allowed(use: Use, work: Work, reading: Reading, now_ms: int) -> Granted | Priced:
    answer = may(use, reading, age_ms=now_ms - work.registered_ms)
    if isinstance(answer, Denied):
        message = f"The terms of {work.title} do not allow {use.value} ({answer.reason})."
        raise errors.UseDenied(message, work=work.id, use=use.value, reason=answer.reason)
    if is_metered(use, answer):
        message = f"{work.title} asks for a share of what you earn, which is not measured yet."
        raise errors.MeteringNeeded(message, work=work.id)
    return answer
