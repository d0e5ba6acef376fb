"""How every form of the house is drawn; what its own forms ask."""

from datetime import timedelta

from django import forms
from django.forms.renderers import TemplatesSetting

from assay.tokens import DAYS, DAYS_MOST, LEAST
from web.strict import OF_FORMS


class Renderer(TemplatesSetting):
    """Draws `{{ form }}` and `field.as_field_group` with our parts (settings.FORM_RENDERER)."""

    form_template_name = "web/parts/form.html"
    field_template_name = "web/parts/field.html"


class StrictForm(forms.Form):
    """Takes no field that it does not have, but Django's protection against forged forms.

    sent_along  names of what its page sends with it and another reads
    """

    sent_along: tuple[str, ...] = ()

    def full_clean(self) -> None:
        """Add an error that names them."""
        super().full_clean()
        unknown = sorted({*self.data, *self.files} - {*self.fields, *self.sent_along, OF_FORMS})
        if self.is_bound and unknown:
            self.add_error(None, f"This form has no field {unknown[0]:.40}.")


class TokenForm(StrictForm):
    """Asks what a new token may do, and how long it lives."""

    scopes = forms.MultipleChoiceField(
        label="The token may",
        choices=[
            ("read", "read what only this account sees"),
            ("submit", "send files, and signed entries and works"),
            ("pay", "send signed orders that move money"),
        ],
        initial=[*LEAST],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="With nothing ticked it may read. No token signs an order: that takes a key.",
    )
    days = forms.IntegerField(
        label="Days until it expires",
        min_value=1,
        max_value=DAYS_MOST,
        initial=DAYS,
        help_text=f"Afterwards it is refused. At most {DAYS_MOST}.",
    )

    budget = forms.DecimalField(
        label="Tokens it may spend on licences without a key",
        min_value=0,
        max_value=10**9,
        decimal_places=9,
        initial=0,
        required=False,
        help_text="In all, over its life. 0: it buys nothing by itself. It also needs to pay.",
    )

    @property
    def budget_nano(self) -> int:
        """The chosen budget; call only on a valid form."""
        return int((self.cleaned_data["budget"] or 0) * 10**9)

    @property
    def lifetime(self) -> timedelta:
        """The chosen lifetime; call only on a valid form."""
        return timedelta(days=self.cleaned_data["days"])

    @property
    def chosen_scopes(self) -> tuple[str, ...]:
        """What is ticked, or the least; call only on a valid form."""
        return tuple(self.cleaned_data["scopes"]) or LEAST
