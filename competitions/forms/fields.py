"""What a sponsor types, and what it means: amounts, percentages, durations, weights, payees."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from assay.errors import AssayError
from assay.messages import Share
from assay.money import parse_tokens
from competitions.rules.spec import Problem
from competitions.rules.task import read_pairs
from licensing.rules.terms import PERCENT_E8
from web.forms import StrictForm

MOST_PAYEES = 64
MOST_TYPED = 4000  # characters of one field that a draft keeps, also while they are too many for it
_DURATION = re.compile(r"([0-9]{1,7})(?:\.([0-9]))?\s*([a-z]*)")
_UNITS_S = (
    (("s", "sec", "second", "seconds"), 1),
    (("", "m", "min", "minute", "minutes"), 60),
    (("h", "hour", "hours"), 3600),
    (("d", "day", "days"), 86_400),
    (("w", "week", "weeks"), 7 * 86_400),
)
_SECONDS = {name: seconds for names, seconds in _UNITS_S for name in names}
_PERCENT = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,6}))?\s*%?")
_SHARE = re.compile(r"([a-z][a-z0-9-]{1,31})(?:[\s,:]+([0-9]{1,9}))?")


class FieldGroup:
    """Fields that a page shows together. title: empty for those that are always in sight."""

    def __init__(self, title: str, fields: Sequence[BoundField], *, is_open: bool) -> None:
        self.title, self.fields = title, fields
        self.is_open = is_open or any(one.errors for one in fields)


class StepForm(StrictForm):
    """A page of the wizard. The browser blocks nothing, so that half a page can be saved too.

    now  what a date on the page is compared with
    """

    use_required_attribute = False
    typed_at: Mapping[str, str] = MappingProxyType({})  # path of a rule's problem -> field

    def __init__(self, *arguments: Any, now: datetime, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.now = now

    @property
    def groups(self) -> list[FieldGroup]:
        """The fields as the page shows them."""
        return [FieldGroup("", list(self), is_open=True)]

    def refuse(self, found: Iterable[Problem]) -> None:
        """Tell each problem of a rule at the field where it is typed, unless that has one."""
        for one in found:
            name = self.typed_at[one.path]
            if name not in self.errors:
                self.add_error(name, one.cause)

    def typed(self) -> dict[str, object]:
        """What was typed, for keeping; a text that nobody typed is left out: it is too long.

        PostgreSQL holds no text with NUL: the sign for a broken character takes its place.
        """
        texts = {
            name: str(self.data.get(name, "")).strip().replace("\0", "\ufffd")
            for name, field in self.fields.items()
            if not isinstance(field, forms.FileField)
        }
        return {name: text for name, text in texts.items() if len(text) <= MOST_TYPED}

    def focus_first_error(self) -> None:
        """Let the browser begin at the first field that is wrong."""
        first = next((name for name in self.fields if name in self.errors), None)
        if first is not None:
            self.fields[first].widget.attrs["autofocus"] = True


class Moment(forms.DateTimeInput):
    """A date and time picker; without script a text of the same form."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class MomentField(forms.DateTimeField):
    """A time in UTC: 2030-01-31T18:00."""

    widget = Moment
    default_error_messages = {"invalid": "Write the time as 2030-01-31T18:00, in UTC."}

    def __init__(self, **options: Any) -> None:
        formats = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        super().__init__(input_formats=formats, **options)


class DurationField(forms.CharField):
    """How long, in words: `90 s`, `10 min`, `3 h`, `7 days`; a bare number counts minutes."""

    default_error_messages = {"invalid": "Write how long, such as 90 s, 10 min, 3 h or 7 days."}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=24, **options)

    def clean(self, value: object) -> int | None:
        """Whole seconds, or None for an empty optional field."""
        text = super().clean(value).lower()
        if not text:
            return None
        found = _DURATION.fullmatch(text)
        unit_s = _SECONDS.get(found[3]) if found else None
        if found is None or unit_s is None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return (int(found[1]) * 10 + int(found[2] or 0)) * unit_s // 10


class TokensField(forms.CharField):
    """An amount of tokens, exact to nine decimals; cleaned to nano-tokens."""

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=24, **options)
        self.widget.attrs |= {"inputmode": "decimal", "class": "num"}

    def clean(self, value: object) -> int | None:
        """Nano-tokens, or None for an empty optional field."""
        text = super().clean(value)
        try:
            return parse_tokens(text) if text else None
        except AssayError as error:
            raise forms.ValidationError(error.next_step, code=error.code) from error


class PercentField(forms.CharField):
    """A share between 0 and 100 per cent; cleaned to parts of 10^8, 0 when empty."""

    default_error_messages = {"invalid": "Write a share between 0 and 100, such as 5 or 2.5."}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=12, **options)
        self.widget.attrs |= {"inputmode": "decimal", "class": "num"}

    def clean(self, value: object) -> int:
        """Parts of 10^8."""
        found = _PERCENT.fullmatch(super().clean(value) or "0")
        rate_e8 = -1
        if found:
            rate_e8 = int(found[1]) * PERCENT_E8 + int((found[2] or "").ljust(6, "0"))
        if not 0 <= rate_e8 <= 100 * PERCENT_E8:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return rate_e8


class CurveField(forms.CharField):
    """Weights of the places, `8,4,2,1`; cleaned to a tuple of integers."""

    default_error_messages = {
        "invalid": "Write 1 to 64 whole weights that never rise, such as 8,4,2,1."
    }

    def clean(self, value: object) -> tuple[int, ...]:
        """The weights, the first place first."""
        text = super().clean(value)
        parts = [part.strip() for part in text.split(",")] if text else []
        if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return tuple(int(part) for part in parts)


class PairsField(forms.CharField):
    """Names with their values, one a line: `text = body`; cleaned to a dict."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MOST_TYPED, required=False, **options)
        self.widget.attrs |= {"rows": 3}

    def clean(self, value: object) -> dict[str, str]:
        """name -> value; empty when nothing is named."""
        try:
            return read_pairs(super().clean(value))
        except ValueError as error:
            cause = f"“{error}” is no line of the form: name = value, each name once."
            raise forms.ValidationError(cause, code="invalid") from error


class SharesField(forms.CharField):
    """Payees, one a line: `account weight`; cleaned to Shares. A line without weight counts 1."""

    widget = forms.Textarea

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MOST_TYPED, **options)

    def clean(self, value: object) -> tuple[Share, ...]:
        """The payees in the order of the lines; empty when nobody is named."""
        text = super().clean(value)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        if len(lines) > MOST_PAYEES:
            raise forms.ValidationError(f"Name at most {MOST_PAYEES} accounts.", code="invalid")
        shares = tuple(self._share(line) for line in lines)
        if len({share.payee for share in shares}) < len(shares):
            raise forms.ValidationError("Name each account once.", code="invalid")
        return shares

    def _share(self, line: str) -> Share:
        found = _SHARE.fullmatch(line)
        if found is None or int(found[2] or 1) < 1:
            cause = f"“{line[:40]}” is no line of the form: account weight."
            raise forms.ValidationError(cause, code="invalid")
        return Share(found[1], int(found[2] or 1))
