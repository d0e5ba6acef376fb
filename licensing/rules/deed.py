"""The terms of a work in plain sentences, one per use, made from the same answers as the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.money import show_tokens
from licensing.rules.may import (
    SETTLED_HERE,
    Answer,
    Condition,
    Denied,
    Priced,
    Use,
    access_to,
    breakpoints,
    is_metered,
    may_at_all,
)
from licensing.rules.reading import Reading
from licensing.rules.terms import OUR_CURRENCY, Schedule, show_rate

# SHA-256 of the legal text of each version. We could not obtain the texts, so the slots are empty.
LEGAL_TEXT_SHA256 = {"0.1": "", "0.2": ""}
NO_LEGAL_TEXT = (
    "These sentences are made from the licence tags. The legal text of the Universal Data License "
    "is not kept here; where they differ, the legal text counts."
)
DEEDS = {
    Use.COPY: "copy it",
    Use.DISPLAY: "display it",
    Use.PUBLISH: "publish it",
    Use.DISTRIBUTE: "distribute it",
    Use.DERIVE: "make an adapter from it",
    Use.COMMERCIAL: "use it commercially",
    Use.TRAIN: "train on it",
}
_SCHEDULES = {Schedule.ONE_TIME: "once", Schedule.MONTHLY: "per month"}
_REASONS = {
    "term_ended": "the term of the licence has ended",
    "access_restricted": "access is restricted",
    "not_granted_by_default": "no tag grants it",
    "not_in_period": "no tag grants it at this time",
    "disallowed": "the owner disallows it",
    "payment_mode_unsupported": "it would be paid by lot, which is not supported here",
    "currency_not_settled_here": "its currency is not settled here",
}


@dataclass(frozen=True)
class Clause:
    """One use. until_ms: when the answer may next change, 0 when it never does."""

    use: Use
    answer: Answer
    sentence: str
    until_ms: int


def deed(
    reading: Reading, *, registered_ms: int, now_ms: int, settled: frozenset[str] = SETTLED_HERE
) -> tuple[Clause, ...]:
    """One sentence per use: what you may do, what you owe, until when."""
    clauses = []
    for use in Use:
        answer = may_at_all(use, reading, age_ms=now_ms - registered_ms, settled=settled)
        access = access_to(use, reading, settled=settled)
        until_ms = answer_ends_ms(use, answer, reading, (registered_ms, now_ms, settled))
        clauses.append(Clause(use, answer, _sentence(use, answer, until_ms, access), until_ms))
    return tuple(clauses)


def allowed(uses: Sequence[str], conditions: Sequence[str], rate_e8: int = 0) -> str:
    """`use it commercially, if you name its creator`: what a licence for these uses gives.

    rate_e8  of the revenue share among the conditions, when it is known
    """
    deeds = " and ".join(DEEDS[Use(use)] for use in uses)
    owed = "".join(f", {_owed(Condition(one), rate_e8)}" for one in conditions)
    return deeds + owed


def amount(answer: Priced) -> str:
    """`100 tokens`: a price with its unit; the tokens of this site have no other name."""
    shown = show_tokens(answer.amount_nano)
    if answer.currency == OUR_CURRENCY:
        return f"{shown} token" if shown == "1" else f"{shown} tokens"
    return f"{shown} {answer.currency}"


def answer_ends_ms(
    use: Use, answer: Answer, reading: Reading, moment: tuple[int, int, frozenset[str]]
) -> int:
    """When the answer next changes, such as at the end of a period; 0 when it never does.

    moment  when the work was registered, the time now, and the currencies that are settled here
    """
    registered_ms, now_ms, settled = moment
    for age_ms in breakpoints(reading.terms) if reading.terms else ():
        is_later = registered_ms + age_ms > now_ms
        if is_later and may_at_all(use, reading, age_ms=age_ms, settled=settled) != answer:
            return registered_ms + age_ms
    return 0


def _sentence(use: Use, answer: Answer, until_ms: int, access: Answer) -> str:
    until = f" until {_day(until_ms)}" if until_ms else ""
    if isinstance(answer, Denied):
        why = _REASONS.get(answer.reason, "a tag about it cannot be read")
        return f"You may not {DEEDS[use]}{until}: {why}."
    price = ""
    rate_e8 = 0
    if isinstance(answer, Priced):
        price = f" for {_price(answer)}"
    else:
        rate_e8 = answer.rate_e8
    owed = "".join(f", {_owed(one, rate_e8)}" for one in answer.conditions)
    unsold = " No licence for that is sold yet." if is_metered(use, answer) else ""
    added = f" Access costs {_price(access)} on top." if isinstance(access, Priced) else ""
    return f"You may {DEEDS[use]}{price}{until}{owed}.{added}{unsold}"


def _price(answer: Priced) -> str:
    return f"{amount(answer)} {_SCHEDULES[answer.schedule]}"


def _owed(condition: Condition, rate_e8: int) -> str:
    part = show_rate(rate_e8) if rate_e8 else "a part"
    sentences = {
        Condition.CREDIT: "if you name its creator",
        Condition.INDICATION: "if you name this work as the source",
        Condition.PASSTHROUGH: "if what you make carries the same terms",
        Condition.REVENUE_SHARE: f"and owe it {part} of what you earn with it",
        Condition.NON_COMMERCIAL: "but not for business",
    }
    return sentences[condition]


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1000, tz=UTC).date().isoformat()
