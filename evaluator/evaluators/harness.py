"""lm-evaluation-harness as a backend: its questions and its scoring, without its models.

Outside of the sandbox its library makes questions of a task file and the slice's rows, and later
turns answers into values. In between our own forward answers, inside. So no adapter ever meets the
harness, and its loaders, its caches and its hub are never reached. Workers only.
source  lm-evaluation-harness 0.4.13, `evaluator.evaluate`
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import datasets
import jinja2
import pyarrow as pa
from lm_eval.api.instance import Instance
from lm_eval.api.task import ConfigurableTask

from evaluator.errors import HarnessRefused
from evaluator.evaluators.form import Manner, Sample
from evaluator.evaluators.taskfile import CHOICE, PAUSE, WRITES, manner_of, read_task

SPLIT = "test"
MOST_CHARACTERS = 1 << 28  # a template may name a long column many times
_FAULTS = (  # what a row that does not fit a task makes the harness raise
    AssertionError, AttributeError, IndexError, KeyError, SyntaxError, TypeError, ValueError,
    RecursionError, jinja2.TemplateError, pa.ArrowException,
)  # fmt: skip
Found = TypeVar("Found")


class _OverRows(ConfigurableTask):
    """The harness's task over rows that are here already: its own would look for a data set."""

    def download(self, dataset_kwargs: dict[str, Any] | None = None, **_: object) -> None:
        self.dataset = dataset_kwargs


class TaskFiles:
    """What `form.Harness` promises."""

    def manner(self, task: str, metric: str) -> Manner:
        """How the model is asked; raises HarnessRefused."""
        return manner_of(read_task(task), metric)

    def requests(self, task: str, docs: Sequence[Sample]) -> list[list[tuple[str, str]]]:
        """(context, continuation) of each question about each document; raises HarnessRefused."""
        return _tried(lambda: _asked(*_built(task, docs)))

    def values(
        self, task: str, docs: Sequence[Sample], answers: Sequence[Sequence[object]]
    ) -> list[Mapping[str, object]]:
        """Metric -> value of each document; raises HarnessRefused."""
        return _tried(lambda: _values(task, docs, answers))


def _values(
    task: str, docs: Sequence[Sample], answers: Sequence[Sequence[object]]
) -> list[Mapping[str, object]]:
    built, rows = _built(task, docs)
    questions = _questions(built, rows)
    for asked, told in zip(questions, answers, strict=True):
        for one, answer in zip(asked, told, strict=True):
            one.resps = [answer]
    [kept] = built._filters  # noqa: SLF001 - evaluator.evaluate reads it too
    kept.apply([one for asked in questions for one in asked])
    return [
        built.process_results(row, [one.filtered_resps[kept.name] for one in asked])
        for row, asked in zip(rows, questions, strict=True)
    ]


def _built(task: str, docs: Sequence[Sample]) -> tuple[ConfigurableTask, list[dict[str, Any]]]:
    """The harness's own task over our rows, and the rows as it reads them."""
    found = datasets.Dataset.from_list([dict(one) for one in docs])
    config = read_task(task) | {"dataset_kwargs": {SPLIT: found}, "test_split": SPLIT}
    if config["output_type"] == WRITES:
        config["generation_kwargs"] = {"until": [PAUSE], **config.get("generation_kwargs", {})}
    return _OverRows(config=config), list(found)


def _questions(task: ConfigurableTask, rows: Sequence[dict[str, Any]]) -> list[list[Instance]]:
    found: list[list[Instance]] = []
    held = 0
    for place, row in enumerate(rows):
        context = task.fewshot_context(
            doc=row, num_fewshot=task.config.num_fewshot or 0, gen_prefix=task.doc_to_prefix(row)
        )
        asked = task.construct_requests(doc=row, ctx=context, metadata=("task", place, 1))
        found.append(asked if isinstance(asked, list) else [asked])
        held += sum(len(part) for one in found[-1] for part in _words(one))
        if held > MOST_CHARACTERS:
            raise ValueError(f"its questions are over {MOST_CHARACTERS} characters together")
    return found


def _asked(task: ConfigurableTask, rows: Sequence[dict[str, Any]]) -> list[list[tuple[str, str]]]:
    for place, row in enumerate(rows, start=1):
        if task.config.output_type == CHOICE and not _has_answer(task, row):
            raise ValueError(f"row {place} has no answer among its choices")
    return [[_words(one) for one in asked] for asked in _questions(task, rows)]


def _has_answer(task: ConfigurableTask, row: dict[str, Any]) -> bool:
    """The harness itself would take a missing answer for one that nobody finds."""
    choices = task.doc_to_choice(row)
    found = task.doc_to_text(row) if task.multiple_input else task.doc_to_target(row)
    answers = found if isinstance(found, list) else [found]
    return bool(answers) and all(
        one in choices if isinstance(one, str) else 0 <= int(one) < len(choices) for one in answers
    )


def _words(question: Instance) -> tuple[str, str]:
    """(context, continuation); a rolling text has no context, a prompt no continuation."""
    told = question.args
    if question.request_type == WRITES:
        return str(told[0]), ""
    return ("", str(told[0])) if len(told) == 1 else (str(told[0]), str(told[1]))


def _tried(work: Callable[[], Found]) -> Found:
    """What the harness makes of a stranger's rows, or a refusal."""
    try:
        return work()
    except _FAULTS as error:
        problem = f"{type(error).__name__}: {str(error)[:200]!a}"
        raise HarnessRefused(
            f"The task file does not fit the rows: {problem}.", field="", problem=problem
        ) from error
