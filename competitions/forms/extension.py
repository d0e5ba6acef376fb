"""By how much a sponsor puts the close off."""

from django import forms

from competitions.forms.fields import DurationField
from web.forms import StrictForm

LATEST_MS = 2**53  # whole numbers beyond it are not exact in a browser


class ExtendForm(StrictForm):
    """One duration, added to the close that the page showed.

    The page's close comes with it, so that the same click twice asks for the same.
    """

    by = DurationField(
        label="Close later by",
        help_text="Such as 90 s, 10 min, 3 h or 7 days; at most the competition's own length. Once,"
        " and not in the last tenth of the time.",
    )
    closes_at_ms_shown = forms.IntegerField(
        min_value=0, max_value=LATEST_MS, widget=forms.HiddenInput
    )

    @property
    def closes_at_ms(self) -> int:
        """The close that is asked for."""
        typed = self.cleaned_data
        return int(typed["closes_at_ms_shown"] + 1000 * typed["by"])
