"""Every evaluator and every metric by name: one line each. docs/adding-an-evaluator.md says how."""

from collections.abc import Mapping

from assay.errors import did_you_mean
from evaluator.errors import EvaluatorUnknown, MetricUnknown
from evaluator.evaluators.choice import CHOICE
from evaluator.evaluators.classification import CLASSIFICATION
from evaluator.evaluators.custom import CUSTOM
from evaluator.evaluators.form import E9, Evaluator, Metric
from evaluator.evaluators.generation import GENERATION
from evaluator.evaluators.lm import LM
from evaluator.evaluators.lm_eval import LM_EVAL
from evaluator.evaluators.retrieval import RETRIEVAL

REGISTERED: tuple[Evaluator, ...] = (
    CLASSIFICATION,
    LM,
    CHOICE,
    RETRIEVAL,
    GENERATION,
    LM_EVAL,
    *CUSTOM,
)

EVALUATORS: Mapping[str, Evaluator] = {one.name: one for one in REGISTERED}
METRICS: Mapping[str, Metric] = {
    metric.name: metric for one in REGISTERED for metric in one.metrics
}


def evaluator_named(name: str) -> Evaluator:
    """The registered evaluator of this name; raises EvaluatorUnknown."""
    if name in EVALUATORS:
        return EVALUATORS[name]
    raise EvaluatorUnknown(
        f"There is no evaluator {name!r:.80}.",
        next_step=did_you_mean(name, EVALUATORS) or EvaluatorUnknown.next_step,
        evaluator=name[:80],
        evaluators=sorted(EVALUATORS),
    )


def evaluator_of(metric: str) -> Evaluator:
    """The evaluator that a metric belongs to; raises MetricUnknown."""
    metric_named(metric)
    return next(one for one in REGISTERED if metric in {each.name for each in one.metrics})


def metric_named(name: str) -> Metric:
    """The registered metric of this name; raises MetricUnknown."""
    if name in METRICS:
        return METRICS[name]
    raise MetricUnknown(
        f"There is no metric {name!r:.80}.",
        next_step=did_you_mean(name, METRICS) or MetricUnknown.next_step,
        metric=name[:80],
        metrics=sorted(METRICS),
    )


def show_score(score_e9: int) -> str:
    """A score as it is printed everywhere: "0.684375000"."""
    sign, size = ("-", -score_e9) if score_e9 < 0 else ("", score_e9)
    return f"{sign}{size // E9}.{size % E9:09d}"
