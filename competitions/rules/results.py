"""What a result must be: of the task, and following from its own records."""

import re
from functools import lru_cache
from typing import NamedTuple

from assay.errors import AssayError
from assay.messages import Result
from competitions.rules import records
from competitions.rules.checks import need
from competitions.rules.prizes import Mark
from competitions.rules.rows import Competition, Evaluator
from evaluator.evaluators.form import Metric
from evaluator.registry import metric_named
from ledger.rules.entry import Entry

_HASH = re.compile(r"[0-9a-f]{64}")


class Slice(NamedTuple):
    """What the task fixed of one slice."""

    metric: str
    examples: int
    units: int


def public_slice(evaluator: Evaluator) -> Slice:
    return Slice(evaluator.metric, evaluator.public_examples, evaluator.public_units)


def board_slice(evaluator: Evaluator) -> Slice:
    return Slice(evaluator.metric, evaluator.board_examples, evaluator.board_units)


def final_slice(evaluator: Evaluator) -> Slice:
    return Slice(evaluator.metric, evaluator.final_examples, evaluator.final_units)


def is_hash(text: str) -> bool:
    return bool(_HASH.fullmatch(text))


def judged(entry: Entry, result: Result, asked: Slice) -> Mark:
    """The mark of a result that follows from its records. raises FoldRefused"""
    need(result.examples == asked.examples, entry, "the number of examples differs")
    roots = (result.results_root, result.results_sha256)
    need(all(is_hash(one) for one in roots), entry, "a hash is none")
    try:
        metric = metric_named(asked.metric)
        numbers = numbers_of(result, metric)
        score_e9 = metric.score_e9(numbers, asked.units)
        mark = Mark(metric.merit(numbers, asked.units), tuple(metric.points(numbers)))
    except (AssayError, ArithmeticError, ValueError) as error:
        need(False, entry, str(error))  # noqa: FBT003
        raise
    need(result.score_e9 == score_e9, entry, "the score does not follow from the records")
    return mark


def mark_of(result: Result, asked: Slice) -> Mark:
    """The mark of a result that the fold has taken."""
    metric = metric_named(asked.metric)
    numbers = numbers_of(result, metric)
    return Mark(metric.merit(numbers, asked.units), tuple(metric.points(numbers)))


def interval_e9(result: Result, metric: str) -> tuple[int, int] | None:
    """The 95 % interval of a result that the fold has taken, where its metric has one."""
    return interval_of(result.records, result.examples, metric)


@lru_cache(maxsize=512)  # a board shows a hundred again and again, and each is exact arithmetic
def interval_of(packed: str, examples: int, metric: str) -> tuple[int, int] | None:
    """The same of the records alone."""
    found = metric_named(metric)
    return found.interval_e9(_unpacked(packed, examples, found)) if found.interval_e9 else None


def numbers_of(result: Result, metric: Metric) -> tuple[int, ...]:
    """A result's records. raises ValueError unless they are as they are written"""
    return _unpacked(result.records, result.examples, metric)


def _unpacked(packed: str, examples: int, metric: Metric) -> tuple[int, ...]:
    return records.unpack(packed, metric.width * examples, is_binary=metric.is_binary)


def of_this_task(entry: Entry, contest: Competition) -> None:
    """raises FoldRefused for a score by another evaluator"""
    is_right = entry.body.manifest_sha256 == contest.spec.manifest_sha256
    need(is_right, entry, "another evaluator")
