"""The four pages on which a sponsor describes a competition. Texts are kept as they were typed."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django import forms
from django.conf import settings

from competitions import queries
from competitions.forms.data import DataForm
from competitions.forms.fields import (
    CurveField,
    DurationField,
    MomentField,
    PercentField,
    SharesField,
    StepForm,
    TokensField,
)
from competitions.rules.spec import (
    BOND_E8,
    FINALS,
    MOST_FINALS,
    OUR_ADDRESSES,
    SLUG,
    Problem,
    curve_problems,
    date_problems,
    dispute_problems,
    prize_problems,
    title_problems,
    too_late,
    too_much,
    window_problems,
)
from ledger import queries as ledger_queries
from ledger.actions import ms


class TaskForm(StepForm):
    """What the competition is about."""

    title = forms.CharField(max_length=80, help_text="A question or a claim reads well.")
    competition = forms.CharField(
        label="Short name",
        max_length=48,
        help_text="Part of every address and command: small letters, digits, hyphens.",
    )
    summary = forms.CharField(
        widget=forms.Textarea,
        max_length=2000,
        required=False,
        help_text="What is asked, where the data comes from, what makes an entry good.",
    )

    typed_at = MappingProxyType({"title": "title"})

    def clean(self) -> dict[str, Any]:
        """raises ValidationError for a title that cannot be printed on one line"""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        self.refuse(title_problems(found.get("title", "")))
        return found

    def clean_competition(self) -> str:
        """raises ValidationError for a name that is no name, is ours, or is taken"""
        name: str = self.cleaned_data["competition"]
        if not SLUG.fullmatch(name):
            raise forms.ValidationError("Use small letters, digits and single hyphens.")
        if name in OUR_ADDRESSES or queries.has_competition(name):
            raise forms.ValidationError(f"The short name {name} is taken. Choose another.")
        return name


class PrizeForm(StepForm):
    """What is paid, and when. Times are UTC."""

    prize = TokensField(help_text="In tokens. It is held in escrow until the rules pay it.")
    curve = CurveField(
        label="Payout curve",
        initial="8,4,2,1",
        help_text="Weights of the places. 8,4,2,1 pays the first place twice the second.",
    )
    opens = MomentField(
        label="Opens (UTC)", required=False, help_text="Empty: as soon as it is published."
    )
    closes = MomentField(label="Closes (UTC)", required=False)
    closes_in = DurationField(
        label="Or stays open for",
        required=False,
        help_text="Instead of a date: 90 s, 10 min, 3 h, 7 days.",
    )
    dispute = DurationField(
        label="Dispute window",
        initial="1 day",
        help_text="Between the final ranking and the payout.",
    )
    quota = forms.IntegerField(
        label="Runs per miner",
        initial=10,
        min_value=1,
        max_value=1000,
        help_text="In each window. A refused entry gives its run back.",
    )
    finals = forms.IntegerField(
        label="Entries of a miner that decide",
        required=False,
        initial=FINALS,
        min_value=1,
        max_value=MOST_FINALS,
        help_text="Empty: 2. Each miner names so many before the close. Only these are scored on"
        " the sealed slice and opened; the fewer, the smaller the gap that wins.",
    )
    window = DurationField(label="Window", initial="1 day", help_text="Then the runs count anew.")

    typed_at = MappingProxyType(
        {
            "prize_nano": "prize",
            "curve": "curve",
            "opens_at_ms": "opens",
            "closes_at_ms": "closes",
            "dispute_s": "dispute",
            "window_s": "window",
        }
    )

    def clean_finals(self) -> int:
        """Without a word the usual number."""
        return int(self.cleaned_data["finals"] or FINALS)

    def clean_dispute(self) -> int:
        """raises ValidationError below the shortest window of this site"""
        dispute_s: int = self.cleaned_data["dispute"]
        least_s = settings.DISPUTE_LEAST_S
        if dispute_s < least_s:
            raise forms.ValidationError(f"On this site it lasts {least_s} s at least.")
        return dispute_s

    def clean(self) -> dict[str, Any]:
        """raises ValidationError, at each field, for what no competition may have"""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        rules: dict[str, Callable[[Any], Iterable[Problem]]] = {
            "prize": prize_problems,
            "curve": curve_problems,
            "dispute": dispute_problems,
            "window": window_problems,
        }
        for name, rule in rules.items():
            if name in found:
                self.refuse(rule(found[name]))
        self.refuse(too_much(found.get("prize") or 0, BOND_E8))
        named = [name for name in ("closes", "closes_in") if found.get(name) is not None]
        if len(named) == 2:
            self.add_error("closes_in", "Name the close once: as a date, or as a duration.")
        elif not named and not {"closes", "closes_in"} & set(self.errors):
            self.add_error("closes", "Say when it closes: a date here, or a duration below.")
        elif named and "opens" in found:
            self._check_dates(found, named[0])
        return found

    def _check_dates(self, found: dict[str, Any], named: str) -> None:
        """A problem of the close is told where the close was typed."""
        now_ms = ms(self.now)
        opens_at_ms, closes_at_ms = moments(found, self.now)
        self.typed_at = MappingProxyType({**self.typed_at, "closes_at_ms": named})
        self.refuse(date_problems(opens_at_ms, closes_at_ms, now_ms=now_ms))
        self.refuse(too_late(closes_at_ms, now_ms))


def moments(typed: Mapping[str, Any], now: datetime) -> tuple[int, int]:
    """When it opens and closes, of a page whose dates were read."""
    opens_at_ms, closes = ms(typed["opens"] or now), typed.get("closes")
    return opens_at_ms, ms(closes) if closes else opens_at_ms + 1000 * typed["closes_in"]


class TermsForm(StepForm):
    """What an entry's licence must give at least, and under which terms the data is lent."""

    commercial = forms.ChoiceField(
        label="Commercial use of an entry",
        choices=[
            ("fee", "for a one-time fee, at most the amount below"),
            ("free", "free of charge"),
            ("none", "each miner decides"),
        ],
        initial="fee",
    )
    commercial_fee = TokensField(
        label="Highest one-time fee", required=False, initial="100", help_text="In tokens."
    )
    derive_share = PercentField(
        label="Adapters made from an entry owe it",
        required=False,
        help_text="At most this share, in per cent, of what they earn. Empty: nothing.",
    )
    train = forms.ChoiceField(
        label="Training on an entry",
        choices=[("none", "each miner decides"), ("free", "allowed")],
        initial="none",
    )
    data_share = PercentField(
        label="Share of the data",
        required=False,
        initial="10",
        help_text="In per cent: what the data's contributors get of every licence of an adapter "
        "that was trained on it.",
    )
    contributors = SharesField(
        label="Contributors of the data",
        required=False,
        help_text="One a line: account weight. Empty: you alone.",
    )

    def clean_contributors(self) -> tuple[Any, ...]:
        """raises ValidationError for an account that does not exist"""
        shares: tuple[Any, ...] = self.cleaned_data["contributors"]
        odd = [one.payee for one in shares if not ledger_queries.has_account(one.payee)]
        if odd:
            cause = f"There is no account {odd[0]}. It has to sign up first."
            raise forms.ValidationError(cause, code="ledger.account_unknown")
        return shares

    def clean(self) -> dict[str, Any]:
        """raises ValidationError, at the amount, when a fee is chosen without one"""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        is_fee = found.get("commercial") == "fee"
        if is_fee and not found.get("commercial_fee") and "commercial_fee" not in self.errors:
            self.add_error("commercial_fee", "Name the highest fee, or choose another way.")
        return found


STEPS: Mapping[str, type[StepForm]] = MappingProxyType(
    {"task": TaskForm, "data": DataForm, "prize": PrizeForm, "terms": TermsForm}
)
