"""Which of an owner's entries decide: a box for each, and a limit."""

from collections.abc import Sequence
from typing import Any

from django import forms

from web.forms import StrictForm


class NominateForm(StrictForm):
    """One box for each entry that stands. None: the rule chooses."""

    entries = forms.MultipleChoiceField(
        label="Entries that decide",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": "One of these entries does not stand any more."},
    )

    def __init__(
        self, *given: Any, choices: Sequence[tuple[str, str]], most: int, **more: Any
    ) -> None:
        """choices: id and words of each entry     most: how many of them may decide"""
        super().__init__(*given, **more)
        self._most = most
        field = self.fields["entries"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = choices
        few = "one" if most == 1 else f"at most {most}"
        field.help_text = f"Choose {few}. Without a choice the rule chooses."

    def clean_entries(self) -> list[str]:
        """raises ValidationError for more than may decide"""
        found: list[str] = self.cleaned_data["entries"]
        if len(found) > self._most:
            cause = f"You chose {len(found)}. At most {self._most} may decide: take some back."
            raise forms.ValidationError(cause)
        return found
