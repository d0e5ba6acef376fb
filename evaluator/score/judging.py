"""Predictions against labels, outside of the sandbox: records, score and the tree of results.

No torch here: the worker's own process judges, and so does anybody who checks it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from evaluator.evaluators.form import Context, Metric, Prediction
from evaluator.registry import evaluator_named, metric_named
from evaluator.score.racing import plan_of
from evaluator.score.results import ResultTree, result_tree
from evaluator.task.manifest import Manifest
from evaluator.task.slices import Inputs


@dataclass(frozen=True)
class Judged:
    """What a run came to.

    records  the metric's whole numbers, from which score, rank and ties follow
    tree     over the predictions, per batch of the plan
    """

    records: tuple[int, ...]
    score_e9: int
    tree: ResultTree


def are_sound(found: Sequence[Prediction], inputs: Inputs, manifest: Manifest) -> bool:
    """True for what an honest run can give: one answer per example, of its evaluator's form."""
    evaluator = evaluator_named(manifest.metric.evaluator)
    return len(found) == len(inputs.examples) and all(
        evaluator.is_sound(one, rows, len(manifest.labels))
        for one, rows in zip(found, inputs.examples, strict=True)
    )


def judge(
    found: Sequence[Prediction],
    labels: Sequence[object],
    inputs: Inputs,
    manifest: Manifest,
    context: Context,
) -> Judged:
    """The records, the score and the tree of sound predictions on a whole slice.

    context  its units are the slice's, which the manifest pins
    """
    metric = metric_of(manifest)
    records = metric.records(found, labels, context)
    plan = plan_of(inputs, manifest, context.order)
    score_e9 = metric.score_e9(records, context.units)
    return Judged(records, score_e9, result_tree(found, plan))


def metric_of(manifest: Manifest) -> Metric:
    """The metric that the manifest names."""
    return metric_named(manifest.metric.name)
