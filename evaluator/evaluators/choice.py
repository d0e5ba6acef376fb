"""Evaluator `choice`: which of a question's choices does a decoder find the likeliest?

The figures are those of lm-evaluation-harness: `acc` takes the likelihood of the whole choice,
`acc_norm` divides its logarithm by the choice's characters, `acc_bytes` by its bytes.
source  lm-evaluation-harness 0.4.13, `ConfigurableTask.process_results`
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from evaluator.bases.shapes import is_decoder
from evaluator.evaluators.asking import cost, nll_is_sound, scored_row, unfit
from evaluator.evaluators.figures import share_e9, total, wilson_e9
from evaluator.evaluators.form import (
    Context,
    Evaluator,
    Ideal,
    Metric,
    Model,
    Obstacle,
    Packed,
    Prediction,
    Predictor,
    Sample,
    Task,
)
from evaluator.task.slices import Inputs, Row

LEAST_CHOICES = 2
Judged = Callable[[Sequence[Prediction], Sequence[object], Context], tuple[int, ...]]


def pack(rows: Sequence[Sample], task: Task) -> Packed:
    """One row per choice, behind the question and the delimiter.

    A label is [place of the right choice, [characters of each], [bytes of each]].
    raises SampleUnfit
    """
    between = task.options["delimiter"]
    examples, labels = [], []
    for place, one in enumerate(rows, start=1):
        choices = _choices(one, place)
        question = str(one["question"])
        examples.append(
            tuple(scored_row(task.tokens, question, between + each, row=place) for each in choices)
        )
        sizes = [len(each) for each in choices], [len(each.encode()) for each in choices]
        labels.append([_right(one, choices, place), *sizes])
    return Packed(Inputs(tuple(examples)), tuple(labels), len(rows))


def ideal(packed: Packed, _: Task) -> list[Ideal]:
    """The right choice costs nothing, and so does each that is the same to the model."""
    return [
        Ideal([int(row.ids != rows[_place(label)].ids) for row in rows], _twice(rows, label))
        for rows, label in zip(packed.inputs.examples, packed.labels, strict=True)
    ]


def all_alike(packed: Packed, _: Sequence[Prediction]) -> list[Prediction]:
    """Every choice costs the same, so the first one is taken."""
    return [[1] * len(rows) for rows in packed.inputs.examples]


def _twice(rows: Sequence[Row], label: object) -> Obstacle | None:
    right = rows[_place(label)].ids
    if [row.ids for row in rows].index(right) == _place(label):
        return None
    problem = "its right choice stands there twice, and of equal ones the first is taken"
    return Obstacle("choices", problem, "Give each row choices that differ.")


def _place(label: object) -> int:
    assert isinstance(label, list), "a label is a list"
    return int(label[0])


def predictor(model: Model, _: Sequence[Row], __: Mapping[str, str]) -> Predictor:
    """Each prediction has what every choice costs, in units of 2^-32 nat."""

    def answer(batch: Sequence[tuple[Row, ...]]) -> list[list[int]]:
        found = iter(model.scored([row for rows in batch for row in rows]))
        return [[cost(next(found)) for _ in rows] for rows in batch]

    return answer


def is_sound(prediction: Prediction, rows: Sequence[Row], _: int) -> bool:
    return len(prediction) == len(rows) and all(map(nll_is_sound, prediction, rows))


def right(sizes: int | None) -> Judged:
    """Records: 1 where the right choice costs the least per size, of equal ones the first.

    sizes  which entry of the label has what costs are divided by; None: nothing
    """

    def judged(
        predictions: Sequence[Prediction], labels: Sequence[object], _: Context
    ) -> tuple[int, ...]:
        pairs = zip(predictions, labels, strict=True)
        return tuple(int(_least(one, label, sizes)) for one, label in pairs)

    return judged


def _least(costs: Prediction, label: object, sizes: int | None) -> bool:
    assert isinstance(label, list), "a label is a list"
    over = label[sizes] if sizes else [1] * len(costs)
    per_size = [Fraction(paid, size) for paid, size in zip(costs, over, strict=True)]
    return bool(per_size.index(min(per_size)) == label[0])


def _choices(one: Sample, place: int) -> list[str]:
    found = one["choices"]
    if not isinstance(found, list) or len(found) < LEAST_CHOICES:
        raise unfit(place, "it needs a list of at least two choices")
    return [str(each) for each in found]


def _right(one: Sample, choices: list[str], place: int) -> int:
    """The place of the answer, which is a text among the choices or a place from 0."""
    answer = one["answer"]
    if isinstance(answer, str) and answer in choices:
        return choices.index(answer)
    text = str(answer)
    if text.isascii() and text.isdecimal() and int(text) < len(choices):
        return int(text)
    raise unfit(place, "its answer is none of the choices, nor a place from 0")


def _metric(name: str, title: str, sizes: int | None) -> Metric:
    return Metric(
        name=name,
        version=1,
        title=title,
        width=1,
        is_binary=True,
        records=right(sizes),
        score_e9=share_e9,
        merit=total,
        points=tuple,
        interval_e9=wilson_e9,
        points_cap=1,
        best=1,
    )


CHOICE = Evaluator(
    name="choice",
    title="Which of some choices is the likeliest?",
    columns={
        "question": "what stands before the choices",
        "choices": "a list of texts",
        "answer": "the right one, or its place from 0",
    },
    options={"delimiter": " "},
    metrics=(
        _metric("acc", "share of right choices by likelihood", None),
        _metric("acc_norm", "share of right choices by likelihood per character", 1),
        _metric("acc_bytes", "share of right choices by likelihood per byte", 2),
    ),
    fits=is_decoder,
    pack=pack,
    predictor=predictor,
    is_sound=is_sound,
    ideal=ideal,
    constant=all_alike,
)
