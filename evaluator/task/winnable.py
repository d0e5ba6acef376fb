"""Can anybody win on this slice? What is too small or too plain to prove a win is refused."""

from collections import Counter
from collections.abc import Mapping, Sequence

from assay.errors import did_you_mean
from evaluator.errors import DataLabelUnknown, DataOneClass, DataTooSmall
from evaluator.evaluators.form import Sample

# An entry wins only when it is better by an exact one-sided sign test at 1 in 20, which the payout
# does: five wins and no loss are the fewest that pass, 1/32.
LEAST_WINS = 5


def check_size(name: str, rows: int) -> None:
    """raises DataTooSmall where even an entry that is better everywhere could not be told apart"""
    if rows < LEAST_WINS:
        raise DataTooSmall(
            f"The {name} slice has {rows} rows; with fewer than {LEAST_WINS} nobody can prove to "
            "be better than another.",
            slice=name,
            rows=rows,
            wanted=LEAST_WINS,
        )


def check_classes(slices: Mapping[str, Sequence[Sample]]) -> None:
    """raises DataOneClass where a slice has rows of one class alone: naming it is no skill"""
    for name, rows in slices.items():
        [[label, _], *others] = Counter(str(one["label"]) for one in rows).most_common(2)
        if not others:
            raise DataOneClass(
                f"All {len(rows)} rows of the {name} slice have the label {label!r:.60}: whoever "
                "always names this class wins.",
                slice=name,
                label=label[:60],
            )


def check_room(points: Sequence[int], best: int, final_examples: int) -> None:
    """raises DataTooSmall where who is always right could not prove to be better than the base

    points  of the untouched base on the board slice
    best    of a perfect answer to one example
    """
    lacking = sum(one < best for one in points)
    expected = lacking * final_examples // len(points)
    if expected < LEAST_WINS:
        raise DataTooSmall(
            f"The untouched base falls short on {lacking} of {len(points)} board rows, so on "
            f"about {expected} of {final_examples} in the final slice: too few to prove a win, "
            f"which needs {LEAST_WINS}.",
            next_step="Give a larger final slice, or harder rows.",
            slice="final",
            rows=final_examples,
            wanted=LEAST_WINS * len(points) // lacking + 1 if lacking else 0,
        )


def refuse_unknown_labels(slices: Mapping[str, Sequence[Sample]], labels: Sequence[str]) -> None:
    """raises DataLabelUnknown for a label that the training slice lacks

    labels  the classes of the training slice; empty: the task has none
    """
    known = set(labels)
    for name, rows in slices.items():
        for place, one in enumerate(rows if labels else (), start=1):
            label = str(one["label"])
            if label not in known:
                raise DataLabelUnknown(
                    f"Row {place} of the {name} slice has the label {label!r:.60}, which the "
                    "training data lacks.",
                    next_step=did_you_mean(label, list(labels)) or DataLabelUnknown.next_step,
                    slice=name,
                    label=label[:60],
                    row=place,
                    labels=list(labels[:20]),
                )


def check_split(name: str, rows: Sequence[Sample], *, has_classes: bool) -> None:
    """raises DataTooSmall where an entry that is always right would not beat a constant answer"""
    check_size(name, len(rows))
    if has_classes:
        [[label, most]] = Counter(str(one["label"]) for one in rows).most_common(1)
        if len(rows) - most < LEAST_WINS:
            raise DataTooSmall(
                f"The {name} slice has {len(rows)} rows, {most} of them with the label "
                f"{label!r:.60}: whoever is always right beats that one answer in only "
                f"{len(rows) - most}, and {LEAST_WINS} are needed to prove it.",
                slice=name,
                rows=len(rows),
                wanted=most + LEAST_WINS,
            )
