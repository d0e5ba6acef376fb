"""Evaluator `classification`: which of a few classes is this text?

A text's states go through a head that the adapter carries: by default through the very head that
transformers gives the base (`AutoModelForSequenceClassification`), else through one linear layer.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from evaluator.bases.shapes import CLS, LAST, MEAN, DecoderShape, Shape, is_decoder
from evaluator.errors import MetricMismatch, OptionRefused
from evaluator.evaluators.figures import share_e9, total, whole_root, wilson_e9
from evaluator.evaluators.form import (
    E9,
    Context,
    Evaluator,
    Ideal,
    Metric,
    Model,
    Packed,
    Prediction,
    Predictor,
    Reading,
    Sample,
    Task,
)
from evaluator.task.lookalikes import in_order
from evaluator.task.slices import Row, single

MOST_CLASSES = 256
LEAST_CLASSES, LEAST_ROWS_PER_CLASS = 2, 2
OWN, LINEAR = "own", "linear"


def matches(
    predictions: Sequence[Prediction], labels: Sequence[object], _: Context
) -> tuple[int, ...]:
    """1 where the prediction is the label, else 0; raises ValueError for unequal lengths."""
    return tuple(int(one[0] == label) for one, label in zip(predictions, labels, strict=True))


def pairs(
    predictions: Sequence[Prediction], labels: Sequence[object], _: Context
) -> tuple[int, ...]:
    """The class and what was taken for it in one number: class x 256 + prediction."""
    both = zip(predictions, labels, strict=True)
    return tuple(int(str(label)) * MOST_CLASSES + one[0] for one, label in both)


def macro_f1_e9(records: Sequence[int], _: int = 0) -> int:
    """The mean F1 of the classes that occur, as a label or as a prediction, in parts of 10^9."""
    seen, wanted, found = _counts(records)
    shares = [Fraction(2 * seen[one, one], wanted[one] + found[one]) for one in {*wanted, *found}]
    return round(sum(shares) * E9 / len(shares))


def mcc_e9(records: Sequence[int], _: int = 0) -> int:
    """Matthews' correlation of labels and predictions, -10^9 to 10^9; 0 where one is constant.

    source  Gorodkin 2004, Computational Biology and Chemistry 28, 367-374, for many classes
    """
    seen, wanted, found = _counts(records)
    count = len(records)
    right = sum(seen[one, one] for one in wanted)
    together = count * right - sum(wanted[one] * found[one] for one in wanted)
    spreads = [count**2 - sum(one**2 for one in held.values()) for held in (wanted, found)]
    if not spreads[0] or not spreads[1]:
        return 0
    size = whole_root(Fraction((together * E9) ** 2, spreads[0] * spreads[1]))
    return -size if together < 0 else size


def _counts(records: Sequence[int]) -> tuple[Counter[tuple[int, int]], Counter[int], Counter[int]]:
    """How often each (class, prediction) occurs, each class, and each prediction."""
    if not records:
        raise ValueError("a score needs at least one example")
    seen = Counter(divmod(one, MOST_CLASSES) for one in records)
    wanted, found = Counter[int](), Counter[int]()
    for (label, place), count in seen.items():
        wanted[label] += count
        found[place] += count
    return seen, wanted, found


def check_classes(rows: Sequence[Sample]) -> None:
    """Accuracy wants a few classes that repeat; raises MetricMismatch."""
    seen = Counter(row["label"] for row in rows)
    most = max(LEAST_CLASSES, min(MOST_CLASSES, len(rows) // LEAST_ROWS_PER_CLASS))
    if LEAST_CLASSES <= len(seen) <= most:
        return
    raise MetricMismatch(
        f"Classes must be between {LEAST_CLASSES} and {most} different labels for {len(rows)} "
        f"rows, but the training data has {len(seen)}.",
        metric="accuracy",
        found=len(seen),
        wanted=f"{LEAST_CLASSES} to {most}",
    )


def classes(rows: Sequence[Sample]) -> tuple[str, ...]:
    """The labels that the training slice has: numbers by their value, else by their characters."""
    return in_order(str(row["label"]) for row in rows)


def fitted(shape: Shape, options: Mapping[str, str]) -> dict[str, str]:
    """Pooling and head by their names; "own" is what the base's own class does."""
    pooling, wanted = options["pooling"], options["head"]
    own = _own(shape)
    if pooling == OWN or (pooling, wanted) == (own["pooling"], own["head"]):
        return {**options, **own}
    allowed = [] if is_decoder(shape) else [MEAN, CLS]
    if pooling not in allowed:
        raise OptionRefused(
            f"The option pooling is {pooling!r:.40}, which this base cannot do.",
            option="pooling",
            wanted=", ".join([OWN, *allowed]),
        )
    return {**options, "pooling": pooling, "head": LINEAR}


