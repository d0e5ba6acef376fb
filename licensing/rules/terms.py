"""Licence terms of one work: the tags of the Universal Data License, understood.

`reading.parse` makes Terms from tags, `render` makes the canonical tags from Terms.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from assay.money import show_tokens

UDL_VERSIONS = {
    "yRj4a5KMctX_uOmKWCFJIjmY8DeJcusVk6-HzLiM_t8": "0.1",
    "IVjAM1C3x3GFdc3t9EqMnbtGnpgTuJbaiYZa1lk09_8": "0.2",
    "dE0rmDfl9_OWjkDznNEXHaSO_JohJkRolvMzaCroUdw": "0.2",
}
OUR_LICENCE = "dE0rmDfl9_OWjkDznNEXHaSO_JohJkRolvMzaCroUdw"
OUR_CURRENCY = "ASSAY"
PERCENT_E8 = 1_000_000

Tag = tuple[str, str]


class Right(StrEnum):
    """What one group of tags decides about. PAYMENT holds whatever costs money."""

    ACCESS = "access"
    DERIVE = "derive"
    COMMERCIAL = "commercial"
    TRAIN = "train"
    PAYMENT = "payment"


class Kind(StrEnum):
    """The ways in which a right can be given."""

    ALLOWED = "allowed"
    CREDIT = "credit"
    INDICATION = "indication"
    PASSTHROUGH = "passthrough"
    REVENUE_SHARE = "revenue_share"
    PAID = "paid"
    DISALLOWED = "disallowed"


class Schedule(StrEnum):
    """How often a price is paid; a month is 30 days."""

    ONE_TIME = "one_time"
    MONTHLY = "monthly"


class PaymentMode(StrEnum):
    """Who is paid: one payee, all holders, or one drawn by lot."""

    SINGLE = "single"
    GLOBAL = "global"
    RANDOM = "random"


class Fee(NamedTuple):
    """A price. amount_nano: 10^-9 of the unit of Terms.currency, > 0."""

    schedule: Schedule
    amount_nano: int


class Period(NamedTuple):
    """A part of a work's life. edge: `before` or `after`; years: 1 .. 100 since registration."""

    edge: str
    years: int


@dataclass(frozen=True)
class Permission:
    """One way in which a right is given, always or in one period. rate_e8: parts per 10^8."""

    kind: Kind
    period: Period | None = None
    rate_e8: int = 0
    fee: Fee | None = None


@dataclass(frozen=True)
class Terms:
    """What the owner of a work allows.

    unreadable  right -> code of what could not be understood about it, as sorted pairs: whoever
                evaluates must deny that right
    """

    licence_id: str
    access_fee: Fee | None = None
    is_restricted: bool = False
    derive: tuple[Permission, ...] = ()
    commercial: tuple[Permission, ...] = ()
    train: tuple[Permission, ...] = ()
    unknown_rights_included: bool = True
    currency: str = "U"
    expiry_years: int = 0
    payment_address: str = ""
    payment_mode: PaymentMode = PaymentMode.SINGLE
    unreadable: tuple[tuple[Right, str], ...] = ()

    @property
    def version(self) -> str:
        """Version of the licence text, `0.1` or `0.2`."""
        return UDL_VERSIONS[self.licence_id]

    def permissions(self, right: Right) -> tuple[Permission, ...]:
        """The permissions for derive, commercial or train; plain first, then by period."""
        given = {
            Right.DERIVE: self.derive,
            Right.COMMERCIAL: self.commercial,
            Right.TRAIN: self.train,
        }
        return given[right]


PLAIN_VALUES = {
    Kind.ALLOWED: "Allowed",
    Kind.CREDIT: "Allowed-With-Credit",
    Kind.INDICATION: "Allowed-With-Indication",
    Kind.PASSTHROUGH: "Allowed-With-License-Passthrough",
    Kind.DISALLOWED: "Disallowed",
}
SCHEDULE_WORDS = {Schedule.ONE_TIME: "One-Time", Schedule.MONTHLY: "Monthly"}
MODE_WORDS = {
    PaymentMode.SINGLE: "Single",
    PaymentMode.GLOBAL: "Global-Distribution",
    PaymentMode.RANDOM: "Random-Distribution",
}
RIGHT_WORDS = {
    Right.DERIVE: "Derivation",
    Right.COMMERCIAL: "Commercial-Use",
    Right.TRAIN: "Data-Model-Training",
}


def render(terms: Terms) -> list[Tag]:
    """The canonical tags: one spelling and one order for one meaning.

    raises ValueError when a right is unreadable: leaving its tag out could make it freer
    """
    if terms.unreadable:
        raise ValueError(f"terms with unreadable rights have no canonical tags: {terms.unreadable}")
    is_old = terms.version == "0.1"
    tags = [("License", terms.licence_id)]
    if terms.access_fee:
        tags.append(("License-Fee" if is_old else "Access-Fee", _show_fee(terms.access_fee)))
    if terms.is_restricted:
        tags.append(("Access", "Restricted"))
    for right, word in RIGHT_WORDS.items():
        tags += [_show_permission(word, one) for one in terms.permissions(right)]
    if not terms.unknown_rights_included:
        tags.append(("Unknown-Usage-Rights", "Excluded"))
    if terms.currency != "U":
        tags.append(("Currency", terms.currency))
    if terms.expiry_years:
        tags.append(("Expires" if is_old else "Expiry", str(terms.expiry_years)))
    if terms.payment_address:
        tags.append(("Payment-Address", terms.payment_address))
    if terms.payment_mode != PaymentMode.SINGLE:
        tags.append(("Payment-Mode", MODE_WORDS[terms.payment_mode]))
    return tags


def show_rate(rate_e8: int) -> str:
    """A rate in parts per 10^8 as people read it: 12500000 is `12.5%`, exact."""
    whole, part = divmod(rate_e8, PERCENT_E8)
    return f"{whole}.{part:06d}".rstrip("0").rstrip(".") + "%"


def _show_fee(fee: Fee) -> str:
    return f"{SCHEDULE_WORDS[fee.schedule]}-{show_tokens(fee.amount_nano)}"


def _show_permission(word: str, permission: Permission) -> Tag:
    if permission.period:
        word = f"{permission.period.edge.title()}-{permission.period.years}-Years-{word}"
    if permission.fee:
        return word, f"Allowed-With-Fee-{_show_fee(permission.fee)}"
    if permission.kind == Kind.REVENUE_SHARE:
        return word, f"Allowed-With-RevenueShare-{show_rate(permission.rate_e8)}"
    return word, PLAIN_VALUES[permission.kind]
