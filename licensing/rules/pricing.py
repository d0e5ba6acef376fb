"""What a licence for some uses of a work costs, and what it asks for."""

from collections.abc import Sequence
from dataclasses import dataclass

from licensing import errors
from licensing.rules.deed import answer_ends_ms
from licensing.rules.may import (
    MONTH_MS,
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
_NEED_ACCESS = frozenset({Use.DERIVE, Use.COMMERCIAL, Use.TRAIN})
_ARE_ACCESS = frozenset({Use.COPY, Use.DISPLAY, Use.PUBLISH})


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
    work: Work, reading: Reading, uses: Sequence[str], *, now_ms: int, has_access: bool = False
) -> Price:
    """Add up what the terms ask for these uses now.

    The access fee is paid once for copy, display and publish together, and is added to derive,
    commercial and train unless the buyer has access already. A monthly licence runs 30 days.

    raises UseDenied, UsesInvalid, MixedSchedules, MeteringNeeded
    """
    wanted = read_uses(uses)
    asked = _asked(wanted, has_access=has_access)
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
    return Price(
        uses=tuple(use.value for use in wanted),
        price_nano=sum(one.amount_nano for one in prices),
        schedule=schedule,
        conditions=tuple(sorted({one.value for answer in answers for one in answer.conditions})),
        rate_e8=max(one.rate_e8 if isinstance(one, Granted) else 0 for one in answers),
        until_ms=min((end for end in ends if end), default=0),
    )


def read_uses(uses: Sequence[str]) -> tuple[Use, ...]:
    """The uses in the order of `Use`. raises UsesInvalid when one is unknown or twice, or none"""
    if not uses or len(set(uses)) != len(uses) or not _USES.keys() >= set(uses):
        message = f"Choose among {', '.join(_USES)}, each once and at least one."
        raise errors.UsesInvalid(message, uses=list(uses))
    return tuple(use for name, use in _USES.items() if name in uses)


def _asked(wanted: tuple[Use, ...], *, has_access: bool) -> list[Use]:
    """What the terms are asked about: the access uses count once, and may come on top."""
    asked = [use for use in wanted if use not in _ARE_ACCESS]
    needs_access = not has_access and bool(_NEED_ACCESS & set(wanted))
    if needs_access or _ARE_ACCESS & set(wanted):
        asked.append(Use.COPY)
    return asked


def _allowed(use: Use, work: Work, reading: Reading, now_ms: int) -> Granted | Priced:
    answer = may(use, reading, age_ms=now_ms - work.registered_ms)
    if isinstance(answer, Denied):
        message = f"The terms of {work.title} do not allow {use.value} ({answer.reason})."
        raise errors.UseDenied(message, work=work.id, use=use.value, reason=answer.reason)
    if is_metered(use, answer):
        message = f"{work.title} asks for a share of what you earn, which is not measured yet."
        raise errors.MeteringNeeded(message, work=work.id)
    return answer
