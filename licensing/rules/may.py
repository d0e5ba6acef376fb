"""What the terms of a work allow at one moment: granted, priced, or denied with the reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from licensing.rules.reading import Reading
from licensing.rules.terms import (
    OUR_CURRENCY,
    Fee,
    Kind,
    PaymentMode,
    Permission,
    Right,
    Schedule,
    Terms,
)

YEAR_MS = 31_556_952_000
MONTH_MS = 2_592_000_000
SETTLED_HERE = frozenset({OUR_CURRENCY})


class Use(StrEnum):
    """What somebody wants to do with a work. Access: have it; derive: make an adapter from it."""

    ACCESS = "access"
    COPY = "copy"
    DISPLAY = "display"
    PUBLISH = "publish"
    DISTRIBUTE = "distribute"
    DERIVE = "derive"
    COMMERCIAL = "commercial"
    TRAIN = "train"


class Condition(StrEnum):
    """What the user of a right owes in return."""

    CREDIT = "credit"
    INDICATION = "indication"
    PASSTHROUGH = "passthrough"
    REVENUE_SHARE = "revenue_share"
    NON_COMMERCIAL = "non_commercial"


@dataclass(frozen=True)
class Granted:
    """Free of charge, under conditions. rate_e8: the revenue share, parts per 10^8."""

    conditions: tuple[Condition, ...] = ()
    rate_e8: int = 0


@dataclass(frozen=True)
class Priced:
    """For money. amount_nano: 10^-9 of one unit of the currency."""

    amount_nano: int
    schedule: Schedule
    currency: str
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Denied:
    """Not allowed. reason: a code of docs/licensing.md 3."""

    reason: str


Answer = Granted | Priced | Denied

_RIGHT_OF = {
    Use.ACCESS: Right.ACCESS,
    Use.COPY: Right.ACCESS,
    Use.DISPLAY: Right.ACCESS,
    Use.PUBLISH: Right.ACCESS,
    Use.DERIVE: Right.DERIVE,
    Use.COMMERCIAL: Right.COMMERCIAL,
    Use.TRAIN: Right.TRAIN,
}
_CONDITIONS = {
    Kind.ALLOWED: (),
    Kind.CREDIT: (Condition.CREDIT,),
    Kind.INDICATION: (Condition.INDICATION,),
    Kind.PASSTHROUGH: (Condition.PASSTHROUGH,),
    Kind.REVENUE_SHARE: (Condition.REVENUE_SHARE,),
}


def may(
    use: Use, reading: Reading, *, age_ms: int, settled: frozenset[str] = SETTLED_HERE
) -> Answer:
    """Whether the terms allow a use, decided in the order of docs/licensing.md 3.

    age_ms   now - registered_ms of the work; a negative age counts as 0
    settled  currencies that this house settles
    """
    terms = reading.terms
    if terms is None:
        return Denied(reading.errors[0].code)
    if terms.expiry_years and age_ms >= terms.expiry_years * YEAR_MS:
        return Denied("term_ended")
    right = _RIGHT_OF.get(use)
    if right is None:
        return Denied("not_granted_by_default")
    unreadable = dict(terms.unreadable)
    if right in unreadable:
        return Denied(unreadable[right])
    if right == Right.ACCESS:
        return _access(terms, settled)
    return _permitted(right, terms, max(age_ms, 0), settled)


def breakpoints(terms: Terms) -> Iterator[int]:
    """Every age in ms, rising from 0, at which an answer may change."""
    years = {terms.expiry_years}
    for permission in (*terms.derive, *terms.commercial, *terms.train):
        years |= {permission.period.years} if permission.period else set()
    return (year * YEAR_MS for year in sorted(years | {0}))


def _access(terms: Terms, settled: frozenset[str]) -> Answer:
    if terms.access_fee:
        return _price(terms.access_fee, terms, settled)
    return Denied("access_restricted") if terms.is_restricted else Granted()


def _permitted(right: Right, terms: Terms, age_ms: int, settled: frozenset[str]) -> Answer:
    permissions = terms.permissions(right)
    if not permissions:
        is_free = right == Right.DERIVE and terms.version == "0.2"
        only = Granted((Condition.NON_COMMERCIAL,))
        return only if is_free else Denied("not_granted_by_default")
    permission = _in_force(permissions, age_ms)
    if permission is None:
        return Denied("not_in_period")
    if permission.kind == Kind.DISALLOWED:
        return Denied("disallowed")
    if permission.fee:
        return _price(permission.fee, terms, settled)
    if permission.kind == Kind.REVENUE_SHARE and (no := _unpayable(terms)):
        return no
    return Granted(_CONDITIONS[permission.kind], permission.rate_e8)


def _in_force(permissions: tuple[Permission, ...], age_ms: int) -> Permission | None:
    """The latest After that has begun; else the earliest Before not ended; else the plain one."""
    plain = begun = unended = None
    for one in permissions:
        if one.period is None:
            plain = one
        elif one.period.edge == "after" and age_ms >= one.period.years * YEAR_MS:
            begun = one
        elif one.period.edge == "before" and age_ms < one.period.years * YEAR_MS:
            unended = unended or one
    return begun or unended or plain


def _price(fee: Fee, terms: Terms, settled: frozenset[str]) -> Answer:
    if no := _unpayable(terms):
        return no
    if terms.currency not in settled:
        return Denied("currency_not_settled_here")
    return Priced(fee.amount_nano, fee.schedule, terms.currency)


def _unpayable(terms: Terms) -> Denied | None:
    unreadable = dict(terms.unreadable)
    if Right.PAYMENT in unreadable:
        return Denied(unreadable[Right.PAYMENT])
    is_random = terms.payment_mode == PaymentMode.RANDOM
    return Denied("payment_mode_unsupported") if is_random else None
