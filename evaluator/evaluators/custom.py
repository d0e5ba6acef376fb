"""Evaluators `custom_*`: custom code, sponsor-controlled.

A model is asked as another evaluator asks it. Then the sponsor's own function maps each pair of
prediction and reference to a number from 0 to 1. It runs in the score sandbox, where there is
neither adapter nor base nor a miner's name; what it gave is checked and averaged here.
"""

from collections.abc import Sequence
from dataclasses import replace

from evaluator.evaluators.classification import CLASSIFICATION
from evaluator.evaluators.figures import mean_e9, normal_e9, total
from evaluator.evaluators.form import E9, Context, Evaluator, Metric, Prediction
from evaluator.evaluators.generation import GENERATION, written
from evaluator.evaluators.lm import LM

NOTE = "custom code: sponsor-controlled"


def given(
    predictions: Sequence[Prediction], labels: Sequence[object], context: Context
) -> tuple[int, ...]:
    """What the sponsor's code gave each example, in parts of 10^9.

    raises ValueError unless it gave every example a number from 0 to 10^9
    """
    if not len(predictions) == len(labels) == len(context.given):
        raise ValueError("the code gave another number of answers than there are examples")
    if not all(type(one) is int and 0 <= one <= E9 for one in context.given):
        raise ValueError("the code gave an answer beyond 0 to 10^9")
    return context.given


def told(
    evaluator: str,
    classes: Sequence[str],
    predictions: Sequence[Prediction],
    labels: Sequence[object],
    context: Context,
) -> tuple[list[object], list[object]]:
    """What the sponsor's code is told: (predictions, references), JSON values.

    custom_generation      the written text, and the list of references
    custom_classification  the names of both classes
    custom_lm              the cost in units of 2^-32 nat, and [scored tokens, their bytes]
    """
    if evaluator == "custom_generation":
        return [written(one, context) for one in predictions], list(labels)
    if evaluator == "custom_classification":
        named = [classes[one[0]] for one in predictions]
        return [*named], [classes[int(str(label))] for label in labels]
    return [one[0] for one in predictions], list(labels)


def _custom(asked: Evaluator) -> Evaluator:
    """The evaluator that asks like this one, and is scored by the sponsor's code."""
    name = f"custom_{asked.name}"
    metric = Metric(
        name=name,
        version=1,
        title=f"mean of what the sponsor's code gives ({NOTE})",
        width=1,
        is_binary=False,
        records=given,
        score_e9=mean_e9,
        merit=total,
        points=tuple,
        interval_e9=normal_e9,
        points_cap=E9,
    )
    title = f"{asked.title} ({NOTE})"
    return replace(asked, name=name, title=title, metrics=(metric,), needs_code=True)


CUSTOM: tuple[Evaluator, ...] = tuple(_custom(one) for one in (GENERATION, CLASSIFICATION, LM))
