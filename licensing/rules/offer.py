"""What somebody gets of a work, and for what: the one function that decides it.

Deed, lists, quote, lineage and sale ask here, and nothing else decides.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

from licensing import errors
from licensing.rules.may import (
    MONTH_MS,
    SETTLED_HERE,
    Answer,
    Denied,
    Granted,
    Priced,
    Use,
    breakpoints,
    may,
)
from licensing.rules.reading import Reading
from licensing.rules.rows import Grant, GrantState, Work, WorkState
from licensing.rules.terms import Schedule

FOR_EVER = 0
BY_ACCESS = frozenset({Use.COPY, Use.DISPLAY, Use.PUBLISH})  # who has access may do these as well
NEED_ACCESS = BY_ACCESS | {Use.DERIVE, Use.COMMERCIAL, Use.TRAIN}
MIXED = "mixed_schedules"
_USES = {use.value: use for use in Use}


@dataclass(frozen=True)
class Subject:
    """What is offered: a work under the terms that hold now, or only terms, of no work yet."""

    reading: Reading
    registered_ms: int = 0
    state: str = WorkState.LIVE.value
    id: str = ""
    title: str = "this work"
    inherited: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Holder:
    """What somebody holds of a work at a moment: use -> when it ends, FOR_EVER when it does not.

    later_ms  the same with the grants that begin when these end: where a renewal begins
    """

    ends_ms: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    later_ms: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def holds(self, use: str, *, at_ms: int) -> bool:
        """Whether the use is held, and still is at this later moment."""
        end_ms = self.later_ms.get(use, -1)
        return use in self.ends_ms and (end_ms == FOR_EVER or end_ms > at_ms)


NOBODY = Holder()


class Refusal(NamedTuple):
    """Why something is not sold. use: empty when it is about the whole; reason: a code."""

    use: str
    reason: str


class Part(NamedTuple):
    """What one use asks for by itself. amount_nano: 0 when nothing."""

    use: str
    amount_nano: int
    schedule: Schedule


@dataclass(frozen=True)
class Offer:
    """What these uses of a work cost somebody, from when to when, and what they owe besides.

    uses             in the order of `Use`; access among them exactly when this pays for it
    until_ms         the earliest of: the term's end, the end of a period that gives one of the
                     uses, the end of the month that is paid for, the end of the access that they
                     need; FOR_EVER when there is none
    access_until_ms  when the access in it ends; the uses may end before. FOR_EVER: never, or none
    answer_until_ms  when the terms next answer otherwise, whatever is paid
    share_e8         the share of what is earned by commercial use: it is reported by the month
    rate_e8          the highest share of what is earned;  conditions: sorted
    inherited        what is owed besides to the works above: (work, condition)
    refusals         why this is not sold; empty when it is
    """

    uses: tuple[str, ...]
    price_nano: int
    schedule: Schedule
    from_ms: int
    until_ms: int
    access_until_ms: int
    answer_until_ms: int
    rate_e8: int
    share_e8: int
    conditions: tuple[str, ...]
    inherited: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]
    refusals: tuple[Refusal, ...]

    @property
    def reason(self) -> str:
        """Why the terms do not give one of the uses; empty when they give all."""
        return next((one.reason for one in self.refusals if one.use), "")

    @property
    def answer(self) -> str:
        """granted, priced or denied: what the terms say, whether or not it is sold now."""
        if self.reason:
            return "denied"
        return "priced" if self.price_nano else "granted"


def offer(subject: Subject, uses: Sequence[str], *, now_ms: int, holder: Holder = NOBODY) -> Offer:
    """What the terms ask of a holder for these uses.

    Access is a use of its own: its fee is charged once, whichever uses need it, and not to whoever
    holds access already; what is bought without it then ends when that access does. Who asks for a
    monthly use that they hold renews it: it begins when what they hold ends.
    raises UsesInvalid
    """
    wanted = read_uses(uses)
    from_ms = _begins_ms(subject, wanted, holder, now_ms)
    wanted, access_end_ms, shut = _with_access(subject, wanted, holder, from_ms)
    answers = {use: _own(use, _answer(use, subject, from_ms)) for use in wanted}
    parts = tuple(_part(use, answer) for use, answer in answers.items())
    given = [one for one in answers.values() if not isinstance(one, Denied)]
    is_monthly, share_e8 = any(map(_is_monthly, given)), _share_e8(answers)
    months = [from_ms + MONTH_MS] if is_monthly or share_e8 else []
    answer_until_ms = _earliest(
        _answer_ends_ms(use, subject, from_ms, is_shut=shut is not None) for use in wanted
    )
    return Offer(
        uses=tuple(use.value for use in wanted),
        price_nano=sum(one.amount_nano for one in parts),
        schedule=Schedule.MONTHLY if is_monthly else Schedule.ONE_TIME,
        from_ms=from_ms,
        until_ms=_earliest((answer_until_ms, access_end_ms, *months)),
        access_until_ms=access_end_ms if Use.ACCESS in wanted else FOR_EVER,
        answer_until_ms=answer_until_ms,
        rate_e8=max((one.rate_e8 for one in given if isinstance(one, Granted)), default=0),
        share_e8=share_e8,
        conditions=tuple(sorted({one.value for answer in given for one in answer.conditions})),
        inherited=subject.inherited,
        parts=parts,
        refusals=(*_not_live(subject), *_refusals(answers, shut), *_mixed(parts)),
    )


def read_uses(uses: Sequence[str]) -> tuple[Use, ...]:
    """The uses in the order of `Use`. raises UsesInvalid when one is unknown or twice, or none"""
    if not uses or len(set(uses)) != len(uses) or not _USES.keys() >= set(uses):
        message = f"Choose among {', '.join(_USES)}, each once and at least one."
        raise errors.UsesInvalid(message, uses=list(uses))
    return tuple(use for name, use in _USES.items() if name in uses)


def subject_of(work: Work, reading: Reading) -> Subject:
    """A work under the terms that hold now."""
    told = (work.registered_ms, work.state, work.id, work.title, work.inherited)
    return Subject(reading, *told)


def holder_of(grants: Iterable[Grant], *, at_ms: int) -> Holder:
    """What these grants of one work give to their holder at this moment."""
    now: dict[str, int] = {}
    later: dict[str, int] = {}
    for one in sorted(grants, key=lambda one: one.from_ms):
        for use in one.uses:
            if gives(one, use, at_ms=max(at_ms, one.from_ms)):
                _lengthen(later, use, _end_ms(one, use))
            if gives(one, use, at_ms=at_ms):
                _lengthen(now, use, _end_ms(one, use))
    return Holder(now, {use: later[use] for use in now})


def gives(grant: Grant, use: str, *, at_ms: int) -> bool:
    """Whether a grant gives a use at this moment: it stands, has begun and has not ended."""
    if use not in grant.uses or grant.state != GrantState.ACTIVE or at_ms < grant.from_ms:
        return False
    end_ms = _end_ms(grant, use)
    return end_ms == FOR_EVER or at_ms < end_ms


def check(found: Offer, subject: Subject) -> None:
    """raises UseDenied, MixedSchedules, NotForSale"""
    facts = {"work": subject.id}
    for use, reason in found.refusals:
        if reason == MIXED:
            message = "Some of these uses are paid once, others every month."
            raise errors.MixedSchedules(message, **facts, uses=list(found.uses))
        if not use:
            message = f"No licences of {subject.title} are sold now."
            raise errors.NotForSale(message, **facts, state=subject.state)
        message = f"The terms of {subject.title} do not allow {use} ({reason})."
        raise errors.UseDenied(message, **facts, use=use, reason=reason)


def _end_ms(grant: Grant, use: str) -> int:
    return grant.access_until_ms if use == Use.ACCESS else grant.until_ms


def _begins_ms(subject: Subject, wanted: Sequence[Use], holder: Holder, now_ms: int) -> int:
    """Now; or, of uses that are paid by the month and all held, when what is held ends.

    A share of what is earned is paid by the month too.
    """
    answers = {use: _own(use, _answer(use, subject, now_ms)) for use in wanted}
    shared = {use for use, one in answers.items() if _share_e8({use: one})}
    priced = {use: one for use, one in answers.items() if isinstance(one, Priced) or use in shared}
    if not priced or not all(_is_monthly(one) or use in shared for use, one in priced.items()):
        return now_ms
    if any(use not in holder.ends_ms for use in priced):
        return now_ms
    ends = [holder.later_ms[use] for use in priced]
    return max(ends) if all(ends) else now_ms


def _with_access(
    subject: Subject, wanted: tuple[Use, ...], holder: Holder, from_ms: int
) -> tuple[tuple[Use, ...], int, Denied | None]:
    """What is asked for with the access that it needs; when that ends; why nobody gets it."""
    answer = _answer(Use.ACCESS, subject, from_ms)
    needs = not NEED_ACCESS.isdisjoint(wanted)
    if needs and Use.ACCESS not in wanted and holder.holds(Use.ACCESS, at_ms=from_ms):
        return wanted, holder.later_ms[Use.ACCESS], None
    if needs and isinstance(answer, Priced) and Use.ACCESS not in wanted:
        wanted = (Use.ACCESS, *wanted)
    if Use.ACCESS not in wanted:
        return wanted, FOR_EVER, answer if needs and isinstance(answer, Denied) else None
    months = (from_ms + MONTH_MS,) if _is_monthly(answer) else ()
    return wanted, _earliest((_answer_ends_ms(Use.ACCESS, subject, from_ms), *months)), None


def _answer(use: Use, subject: Subject, at_ms: int) -> Answer:
    return may(use, subject.reading, age_ms=at_ms - subject.registered_ms, settled=SETTLED_HERE)


def _own(use: Use, answer: Answer) -> Answer:
    """What a use asks for besides access: whoever has that may copy, display and publish."""
    return Granted() if use in BY_ACCESS and isinstance(answer, Priced) else answer


def _answer_ends_ms(use: Use, subject: Subject, at_ms: int, *, is_shut: bool = False) -> int:
    """When the terms next answer otherwise, such as at the end of a period; FOR_EVER: never.

    is_shut  nobody gets the access that it needs
    """

    def answer_at(moment_ms: int) -> Answer:
        own = _answer(use, subject, moment_ms)
        is_denied = isinstance(own, Denied) or not is_shut
        return own if is_denied else _answer(Use.ACCESS, subject, moment_ms)

    terms, born_ms = subject.reading.terms, subject.registered_ms
    now = answer_at(at_ms)
    later = [born_ms + age_ms for age_ms in (breakpoints(terms) if terms else ())]
    return next((one for one in later if one > at_ms and answer_at(one) != now), FOR_EVER)


def _is_monthly(answer: Answer) -> bool:
    return isinstance(answer, Priced) and answer.schedule == Schedule.MONTHLY


def _share_e8(answers: Mapping[Use, Answer]) -> int:
    """The share of what is earned that these answers ask for; 0 without one."""
    answer = answers.get(Use.COMMERCIAL)
    return answer.rate_e8 if isinstance(answer, Granted) else 0


def _earliest(ends_ms: Iterable[int]) -> int:
    return min((end for end in ends_ms if end), default=FOR_EVER)


def _part(use: Use, answer: Answer) -> Part:
    if isinstance(answer, Priced):
        return Part(use.value, answer.amount_nano, answer.schedule)
    return Part(use.value, 0, Schedule.ONE_TIME)


def _refusals(answers: Mapping[Use, Answer], shut: Denied | None) -> list[Refusal]:
    """What the terms deny. shut: why nobody gets access, without which nothing can be used"""
    found = []
    for use, answer in answers.items():
        if isinstance(answer, Denied):
            found.append(Refusal(use.value, answer.reason))
        elif shut and use in NEED_ACCESS:
            found.append(Refusal(use.value, shut.reason))
    return found


def _not_live(subject: Subject) -> tuple[Refusal, ...]:
    return () if subject.state == WorkState.LIVE else (Refusal("", subject.state),)


def _mixed(parts: Sequence[Part]) -> tuple[Refusal, ...]:
    schedules = {one.schedule for one in parts if one.amount_nano}
    return (Refusal("", MIXED),) if len(schedules) > 1 else ()


def _lengthen(ends_ms: dict[str, int], use: str, end_ms: int) -> None:
    """The later end counts, and no end is the latest."""
    known = ends_ms.get(use, end_ms)
    ends_ms[use] = FOR_EVER if FOR_EVER in {known, end_ms} else max(known, end_ms)
