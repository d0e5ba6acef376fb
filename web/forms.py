"""How every form of the house is drawn; what its own forms ask."""

from datetime import timedelta

from django import forms
from django.forms.renderers import TemplatesSetting


class Renderer(TemplatesSetting):
    """Draws `{{ form }}` and `field.as_field_group` with our parts (settings.FORM_RENDERER)."""

    form_template_name = "web/parts/form.html"
    field_template_name = "web/parts/field.html"


class TokenForm(forms.Form):
    """Asks how long a new token lives."""

    days = forms.TypedChoiceField(
        label="The token expires",
        coerce=int,
        choices=[(1, "after one day"), (30, "after 30 days"), (90, "after 90 days")],
        initial=30,
    )

    @property
    def lifetime(self) -> timedelta:
        """The chosen lifetime; call only on a valid form."""
        return timedelta(days=self.cleaned_data["days"])