def _own(shape: Shape) -> dict[str, str]:
    if isinstance(shape, DecoderShape) or is_decoder(shape):
        return {"pooling": LAST, "head": OWN}
    return {"pooling": shape.pooling or MEAN, "head": OWN if shape.head else LINEAR}


def head(shape: Shape, count: int, options: Mapping[str, str]) -> Mapping[str, tuple[int, ...]]:
    """What the adapter carries of the head; a decoder's has no bias, as in transformers."""
    linear = {"classifier.weight": (count, shape.hidden), "classifier.bias": (count,)}
    if options["head"] == LINEAR:
        return linear
    if isinstance(shape, DecoderShape) or is_decoder(shape):
        return {"score.weight": (count, shape.hidden)}
    return {name: tuple(one or count for one in size) for name, size in shape.head.items()}


def head_targets(shape: Shape, options: Mapping[str, str]) -> Mapping[str, tuple[int, int]]:
    """Layers of the own head that the base holds: LoRA may change them as any other."""
    if options["head"] == LINEAR or isinstance(shape, DecoderShape):
        return {}
    return shape.head_targets


def pack(rows: Sequence[Sample], task: Task) -> Packed:
    """One row of ids per text; a label is the place of its class."""
    places = {name: place for place, name in enumerate(task.classes)}
    inputs = single(task.tokens.encode(str(row["text"])) for row in rows)
    return Packed(inputs, tuple(places[str(row["label"])] for row in rows), len(rows))


def ideal(packed: Packed, _: Task) -> list[Ideal]:
    """The place of each example's class."""
    return [Ideal([int(str(label))]) for label in packed.labels]


def predictor(model: Model, _: Sequence[Row], options: Mapping[str, str]) -> Predictor:
    """Each prediction is one number: the place of the likeliest class."""
    reading = Reading(options["pooling"], is_own=options["head"] == OWN)

    def answer(batch: Sequence[tuple[Row, ...]]) -> list[list[int]]:
        return [[place] for place in model.classes([rows[0].ids for rows in batch], reading)]

    return answer


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
    merit=total,
    points=tuple,
    interval_e9=wilson_e9,
    points_cap=1,
    best=1,
)


def _metric(name: str, title: str, score_e9: Callable[[Sequence[int], int], int]) -> Metric:
    """Ranked by the score itself. No race: it is no mean over examples."""
    return Metric(
        name=name,
        version=1,
        title=title,
        width=1,
        is_binary=False,
        records=pairs,
        score_e9=score_e9,
        merit=score_e9,
        points=lambda records: tuple(
            int(len({*divmod(one, MOST_CLASSES)}) == 1) for one in records
        ),
        best=1,
    )


CLASSIFICATION = Evaluator(
    name="classification",
    title="Which of a few classes is a text?",
    columns={"text": "the text", "label": "its class"},
    metrics=(
        ACCURACY,
        _metric("macro_f1", "mean F1 of the classes", macro_f1_e9),
        _metric("mcc", "Matthews correlation of classes and predictions", mcc_e9),
    ),
    options={"head": OWN, "pooling": OWN},
    fits=lambda _: True,
    fitted=fitted,
    head=head,
    head_targets=head_targets,
    classes=classes,
    check=check_classes,
    pack=pack,
    predictor=predictor,
    is_sound=is_sound,
    ideal=ideal,
)
