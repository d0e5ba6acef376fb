"""The grammar of the values of licence tags: exact, the whole text, ASCII digits only.

A reader returns what the text means, or the code of what is wrong with it (`terms.<code>`).
Money comes from text by `int` on the digits.
"""

import re

from assay.money import MOST_NANO, NANO_PER_TOKEN
from licensing.rules.terms import (
    PERCENT_E8,
    PLAIN_VALUES,
    RIGHT_WORDS,
    SCHEDULE_WORDS,
    Fee,
    Kind,
    Period,
    Permission,
    Right,
)

MOST_YEARS = 100
FEE_DECIMALS = 9
SHARE_DECIMALS = 6
MOST_WHOLE_DIGITS = 10

_AMOUNT = re.compile(r"(0|[1-9][0-9]*)(?:\.([0-9]+))?")
_FEE = re.compile(r"(One-Time|Monthly)-(.*)", re.DOTALL)
_PAID = re.compile(
    r"Allowed-With-(?:Fee-(One-Time|Monthly)|(One-Time|Monthly)-Fee)-(.*)", re.DOTALL
)
_SHARE = re.compile(r"Allowed-With-RevenueShare-(.*)", re.DOTALL)
_PERIOD = re.compile(r"(Before|After)-(.*)-Years-(Derivation|Commercial-Use)", re.DOTALL)
_YEARS = re.compile(r"[0-9]{1,3}")
_SCHEDULES = {word: schedule for schedule, word in SCHEDULE_WORDS.items()}
_KINDS = {value: kind for kind, value in PLAIN_VALUES.items()}
_RIGHTS = {word: right for right, word in RIGHT_WORDS.items()}
_FOR_TRAINING = frozenset({Kind.ALLOWED, Kind.PAID, Kind.DISALLOWED})


def read_fee(text: str) -> Fee | str:
    """`One-Time-1.5` or `Monthly-3`."""
    found = _FEE.fullmatch(text)
    return _fee(found[1], found[2]) if found else "value_unknown"


def read_period(edge: str, years: str) -> Period | None:
    """A period of 1 to 100 years; edge: `before` or `after`."""
    if _YEARS.fullmatch(years) and 1 <= int(years) <= MOST_YEARS:
        return Period(edge, int(years))
    return None


def period_of(right: Right, text: str) -> Period | None:
    """The period in a value such as `After-2-Years-Derivation`, when it is one for this right."""
    found = _PERIOD.fullmatch(text)
    if not found or _RIGHTS[found[3]] != right:
        return None
    return read_period(found[1].lower(), found[2])


def read_permission(right: Right, text: str, period: Period | None) -> Permission | str:
    """The value of a tag for derive, commercial or train; period: the one in the tag's name."""
    permission = _permission(right, text, period)
    if isinstance(permission, str):
        return permission
    if right == Right.TRAIN and permission.kind not in _FOR_TRAINING:
        return "value_not_for_this_right"
    return permission


def _permission(right: Right, text: str, period: Period | None) -> Permission | str:
    if text in _KINDS:
        return Permission(_KINDS[text], period)
    if found := _PAID.fullmatch(text):
        fee = _fee(found[1] or found[2], found[3])
        return fee if isinstance(fee, str) else Permission(Kind.PAID, period, fee=fee)
    if found := _SHARE.fullmatch(text):
        if right == Right.TRAIN:
            return "value_not_for_this_right"
        rate = _rate_e8(found[1])
        return rate if isinstance(rate, str) else Permission(Kind.REVENUE_SHARE, period, rate)
    if found := _PERIOD.fullmatch(text):
        return _period_as_value(right, text, _RIGHTS[found[3]], period)
    return "value_unknown"


def _period_as_value(
    right: Right, text: str, named: Right, period: Period | None
) -> Permission | str:
    if right != named:
        return "value_not_for_this_right"
    own_period = period_of(right, text)
    if period or not own_period:
        return "period_invalid"
    return Permission(Kind.ALLOWED, own_period)


def _fee(schedule: str, text: str) -> Fee | str:
    found = _AMOUNT.fullmatch(text)
    if not found:
        return "amount_invalid"
    whole, part = found[1], found[2] or ""
    if not (whole + part).strip("0"):
        return "amount_must_be_positive"
    if len(part) > FEE_DECIMALS:
        return "amount_too_fine"
    if len(whole) > MOST_WHOLE_DIGITS:
        return "amount_too_large"
    amount_nano = int(whole) * NANO_PER_TOKEN + int(part.ljust(FEE_DECIMALS, "0"))
    return (
        Fee(_SCHEDULES[schedule], amount_nano) if amount_nano <= MOST_NANO else "amount_too_large"
    )


def _rate_e8(text: str) -> int | str:
    found = _AMOUNT.fullmatch(text.removesuffix("%")) if text.endswith("%") else None
    if not found or len(found[1]) > len("100"):
        return "share_invalid"
    part = found[2] or ""
    if len(part) > SHARE_DECIMALS:
        return "rate_too_fine"
    rate_e8 = int(found[1]) * PERCENT_E8 + int(part.ljust(SHARE_DECIMALS, "0"))
    return rate_e8 if 0 < rate_e8 <= 100 * PERCENT_E8 else "share_invalid"
