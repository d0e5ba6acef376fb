"""The page of the data: base, metric, files and code. The files are only stored; a worker reads."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile

from competitions.forms.fields import FieldGroup, PairsField, StepForm
from competitions.rules.preview import SLICES, WHOLE
from competitions.rules.prizes import least_wins
from competitions.rules.task import (
    GENERIC_WORDS,
    MOST_TEXT_BYTES,
    SANDBOX_LEVELS,
    SANDBOX_WORDS,
    misfits,
)
from evaluator.bases import Base, base_named, bases
from evaluator.registry import REGISTERED, evaluator_of

TEXTS = ("code", "task")
FILE_KINDS = (".csv", ".tsv", ".jsonl", ".ndjson", ".json", ".parquet")
LEAST_ROWS = 3 + 2 * least_wins(0)  # of one file: two to train on, one to check on, two wins


GROUPS = (  # of the page's fields
    ("", ("base", "metric", WHOLE, "seed", "group")),
    ("Four files instead of one", SLICES),
    ("More choices", ("columns", "options", "code", "task", "max_tokens",
                      "min_sandbox_level")),
)  # fmt: skip


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


def columns_said() -> str:
    """What the metrics of each evaluator call the columns that a file needs."""
    named = {", ".join(one.columns): one.title for one in reversed(REGISTERED) if one.columns}
    return "; ".join(f"{title} {columns}" for columns, title in reversed(named.items()))


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
    whole = forms.FileField(
        label="Your data in one file",
        required=False,
        help_text="As .csv, .jsonl or .parquet, with the columns of the metric. The site splits it "
        "by a seed, each class by itself: rows to train on, rows to check on, and sealed rows for "
        "the board and for the prizes. Or choose four files below.",
    )
    seed = forms.CharField(
        label="Seed of the split",
        required=False,
        max_length=40,
        initial="1",
        help_text="Any text. The same seed splits the same file in the same way.",
    )
    group = forms.CharField(
        label="Column of groups",
        required=False,
        max_length=100,
        help_text="Rows with the same value in this column of your file, such as those of one "
        "author, stay together.",
    )
    train = forms.FileField(
        label="Training data",
        required=False,
        help_text="Public. Rows with the columns of the metric, as .csv, .jsonl or .parquet.",
    )
    public = forms.FileField(
        label="Open sample",
        required=False,
        help_text="Public, with its labels. Miners check on it at home; it ranks nobody.",
    )
    board = forms.FileField(
        label="Board data",
        required=False,
        help_text="Sealed until all is judged. The live board is scored on it.",
    )
    final = forms.FileField(
        label="Final data",
        required=False,
        help_text="Sealed until all is judged. It decides the prizes, so nobody may have seen it.",
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
        f"as the metric calls them: {columns_said()}.",
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
    min_sandbox_level = forms.ChoiceField(
        label="Weakest sandbox",
        required=False,
        choices=[
            (name, f"{name}: {words}")
            for name, words in zip(SANDBOX_LEVELS, SANDBOX_WORDS, strict=True)
        ],
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
        for name, file in stored.items():
            replace = f"Uploaded: {file['name']}. Choose a file only to replace it."
            self.fields[name].help_text = replace

    @property
    def groups(self) -> list[FieldGroup]:
        """The fields as the page shows them; a part that most leave alone is folded."""
        is_typed = any(self[name].value() for name in ("columns", "options"))
        has_texts = any(name in self._stored for name in TEXTS)
        folded = {"Four files instead of one": any(one in self._stored for one in SLICES),
                  "More choices": is_typed or has_texts}  # fmt: skip
        return [FieldGroup(title, [self[name] for name in names], is_open=folded.get(title, True))
                for title, names in GROUPS]  # fmt: skip

    def _base(self, known: Sequence[Base]) -> Base | None:
        """The base that was chosen, when one was: only the metrics that fit it are offered."""
        return next((one for one in known if one.name == self.data.get("base")), None)

    def clean_min_sandbox_level(self) -> str:
        return self.cleaned_data["min_sandbox_level"] or SANDBOX_LEVELS[0]

    def clean(self) -> dict[str, Any]:
        """raises ValidationError, at each field, for choices that do not fit together"""
        found: dict[str, Any] = super().clean() or self.cleaned_data
        for name, cause in self._file_faults():
            self.add_error(name, cause)
        if "base" in found and "metric" in found:
            evaluator = evaluator_of(found["metric"])
            texts = {one: found.get(one) or one in self._stored for one in TEXTS}
            base = base_named(found["base"])
            for name, cause in misfits(base, evaluator, found | texts).items():
                self.add_error(name, cause)
        return found

    def _file_faults(self) -> Iterator[tuple[str, str]]:
        """Either one file or all four, of those that are sent now and those that were before."""
        sent = {name for name in (WHOLE, *SLICES) if self.files.get(name)}
        if WHOLE in sent and len(sent) > 1:
            yield WHOLE, "Choose one file here, or four below, not both."
        held = sent or set(self._stored)
        if sent and WHOLE not in sent:
            held = (sent | set(self._stored)) - {WHOLE}
        if not held & {WHOLE, *SLICES} and not sent:
            yield WHOLE, "Choose a file."
        elif WHOLE not in held:
            yield from ((name, "Choose a file.") for name in SLICES if name not in held)

    def clean_whole(self) -> UploadedFile | None:
        return self._file(WHOLE)

    def clean_train(self) -> UploadedFile | None:
        return self._file("train")

    def clean_public(self) -> UploadedFile | None:
        return self._file("public")

    def clean_board(self) -> UploadedFile | None:
        return self._file("board")

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
            raise forms.ValidationError("Choose a .csv, .jsonl or .parquet file.")
        if (file.size or 0) > limit_bytes:
            cause = f"The file is larger than {limit_bytes >> 20} MiB. Choose a smaller one."
            raise forms.ValidationError(cause, code="ledger.blob_too_large")
        leasts = {WHOLE: LEAST_ROWS, "final": settings.LEAST_FINAL_EXAMPLES}
        least, most = leasts.get(name, 0), most_rows(file)
        if most is not None and most < least:
            rows = "1 row" if most == 1 else f"{most or 'no'} rows"
            raise forms.ValidationError(
                f"It has {rows}. {least} are the fewest with which a win is proved here.",
                code="data.too_small",
            )
        return file


def most_rows(file: UploadedFile) -> int | None:
    """How many rows a text file can have at most, by its line ends alone; None: they do not tell.

    Nothing of it is parsed here: a worker's reader counts the rows.
    """
    suffix = Path(str(file.name)).suffix.lower()
    if suffix == ".parquet":
        return None
    lines, last, is_list = 0, b"\n", False
    for place, chunk in enumerate(file.chunks()):
        is_list = is_list or (place == 0 and chunk.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"["))
        lines += chunk.count(b"\n") + chunk.count(b"\r") - chunk.count(b"\r\n")
        last = chunk[-1:] or last
    file.seek(0)
    if is_list:  # JSON in one list may stand on one line
        return None
    lines += last not in (b"\n", b"\r")
    return max(lines - (suffix in (".csv", ".tsv")), 0)
