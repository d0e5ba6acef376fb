"""The terms of a work in plain sentences, one per use, made from the same answers as the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from assay.money import show_tokens
from licensing.rules.may import Condition, Use
from licensing.rules.offer import BY_ACCESS, Offer, Part, Subject, offer
from licensing.rules.rows import LICENCE
from licensing.rules.terms import Schedule, show_rate

# SHA-256 of the legal text of each version. We could not obtain the texts, so the slots are empty.
LEGAL_TEXT_SHA256 = {"0.1": "", "0.2": ""}
NO_LEGAL_TEXT = (
    "These sentences are made from the licence tags. The legal text of the Universal Data License "
    "is not kept here; where they differ, the legal text counts."
)
DEEDS = {
    Use.ACCESS: "have access to it",
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
    "name_resembles": "a tag about it is nearly one of a licence, and nobody knows what it means",
}


_OBLIGATIONS = {
    Condition.CREDIT: "name the creator of {title}",
    Condition.INDICATION: "name {title} as a source",
    Condition.PASSTHROUGH: "give what you make the same terms as {title}",
    Condition.REVENUE_SHARE: "pay {title} its share of what you earn",
    Condition.NON_COMMERCIAL: "do no business with it, as {title} asks",
}


@dataclass(frozen=True)
class Clause:
    """One use, and what anybody is offered who holds nothing. sentence: the same in words"""

    use: Use
    offer: Offer
    sentence: str

    @property
    def until_ms(self) -> int:
        """When the answer may next change, 0 when it never does."""
        return self.offer.answer_until_ms

    @property
    def asks(self) -> Part:
        """What the use asks for by itself; copying and showing ask for access alone."""
        return _asks(self.use, self.offer)


def deed(subject: Subject, *, now_ms: int) -> tuple[Clause, ...]:
    """One sentence per use: what you may do, what you owe, until when."""
    offers = {use: offer(subject, (use.value,), now_ms=now_ms) for use in Use}
    return tuple(Clause(use, one, _sentence(use, one)) for use, one in offers.items())


def allowed(uses: Sequence[str], conditions: Sequence[str], rate_e8: int = 0) -> str:
    """`use it commercially, if you name its creator`: what a licence for these uses gives.

    rate_e8  of the revenue share among the conditions, when it is known
    """
    deeds = " and ".join(DEEDS[Use(use)] for use in uses)
    owed = "".join(f", {_owed(Condition(one), rate_e8)}" for one in conditions)
    return deeds + owed


def obligation(condition: str, title: str) -> str:
    """`name the creator of "The base"`: what whoever uses a work owes to one above it."""
    if condition.startswith(LICENCE):
        return f"keep to the licence of {title} itself, {condition.removeprefix(LICENCE)}"
    return _OBLIGATIONS[Condition(condition)].format(title=title)


def amount(amount_nano: int) -> str:
    """`100 tokens`: a price with its unit; the tokens of this site have no other name."""
    shown = show_tokens(amount_nano)
    return f"{shown} token" if shown == "1" else f"{shown} tokens"


def _asks(use: Use, found: Offer) -> Part:
    parts = {one.use: one for one in found.parts}
    return parts.get(Use.ACCESS, parts[use]) if use in BY_ACCESS else parts[use]


def _sentence(use: Use, found: Offer) -> str:
    until = f" until {_day(found.answer_until_ms)}" if found.answer_until_ms else ""
    if found.reason:
        why = _REASONS.get(found.reason, "a tag about it cannot be read")
        return f"You may not {DEEDS[use]}{until}: {why}."
    owed = "".join(f", {_owed(Condition(one), found.rate_e8)}" for one in found.conditions)
    asks = _asks(use, found)
    price = f" for {_price(asks)}" if asks.amount_nano else ""
    added = "".join(
        f" Access costs {_price(one)} on top."
        for one in found.parts
        if one.use == Use.ACCESS and one is not asks and one.amount_nano
    )
    return f"You may {DEEDS[use]}{price}{until}{owed}.{added}"


def _price(part: Part) -> str:
    return f"{amount(part.amount_nano)} {_SCHEDULES[part.schedule]}"


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
