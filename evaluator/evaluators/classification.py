"""Evaluator `classification`: which of a few classes is this text?

An encoder's mean state, or a decoder's last one, goes through a head that the adapter carries.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import isqrt

from evaluator.bases.shapes import Shape, is_decoder
from evaluator.errors import MetricMismatch
from evaluator.evaluators.form import (
    E9,
    Context,
    Evaluator,
    Metric,
    Model,
    Packed,
    Prediction,
    Predictor,
    Sample,
    Tokens,
)
from evaluator.slices import Row, single

MOST_CLASSES = 256
LEAST_ROWS_PER_CLASS = 2
_Z = Fraction(1_959_963_985, E9)  # the 0.975 quantile of the normal distribution


def matches(
    predictions: Sequence[Prediction], labels: Sequence[object], _: Context
) -> tuple[int, ...]:
    """1 where the prediction is the label, else 0; raises ValueError for unequal lengths."""
    return tuple(int(one[0] == label) for one, label in zip(predictions, labels, strict=True))


def share_e9(ones: Sequence[int], _: int = 0) -> int:
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


def check_classes(rows: Sequence[Sample]) -> None:
    """Accuracy wants a few classes that repeat; raises MetricMismatch."""
    seen = Counter(row["label"] for row in rows)
    most = min(MOST_CLASSES, len(rows) // LEAST_ROWS_PER_CLASS)
    if 1 < len(seen) <= most:
        return
    raise MetricMismatch(
        f"accuracy needs between 2 and {most} different labels for {len(rows)} rows, "
        f"but the training data has {len(seen)}.",
        metric="accuracy",
        found=len(seen),
        wanted=f"2 to {most}",
    )


def classes(rows: Sequence[Sample]) -> tuple[str, ...]:
    """The labels that the training slice has, in order."""
    return tuple(sorted({str(row["label"]) for row in rows}))


def head(shape: Shape, count: int) -> Mapping[str, tuple[int, ...]]:
    """The linear layer that the adapter carries; a decoder's has no bias, as in transformers."""
    if is_decoder(shape):
        return {"score.weight": (count, shape.hidden)}
    return {"classifier.weight": (count, shape.hidden), "classifier.bias": (count,)}


def pack(
    rows: Sequence[Sample],
    names: Sequence[str],
    tokens: Tokens,
    _: Mapping[str, str],
) -> Packed:
    """One row of ids per text; a label is the place of its class."""
    places = {name: place for place, name in enumerate(names)}
    inputs = single(tokens.encode(str(row["text"])) for row in rows)
    return Packed(inputs, tuple(places[str(row["label"])] for row in rows), len(rows))


def predictor(model: Model, _: Sequence[Row], __: Mapping[str, str]) -> Predictor:
    """Each prediction is one number: the place of the likeliest class."""
    return lambda batch: [[place] for place in model.classes([rows[0].ids for rows in batch])]


def is_sound(prediction: Prediction, _: Sequence[Row], count: int) -> bool:
    return len(prediction) == 1 and 0 <= prediction[0] < count


ACCURACY = Metric(
    name="accuracy",
    version=1,
    title="share of texts with the right class",
    width=1,
    is_binary=True,
    records=matches,
    score_e9=share_e9,
    merit=lambda ones, _: sum(ones),
    points=tuple,
    interval_e9=wilson_e9,
    points_cap=1,
)
CLASSIFICATION = Evaluator(
    name="classification",
    title="Which of a few classes is a text?",
    columns={"text": "the text", "label": "its class"},
    options={},
    metrics=(ACCURACY,),
    fits=lambda _: True,
    head=head,
    classes=classes,
    check=check_classes,
    pack=pack,
    predictor=predictor,
    is_sound=is_sound,
)


def _root(value: Fraction) -> Fraction:
    """The square root, rounded up in the twelfth decimal place."""
    scale = 10**12
    return Fraction(isqrt(value.numerator * scale**2 // value.denominator) + 1, scale)
