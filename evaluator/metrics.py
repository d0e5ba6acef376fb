"""Metrics over predictions: whole numbers in, whole numbers out.

A metric first gives one integer per example (what an audit compares), then one score in parts of
10^9. The worker computes it outside the sandbox, where the labels are.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt

from assay.errors import did_you_mean
from evaluator.errors import MetricMismatch, MetricUnknown

E9 = 10**9
MOST_CLASSES = 256
LEAST_ROWS_PER_CLASS = 2
_Z = Fraction(1_959_963_985, E9)  # the 0.975 quantile of the normal distribution


@dataclass(frozen=True)
class Metric:
    """One metric.

    per_example   (predictions, labels) -> one integer per example
    score_e9      those integers -> the score in parts of 10^9
    interval_e9   those integers -> (low, high) of the 95 % interval, for showing
    check         (label texts of the training data) -> None; raises MetricMismatch
    """

    name: str
    version: int
    per_example: Callable[[Sequence[int], Sequence[int]], tuple[int, ...]]
    score_e9: Callable[[Sequence[int]], int]
    interval_e9: Callable[[Sequence[int]], tuple[int, int]]
    check: Callable[[Sequence[str]], None]


def matches(predictions: Sequence[int], labels: Sequence[int]) -> tuple[int, ...]:
    """1 where the prediction is the label, else 0; raises ValueError for unequal lengths."""
    return tuple(int(one == label) for one, label in zip(predictions, labels, strict=True))


def share_e9(ones: Sequence[int]) -> int:
    """The share of ones in parts of 10^9, half to even; raises ValueError when there are none."""
    if not ones:
        raise ValueError("a score needs at least one example")
    return round(Fraction(sum(ones) * E9, len(ones)))


def wilson_e9(ones: Sequence[int]) -> tuple[int, int]:
    """The 95 % Wilson score interval of the share of ones, in parts of 10^9, rounded outwards.

    source  Wilson 1927, JASA 22(158), 209-212; without continuity correction. It is for people to
            read: no rank or prize depends on it.
    """
    count, good = len(ones), Fraction(sum(ones))
    square = _Z * _Z
    middle = (good + square / 2) / (count + square)
    inside = good * (count - good) / count + square / 4
    half = _Z * _root(inside) / (count + square)
    low, high = middle - half, middle + half
    return max(0, int(low * E9)), min(E9, -int(-high * E9 // 1))


def check_classes(labels: Sequence[str]) -> None:
    """Accuracy wants a few classes that repeat; raises MetricMismatch."""
    seen = Counter(labels)
    most = min(MOST_CLASSES, len(labels) // LEAST_ROWS_PER_CLASS)
    if 1 < len(seen) <= most:
        return
    raise MetricMismatch(
        f"accuracy needs between 2 and {most} different labels for {len(labels)} rows, "
        f"but the training data has {len(seen)}.",
        metric="accuracy",
        found=len(seen),
        wanted=f"2 to {most}",
    )


ACCURACY = Metric("accuracy", 1, matches, share_e9, wilson_e9, check_classes)
METRICS: Mapping[str, Metric] = {ACCURACY.name: ACCURACY}


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
    return f"{score_e9 // E9}.{score_e9 % E9:09d}"


def _root(value: Fraction) -> Fraction:
    """The square root, rounded up in the twelfth decimal place."""
    scale = 10**12
    return Fraction(isqrt(value.numerator * scale**2 // value.denominator) + 1, scale)
