"""The four pages on which a sponsor describes a competition. Texts are kept as they were typed."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from competitions import queries
from competitions.forms.fields import (
    CurveField,
    DurationField,
    MomentField,
    PairsField,
    PercentField,
    SharesField,
    TokensField,
)
from competitions.rules.spec import SLUG
from competitions.rules.task import (
    GENERIC_WORDS,
    MOST_TEXT_BYTES,
    RACE_OFF,
    RACE_ON,
    SANDBOX_LEVELS,
    misfits,
)
from evaluator.bases import Base, base_named, bases
from evaluator.manifest import EXACT, FAST
from evaluator.racing import LEAST_EXAMPLES
from evaluator.registry import REGISTERED, evaluator_of
from ledger import queries as ledger_queries

SLICES, TEXTS = ("train", "public", "final"), ("code", "task")
FILE_KINDS = (".jsonl", ".csv", ".parquet")
OUR_ADDRESSES = frozenset({"new"})  # /competitions/new/ leads to the sponsor's desk


class StepForm(forms.Form):
    """A page of the wizard. The browser blocks nothing, so that half a page can be saved too."""

    use_required_attribute = False


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

    def clean_title(self) -> str:
        """raises ValidationError for a title that cannot be printed on one line"""
        title: str = self.cleaned_data["title"]
        if not title.isprintable():
            raise forms.ValidationError("Write the title on one line.")
        return title

    def clean_competition(self) -> str:
        """raises ValidationError for a name that is no name, is ours, or is taken"""
        name: str = self.cleaned_data["competition"]
        if not SLUG.fullmatch(name):
            raise forms.ValidationError("Use small letters, digits and single hyphens.")
        if name in OUR_ADDRESSES or queries.has_competition(name):
            raise forms.ValidationError(f"The short name {name} is taken. Choose another.")
        return name


def base_words(base: Base) -> str:
    """A base as a choice: its title, and what is special about it."""
    return f"{base.title} ({GENERIC_WORDS})" if base.is_generic else base.title


def metric_choices(base: Base | None) -> list[tuple[str, list[tuple[str, str]]]]:
    """Evaluator -> its metrics, of those evaluators that fit the base; all when none is named."""
    fitting = [one for one in REGISTERED if base is None or one.fits(base.shape)]
    return [
        (evaluator.title, [(one.name, f"{one.name}: {one.title}") for one in evaluator.metrics])
        for evaluator in fitting
    ]


class DataForm(StepForm):
    """What is trained on and scored. The files are only stored here; a worker reads them.

    stored  slice -> the file that the draft has already
    """

    base = forms.ChoiceField(
        label="Base model",
        help_text="Every entry is an adapter of exactly these bytes.",
    )
    metric = forms.ChoiceField(
        help_text="By evaluator. Entries are ranked by it, and must beat the baseline in it.",
    )
    mode = forms.ChoiceField(
        label="Public scores",
        required=False,
        choices=[
            (FAST, "fast: the same bits on one kind of machine"),
            (EXACT, "exact: the same bits everywhere, about twice the work"),
        ],
        help_text="The sealed slice is always scored exactly, wherever the base has an exact form.",
    )
    train = forms.FileField(
        label="Training data",
        error_messages={"required": "Choose a file."},
        help_text="Public. Rows of text and label, as .jsonl, .csv or .parquet.",
    )
    public = forms.FileField(
        label="Public test data",
        error_messages={"required": "Choose a file."},
        help_text="Public. The board is scored on it.",
    )
    final = forms.FileField(
        label="Sealed test data",
        error_messages={"required": "Choose a file."},
        help_text="Secret until the close. It decides the prizes, so nobody may have seen it.",
    )
    code = forms.FileField(
        label="Your own scoring code",
        required=False,
        help_text="Only for custom metrics: one Python file with score(prediction, reference), "
        "from 0 to 1. Public. It runs in a jail of its own, and sees nothing else.",
    )
    task = forms.FileField(
        label="Task file",
        required=False,
        help_text="Only for metrics of lm-evaluation-harness: its task in YAML. Public.",
    )
    columns = PairsField(
        label="Columns with another name",
        help_text="One a line, name = name in your files. Nothing when they are called "
        "as the metric calls them.",
    )
    options = PairsField(
        label="Options of the metric",
        help_text="One a line, name = value; quote a value that begins or ends with a space. "
        "Nothing: the usual ones.",
    )
    max_tokens = forms.IntegerField(
        label="Tokens per example",
        initial=48,
        min_value=8,
        max_value=512,
        help_text="Longer texts are cut; fewer tokens score faster.",
    )
    race = forms.ChoiceField(
        required=False,
        choices=[
            (RACE_ON, "on: an entry that cannot reach a paid place is stopped early"),
            (RACE_OFF, "off: every entry runs on all public test data"),
        ],
        help_text=f"Only with {LEAST_EXAMPLES:,} rows of public test data or more, and where the "
        "metric allows it. A stopped entry is not scored on the sealed slice.",
    )
    min_sandbox_level = forms.ChoiceField(
        label="Weakest sandbox",
        required=False,
        choices=[(name, name) for name in SANDBOX_LEVELS],
        help_text="A worker that locks adapters up less strongly takes no run of it.",
    )

    def __init__(
        self,
        *arguments: Any,
        stored: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
        **more: Any,
    ) -> None:
        super().__init__(*arguments, **more)
        known = bases()
        choices: dict[str, list[Any]] = {
            "base": [(one.name, base_words(one)) for one in known],
            "metric": metric_choices(None),
        }
        for name, offered in choices.items():
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField), name
            field.choices = offered
        self.fields["metric"].widget.choices = metric_choices(self._base(known))
        self._stored = stored
        for name in SLICES:
            self.fields[name].required = name not in stored
        for name, file in stored.items():
            replace = f"Uploaded: {file['name']}. Choose a file only to replace it."
            self.fields[name].help_text = replace

    def _base(self, known: Sequence[Base]) -> Base | None:
        """The base that was chosen, when one was: only the metrics that fit it are offered."""
        return next((one for one in known if one.name == self.data.get("base")), None)

    def clean_mode(self) -> str:
        return self.cleaned_data["mode"] or FAST

    def clean_race(self) -> str:
        return self.cleaned_data["race"] or RACE_ON

    def clean_min_sandbox_level(self) -> str:
        return self.cleaned_data["min_sandbox_level"] or SANDBOX_LEVELS[0]

    def clean(self) -> dict[str, Any]:
        """raises ValidationError, at each field, for choices that do not fit together"""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        if "base" in found and "metric" in found:
            evaluator = evaluator_of(found["metric"])
            texts = {one: found.get(one) or one in self._stored for one in TEXTS}
            base = base_named(found["base"])
            for name, cause in misfits(base, evaluator, found | texts).items():
                self.add_error(name, cause)
        return found

    def clean_train(self) -> UploadedFile | None:
        return self._file("train")

    def clean_public(self) -> UploadedFile | None:
        return self._file("public")

    def clean_final(self) -> UploadedFile | None:
        return self._file("final")

    def clean_code(self) -> UploadedFile | None:
        return self._text("code", (".py",))

    def clean_task(self) -> UploadedFile | None:
        return self._text("task", (".yaml", ".yml"))

    def _text(self, name: str, kinds: tuple[str, ...]) -> UploadedFile | None:
        """raises ValidationError for another kind of file, and past the limit"""
        file: UploadedFile | None = self.cleaned_data[name]
        if file is None:
            return None
        if Path(str(file.name)).suffix.lower() not in kinds:
            raise forms.ValidationError(f"Choose a {kinds[0]} file.")
        if (file.size or 0) > MOST_TEXT_BYTES:
            raise forms.ValidationError(f"Choose one of at most {MOST_TEXT_BYTES >> 10} KiB.")
        return file

    def _file(self, name: str) -> UploadedFile | None:
        """raises ValidationError for another kind of file, and past the limit"""
        file: UploadedFile | None = self.cleaned_data[name]
        limit_bytes = settings.DATA_FILE_LIMIT_BYTES
        if file is None:
            return None
        if Path(str(file.name)).suffix.lower() not in FILE_KINDS:
            raise forms.ValidationError("Choose a .jsonl, .csv or .parquet file.")
        if (file.size or 0) > limit_bytes:
            cause = f"The file is larger than {limit_bytes >> 20} MiB. Choose a smaller one."
            raise forms.ValidationError(cause, code="ledger.blob_too_large")
        return file


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
    window = DurationField(label="Window", initial="1 day", help_text="Then the runs count anew.")

    def clean_dispute(self) -> int:
        """raises ValidationError below the shortest window of this site"""
        dispute_s: int = self.cleaned_data["dispute"]
        least_s = settings.DISPUTE_LEAST_S
        if dispute_s < least_s:
            raise forms.ValidationError(f"On this site it lasts {least_s} s at least.")
        return dispute_s

    def clean(self) -> dict[str, Any]:
        """raises ValidationError, at `closes`, unless the close is named in exactly one way"""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        named = [name for name in ("closes", "closes_in") if found.get(name) is not None]
        if len(named) == 2:
            self.add_error("closes_in", "Name the close once: as a date, or as a duration.")
        elif not named and not {"closes", "closes_in"} & set(self.errors):
            self.add_error("closes", "Say when it closes: a date here, or a duration below.")
        return found


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
        label="Highest one-time fee", required=False, initial="100", help_text="In ASSAY tokens."
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


STEPS: Mapping[str, type[forms.Form]] = MappingProxyType(
    {"task": TaskForm, "data": DataForm, "prize": PrizeForm, "terms": TermsForm}
)
