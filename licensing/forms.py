"""What the pages of the rights ask: which uses, and whether the buyer agrees to a quote."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from django import forms

from assay.messages import LicenceBuy
from assay.messages.licensing import WORK_ID
from assay.money import MOST_NANO, show_tokens
from assay.wire import Nano
from evaluator.bases import bases
from evaluator.registry import EVALUATORS, METRICS
from licensing.rules.deed import DEEDS, Clause
from licensing.rules.rows import WorkKind
from licensing.rules.statement import Period, period
from licensing.rules.terms import Schedule
from web.errors import RequestInvalid
from web.forms import StrictForm

KINDS = {WorkKind.ADAPTER: "Adapters", WorkKind.BASE: "Base models", WorkKind.DATA: "Data sets"}
_EVERY = {Schedule.ONE_TIME: "once", Schedule.MONTHLY: "per month"}


class SearchForm(forms.Form):
    """What to look for among the works offered."""

    q = forms.CharField(
        label="Title, owner, base or id",
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    kind = forms.ChoiceField(
        label="Kind", required=False, choices=[("", "Everything"), *KINDS.items()]
    )
    base = forms.ChoiceField(label="Base model", required=False)
    task = forms.ChoiceField(label="Task", required=False)
    metric = forms.ChoiceField(label="Measured by", required=False)
    use = forms.ChoiceField(
        label="I want to",
        required=False,
        choices=[("", "Anything"), *((use.value, words) for use, words in DEEDS.items())],
    )
    score = forms.RegexField(
        r"\A-?[0-9]{1,6}(\.[0-9]{1,9})?\Z",
        label="Score at least",
        required=False,
        error_messages={"invalid": "Write a number such as 0.85."},
    )

    def __init__(self, asked: Mapping[str, object]) -> None:
        super().__init__(asked)
        choices = {
            "base": [(one.name, one.name) for one in bases()],
            "task": [(one.name, f"{one.name}: {one.title}") for one in EVALUATORS.values()],
            "metric": [(one.name, f"{one.name}: {one.title}") for one in METRICS.values()],
        }
        for name, known in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = [("", "Any"), *known]

    def asked(self) -> dict[str, str]:
        """What was filled in and can be read; what cannot is told beside its field."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


class UsesForm(forms.Form):
    """The uses that the terms sell or give; the first that costs something is ticked."""

    uses = forms.MultipleChoiceField(
        label="What for?", widget=forms.CheckboxSelectMultiple(attrs={"class": "uses"})
    )

    def __init__(self, clauses: Sequence[Clause], *, ticked: Sequence[str]) -> None:
        super().__init__(initial={"uses": list(ticked)})
        choices = [(one.use.value, _asks(one)) for one in clauses]
        field = self.fields["uses"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = choices


class BuyForm(StrictForm):
    """A buyer agrees to one quote. key: made with the page, so that it is bought once."""

    uses = forms.CharField(max_length=200)
    terms_version = forms.IntegerField(min_value=1)
    price_nano = forms.IntegerField(min_value=0, max_value=MOST_NANO)
    key = forms.RegexField(r"\A[A-Za-z0-9_-]{16,64}\Z")
    beside = forms.RegexField(r"\A[A-Za-z0-9_-]{43}\Z", required=False)

    def order(self, work: str) -> LicenceBuy:
        """What the buyer agreed to; call only on a valid form."""
        agreed = self.cleaned_data
        uses = tuple(agreed["uses"].split(","))
        price_nano, beside = Nano(agreed["price_nano"]), agreed["beside"] or None
        return LicenceBuy(work, uses, agreed["terms_version"], price_nano, beside)


class OutputForm(StrictForm):
    """An output to look up: its text, or a file, or its SHA-256; nothing of it is kept."""

    text = forms.CharField(
        label="Text", required=False, strip=False, widget=forms.Textarea(attrs={"rows": 8})
    )
    file = forms.FileField(label="Or a file", required=False, allow_empty_file=True)
    sha256 = forms.RegexField(
        r"\A[0-9a-f]{64}\Z",
        label="Or its SHA-256",
        required=False,
        error_messages={"invalid": "Write 64 small hex digits."},
    )

    def clean(self) -> dict[str, object]:
        """One of the three."""
        found = {name: value for name, value in (super().clean() or {}).items() if value}
        if len(found) != 1 and not self.errors:
            raise forms.ValidationError("Give a text, a file or a hash: one of them.")
        return found


class PeriodForm(StrictForm):
    """A period of a statement, in days of UTC; without one, everything on that side."""

    since = forms.DateField(
        label="From", required=False, widget=forms.DateInput(attrs={"type": "date"})
    )
    until = forms.DateField(
        label="Until, and not in it",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def days(self) -> str:
        """The days as an address has them; only those that are days."""
        found = self.cleaned_data if self.is_valid() else {}
        return urlencode({name: day.isoformat() for name, day in found.items() if day})

    def period(self) -> Period:
        """Call only on a valid form."""
        days = (self.cleaned_data[name] for name in ("since", "until"))
        return period(*(day.isoformat() if day else "" for day in days))

    def clean(self) -> dict[str, object]:
        """A period ends after it begins."""
        found = super().clean() or {}
        since, until = found.get("since"), found.get("until")
        if since and until and until <= since:
            raise forms.ValidationError("The period ends before it begins.")
        return found


class PartyForm(StrictForm):
    """Who the buyer is on invoices: seen by the buyer alone, and in no log."""

    name = forms.CharField(label="Legal name", max_length=200)
    address = forms.CharField(
        label="Address", max_length=500, widget=forms.Textarea(attrs={"rows": 4})
    )
    tax_id = forms.CharField(label="Tax number", max_length=40, required=False)


class DrawForm(StrictForm):
    """A payee draws what one pool holds, or all. key: of the page, so that it is drawn once."""

    work = forms.RegexField(rf"\A(?:{WORK_ID})?\Z", required=False)
    key = forms.RegexField(r"\A[A-Za-z0-9_-]{16,64}\Z")


def _asks(clause: Clause) -> str:
    """`Use it commercially: 25 tokens once`."""
    given, deed = clause.offer, DEEDS[clause.use].capitalize()
    if not given.price_nano:
        return f"{deed}: free"
    return f"{deed}: {show_tokens(given.price_nano)} tokens {_EVERY[given.schedule]}"


def changed(form: forms.Form) -> RequestInvalid:
    """The refusal of a form whose hidden fields no longer hold what the page put there."""
    problems = [f"{name}: {errors[0]}" for name, errors in form.errors.items()]
    return RequestInvalid("This form was changed on its way.", problems=problems)
