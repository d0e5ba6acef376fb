"""Licence tags, as anybody wrote them, read into Terms. It never raises on foreign tags.

The grammar is the union of what real writers emit (Bazar, Akord, ArDrive, permaweb-libs; ANS-105).
Names: case-insensitive ASCII, `_` is `-`. Values: `values.py`. Unknown tags mean nothing.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from licensing import errors
from licensing.rules import names, values
from licensing.rules.terms import (
    MODE_WORDS,
    RIGHT_WORDS,
    UDL_VERSIONS,
    Kind,
    PaymentMode,
    Period,
    Permission,
    Right,
    Tag,
    Terms,
)

MOST_TAGS = 128
MOST_NAME_BYTES = 1024
MOST_VALUE_BYTES = 3072
MOST_KEPT_CHARACTERS = 1000  # of tags whose reading is kept for the next time: anybody writes them

_REFUSALS: dict[str, type[errors.TermsRefused]] = {
    one.code.removeprefix("terms."): one
    for one in (
        errors.LicenceMissing,
        errors.LicenceIdInvalid,
        errors.LicenceIsNotUdl,
        errors.DuplicateTag,
        errors.ExpiryInvalid,
        errors.PaymentModeUnknown,
        errors.ValueUnknown,
        errors.ValueNotForThisRight,
        errors.ShareInvalid,
        errors.RateTooFine,
        errors.AmountInvalid,
        errors.AmountMustBePositive,
        errors.AmountTooFine,
        errors.AmountTooLarge,
        errors.PeriodInvalid,
        errors.PeriodOverlap,
        errors.TermUnsupported,
        errors.UnusualValue,
        errors.NameResembles,
    )
}
_RANK = {code: place for place, code in enumerate(_REFUSALS)}
_MEANINGS = {
    "license": "license",
    "access-fee": "access-fee",
    "license-fee": "access-fee",
    "access": "access",
    "derivation": Right.DERIVE,
    "derivations": Right.DERIVE,
    "commercial-use": Right.COMMERCIAL,
    "data-model-training": Right.TRAIN,
    "unknown-usage-rights": "unknown-usage-rights",
    "currency": "currency",
    "expiry": "expiry",
    "expires": "expiry",
    "payment-address": "payment-address",
    "payment-mode": "payment-mode",
}
_UNSUPPORTED = {
    "derivation-fee": Right.DERIVE,
    "commercial-fee": Right.COMMERCIAL,
    "commercial-use-fee": Right.COMMERCIAL,
    "training-fee": Right.TRAIN,
}
_PERIOD_NAME = re.compile(
    r"(before|after)-(.*)-years-(derivations?|commercial-use|data-model-training)", re.DOTALL
)
_PERIODS = {f"{edge}-years-{word}": right
            for edge in ("before", "after") for right, word in RIGHT_WORDS.items()}  # fmt: skip
_NEAR = {
    names.letters(name): meaning
    for name, meaning in {**_MEANINGS, **_UNSUPPORTED, **_PERIODS}.items()
}
_WHOLE_SET = ("license", "expiry")  # what is nearly one of these holds for every right
_SPOILS = {
    "access": Right.ACCESS,
    "access-fee": Right.ACCESS,
    "currency": Right.PAYMENT,
    "payment-address": Right.PAYMENT,
    "payment-mode": Right.PAYMENT,
}
_LICENCE_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_EXPIRY = re.compile(r"[1-9][0-9]{0,2}")
_MODES = {word: mode for mode, word in MODE_WORDS.items()}
_SIMPLE = (
    ("access", Right.ACCESS, re.compile(r"Restricted")),
    ("currency", Right.PAYMENT, re.compile(r"[!-~]+")),
    (
        "payment-address",
        Right.PAYMENT,
        re.compile(r"[A-Za-z0-9_-]{43}|0x[0-9a-fA-F]{40}|[a-z0-9][a-z0-9._-]{0,63}"),
    ),
)


class Finding(NamedTuple):
    """Something odd about one tag. code: `terms.<code>`; tag: its name as it was written."""

    code: str
    tag: str


@dataclass(frozen=True)
class Reading:
    """What tags say. terms is None exactly when there are errors, and then nothing is allowed."""

    terms: Terms | None
    errors: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


class _Known(NamedTuple):
    """A tag whose name means something; period and fault follow from the name alone."""

    meaning: str
    period: Period | None
    tag: str
    value: str
    fault: str = ""


@dataclass
class _Notes:
    """What was found odd so far, and the rights that it spoils."""

    warnings: list[Finding] = field(default_factory=list)
    spoiled: dict[Right, list[str]] = field(default_factory=dict)
    includes_unknown: bool = True

    def spoil(self, right: Right, code: str, tag: str) -> None:
        self.warnings.append(Finding(code, tag))
        self.spoiled.setdefault(right, []).append(code)

    def nearly(self, name: str, meaning: str) -> None:
        """A name that resembles a known one: the right that it is about is denied."""
        if meaning == "unknown-usage-rights":
            self.warnings.append(Finding("name_resembles", name))
            self.includes_unknown = False
        else:
            self.spoil(_SPOILS.get(meaning) or Right(meaning), "name_resembles", name)

    def unreadable(self) -> tuple[tuple[Right, str], ...]:
        return tuple(
            (right, min(self.spoiled[right], key=_RANK.__getitem__))
            for right in sorted(self.spoiled)
        )


def parse(tags: Iterable[Tag]) -> Reading:
    """Read licence tags. The order of tags means nothing.

    returns a Reading: an error spoils the whole set, a warning at most the right that it names
    source  docs/licensing.md 2 and 3
    """
    given = tuple((name, value) for name, value in tags)
    if sum(len(name) + len(value) for name, value in given) > MOST_KEPT_CHARACTERS:
        return _parsed.__wrapped__(given)
    return _parsed(given)


@lru_cache(1 << 10)
def _parsed(tags: tuple[Tag, ...]) -> Reading:
    """The same sets of tags are read again for every sale, and a reading never changes."""
    known = [one for name, value in tags if (one := _recognise(name, value))]
    nearly = [(name, _NEAR[like]) for name, value in tags if not _recognise(name, value)
              for like in names.resembled(name, _NEAR)]  # fmt: skip
    if faults := _whole_set_faults(known, nearly):
        return Reading(None, errors=faults)
    notes = _Notes()
    for name, meaning in nearly:
        notes.nearly(name, meaning)
    terms = _terms(known, notes)
    return Reading(terms, warnings=tuple(sorted(notes.warnings)))


def read_own(tags: Sequence[Tag]) -> Terms:
    """Read the terms that somebody sets for a work of their own: strictly, any warning refuses.

    raises TermsRefused: the subclass whose code is `terms.<code>` of the first finding
    """
    _refuse_odd_text(tags)
    _refuse_odd_names(tags)
    reading = parse(tags)
    for finding in (*reading.errors, *reading.warnings):
        refusal = _REFUSALS[finding.code]
        raise refusal(f"The tag {finding.tag} cannot be used: {finding.code}.", tag=finding.tag)
    assert reading.terms is not None
    _refuse_payment(reading.terms)
    return reading.terms


def _refuse_odd_text(tags: Sequence[Tag]) -> None:
    if len(tags) > MOST_TAGS:
        raise errors.TermsTooLarge(f"{len(tags)} tags are too many.", tag="")
    for name, value in tags:
        if not (name + value).isprintable():
            raise errors.TermsCharacters("A tag holds control characters.", tag=name[:100])
        sizes = len(name.encode()), len(value.encode())
        if not 1 <= sizes[0] <= MOST_NAME_BYTES or not 1 <= sizes[1] <= MOST_VALUE_BYTES:
            raise errors.TermsTooLarge("A tag is empty or too long.", tag=name[:100])


def _refuse_odd_names(tags: Sequence[Tag]) -> None:
    for name, value in tags:
        if not name.isascii():
            message = "The name of a tag holds letters outside of ASCII."
            raise errors.TermsCharacters(message, tag=name[:100])
        if _recognise(name, value) is None and (like := names.resembled(name, _NEAR)):
            message = f"The tag {name[:100]} means nothing, but is nearly {like[0]}."
            raise errors.NameResembles(message, tag=name[:100])


def _refuse_payment(terms: Terms) -> None:
    """The pool of a work pays its payees, and nobody else."""
    if terms.payment_address:
        message = "Payment-Address is not honoured here."
        raise errors.PaymentUnsupported(message, tag="Payment-Address")
    if terms.payment_mode != PaymentMode.SINGLE:
        message = f"{MODE_WORDS[terms.payment_mode]} is not honoured here."
        raise errors.PaymentUnsupported(message, tag="Payment-Mode")


def _recognise(name: str, value: str) -> _Known | None:
    plain = name.lower().replace("_", "-") if name.isascii() else ""
    if plain in _MEANINGS:
        return _Known(_MEANINGS[plain], None, name, value)
    if plain in _UNSUPPORTED:
        return _Known(_UNSUPPORTED[plain], None, name, value, "term_unsupported")
    found = _PERIOD_NAME.fullmatch(plain)
    if not found:
        return None
    period = values.read_period(found[1], found[2])
    return _Known(_MEANINGS[found[3]], period, name, value, "" if period else "period_invalid")


def _whole_set_faults(known: list[_Known], nearly: list[tuple[str, str]]) -> tuple[Finding, ...]:
    faults = _duplicates(known)
    faults += [Finding("name_resembles", name) for name, like in nearly if like in _WHOLE_SET]
    licences = [one for one in known if one.meaning == "license"]
    if not licences:
        faults.append(Finding("licence_missing", "License"))
    if len(licences) == 1 and licences[0].value not in UDL_VERSIONS:
        is_id = _LICENCE_ID.fullmatch(licences[0].value)
        code = "licence_is_not_udl" if is_id else "licence_id_invalid"
        faults.append(Finding(code, licences[0].tag))
    for one in known:
        if one.meaning == "expiry" and not _EXPIRY.fullmatch(one.value):
            faults.append(Finding("expiry_invalid", one.tag))
        if one.meaning == "payment-mode" and one.value not in _MODES:
            faults.append(Finding("payment_mode_unknown", one.tag))
    return tuple(sorted(faults, key=lambda finding: _RANK[finding.code]))


def _duplicates(known: list[_Known]) -> list[Finding]:
    seen: set[tuple[str, Period | None]] = set()
    faults = []
    for one in known:
        if one.fault:
            continue
        places = {(one.meaning, one.period)}
        if one.meaning in RIGHT_WORDS and not one.period:
            places.add((one.meaning, values.period_of(Right(one.meaning), one.value)))
        if places & seen:
            faults.append(Finding("duplicate_tag", one.tag))
        seen |= places
    return faults


def _terms(known: list[_Known], notes: _Notes) -> Terms:
    given = {one.meaning: one for one in known if not (one.period or one.fault)}
    for meaning, right, grammar in _SIMPLE:
        if meaning in given and not grammar.fullmatch(given[meaning].value):
            notes.spoil(right, "value_unknown", given.pop(meaning).tag)
    unknown_rights = given.get("unknown-usage-rights")
    if unknown_rights and unknown_rights.value != "Excluded":
        notes.warnings.append(Finding("value_unknown", unknown_rights.tag))
    value = {meaning: one.value for meaning, one in given.items()}
    fee = values.read_fee(value["access-fee"]) if "access-fee" in value else None
    if isinstance(fee, str):
        notes.spoil(Right.ACCESS, fee, given["access-fee"].tag)
        fee = None
    currency = value.get("currency", "U")
    return Terms(
        licence_id=value["license"],
        access_fee=fee,
        is_restricted="access" in value,
        derive=_permissions(Right.DERIVE, known, notes),
        commercial=_permissions(Right.COMMERCIAL, known, notes),
        train=_permissions(Right.TRAIN, known, notes),
        unknown_rights_included=unknown_rights is None and notes.includes_unknown,
        currency="AR" if currency == "Arweave" else currency,
        expiry_years=int(value.get("expiry", "0")),
        payment_address=value.get("payment-address", ""),
        payment_mode=_MODES[value.get("payment-mode", "Single")],
        unreadable=notes.unreadable(),
    )


def _permissions(right: Right, known: list[_Known], notes: _Notes) -> tuple[Permission, ...]:
    read: list[Permission] = []
    tags = [one for one in known if one.meaning == right]
    for one in tags:
        permission = one.fault or values.read_permission(right, one.value, one.period)
        if isinstance(permission, str):
            notes.spoil(right, permission, one.tag)
            continue
        read.append(permission)
        if right == Right.COMMERCIAL and permission.kind in (Kind.INDICATION, Kind.PASSTHROUGH):
            notes.warnings.append(Finding("unusual_value", one.tag))
    ends = [one.period.years for one in read if one.period and one.period.edge == "before"]
    begins = [one.period.years for one in read if one.period and one.period.edge == "after"]
    if ends and begins and max(ends) > min(begins):
        notes.spoil(right, "period_overlap", RIGHT_WORDS[right])
    return tuple(sorted(read, key=lambda one: one.period or ("", 0)))
