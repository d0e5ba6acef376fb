"""Evaluator `retrieval`: which of all documents are those that a query wants?

An encoder's states, the mean over a text or its first token's, are compared by their cosine. The
documents of a slice are what its rows name together: every relevant text and every distractor, each
once, in the order of first sight.
source  Jarvelin and Kekalainen 2002 (nDCG, with the grade itself as gain)
"""

from collections.abc import Mapping, Sequence
from fractions import Fraction

from evaluator.bases.shapes import CLS, MEAN, Shape, is_decoder
from evaluator.errors import DataTooLarge, OptionRefused
from evaluator.evaluators.asking import unfit
from evaluator.evaluators.figures import mean_e9, normal_e9, total
from evaluator.evaluators.form import (
    E9,
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
from evaluator.evaluators.options import number
from evaluator.task.slices import Inputs, Row

MOST_DOCUMENTS = 20_000
MOST_K, MOST_GRADE = 100, 1000
# 10^12 / log2(place + 2), half to even: a table, because no two mathematics libraries agree on logs
DISCOUNTS_E12 = (
    1_000_000_000_000, 630_929_753_571, 500_000_000_000, 430_676_558_073, 386_852_807_235,
    356_207_187_108, 333_333_333_333, 315_464_876_786, 301_029_995_664, 289_064_826_318,
)  # fmt: skip
DEPTH = len(DISCOUNTS_E12)


def pack(rows: Sequence[Sample], task: Task) -> Packed:
    """Shared rows are the documents; an example is a query; a label is [[place, grade], ...].

    raises OptionRefused, SampleUnfit, DataTooLarge
    """
    number(task.options, "k", least=1, most=MOST_K)
    places: dict[str, int] = {}
    for text in (each for one in rows for each in _listed(one, "relevant", "distractors")):
        places.setdefault(text, len(places))
    if len(places) > MOST_DOCUMENTS:
        raise DataTooLarge(
            f"The slice names {len(places)} documents.",
            slice="", size=len(places), limit=MOST_DOCUMENTS, unit="documents",
        )  # fmt: skip
    shared = tuple(Row(tuple(task.tokens.encode(text))) for text in places)
    queries = tuple((Row(tuple(task.tokens.encode(str(one["query"])))),) for one in rows)
    labels = tuple(_graded(one, places, row) for row, one in enumerate(rows, start=1))
    return Packed(Inputs(queries, shared), labels, len(rows))


def ideal(packed: Packed, task: Task) -> list[Ideal]:
    """The wanted documents, the most wanted first, as many as are answered."""
    most = number(task.options, "k", least=1, most=MOST_K)
    return [_wanted(_grades(label), most) for label in packed.labels]


def in_order(packed: Packed, answers: Sequence[Prediction]) -> list[Prediction]:
    """The first documents, whatever is asked."""
    first = range(min(MOST_K, len(packed.inputs.shared)))
    return [[*first]] * len(answers)


def _wanted(grades: Mapping[int, int], most: int) -> Ideal:
    best = sorted(grades, key=lambda place: -grades[place])
    obstacle = None
    if len(best) > most:
        problem = f"it wants {len(best)} documents, and only the first {most} are looked at"
        obstacle = Obstacle("k", problem, "Raise the option k, or name fewer.", len(best))
    return Ideal(best[: max(DEPTH, most)], obstacle)


def predictor(model: Model, shared: Sequence[Row], options: Mapping[str, str]) -> Predictor:
    """Each prediction has the places of the best documents, best first."""
    documents = [row.ids for row in shared]
    most = max(DEPTH, number(options, "k", least=1, most=MOST_K))

    def answer(batch: Sequence[tuple[Row, ...]]) -> list[list[int]]:
        return model.nearest(
            [rows[0].ids for rows in batch], documents, most=most, pooling=options["pooling"]
        )

    return answer


def is_sound(prediction: Prediction, _: Sequence[Row], __: int) -> bool:
    return (
        0 < len(prediction) <= MOST_K
        and len(set(prediction)) == len(prediction)
        and all(0 <= one < MOST_DOCUMENTS for one in prediction)
    )


def gains(
    predictions: Sequence[Prediction], labels: Sequence[object], _: Context
) -> tuple[int, ...]:
    """nDCG at 10 of each query in parts of 10^9, half to even."""
    return tuple(
        round(Fraction(_gain([grades.get(place, 0) for place in one]) * E9, _best(grades)))
        for one, grades in zip(predictions, map(_grades, labels), strict=True)
    )


def found(
    predictions: Sequence[Prediction], labels: Sequence[object], context: Context
) -> tuple[int, ...]:
    """Which share of its relevant documents each query found among k, in parts of 10^9."""
    most = number(context.options, "k", least=1, most=MOST_K)
    return tuple(
        round(Fraction(len({*one[:most]} & grades.keys()) * E9, len(grades)))
        for one, grades in zip(predictions, map(_grades, labels), strict=True)
    )


def _listed(one: Sample, *columns: str) -> list[str]:
    found_ = [one.get(name, []) for name in columns]
    return [str(each) for cell in found_ for each in (cell if isinstance(cell, list) else [cell])]


def _graded(one: Sample, places: Mapping[str, int], row: int) -> list[list[int]]:
    relevant = _listed(one, "relevant")
    grades = one.get("grades", [1] * len(relevant))
    if not isinstance(grades, list) or len(grades) != len(relevant):
        raise unfit(row, "it needs one grade for each relevant text")
    if not all(type(each) is int and 1 <= each <= MOST_GRADE for each in grades):
        raise unfit(row, f"a grade is a whole number from 1 to {MOST_GRADE}")
    if len(set(relevant)) < len(relevant) or {*relevant} & {*_listed(one, "distractors")}:
        raise unfit(row, "a text is named twice")
    return sorted([places[text], grade] for text, grade in zip(relevant, grades, strict=True))


def _grades(label: object) -> dict[int, int]:
    assert isinstance(label, list), "a label is a list"
    return dict(label)


def _gain(grades: Sequence[int]) -> int:
    return sum(
        grade * discount for grade, discount in zip(grades[:DEPTH], DISCOUNTS_E12, strict=False)
    )


def _best(grades: Mapping[int, int]) -> int:
    return _gain(sorted(grades.values(), reverse=True))


def fitted(_: Shape, options: Mapping[str, str]) -> Mapping[str, str]:
    """A text's state is the mean of its tokens', or its first token's."""
    if options["pooling"] in (MEAN, CLS):
        return options
    raise OptionRefused(
        f"The option pooling is {options['pooling']!r:.40}.",
        option="pooling",
        wanted=f"{MEAN} or {CLS}",
    )


def _fits(shape: Shape) -> bool:
    return not is_decoder(shape)


NDCG = Metric(
    name="ndcg_at_10",
    version=1,
    title="mean nDCG of the first ten documents",
    width=1,
    is_binary=False,
    records=gains,
    score_e9=mean_e9,
    merit=total,
    points=tuple,
    interval_e9=normal_e9,
    points_cap=E9,
    best=E9,
)
RECALL = Metric(
    name="recall_at_k",
    version=1,
    title="mean share of the relevant documents among the first k",
    width=1,
    is_binary=False,
    records=found,
    score_e9=mean_e9,
    merit=total,
    points=tuple,
    interval_e9=normal_e9,
    points_cap=E9,
    best=E9,
)
RETRIEVAL = Evaluator(
    name="retrieval",
    title="Which documents does a query want?",
    columns={"query": "the query", "relevant": "a wanted text, or a list of them"},
    optional={
        "grades": "how much each relevant text is wanted, 1 to 1000; else 1 each",
        "distractors": "a list of texts that are documents too",
    },
    options={"k": "10", "pooling": MEAN},
    fitted=fitted,
    metrics=(NDCG, RECALL),
    fits=_fits,
    pack=pack,
    predictor=predictor,
    is_sound=is_sound,
    ideal=ideal,
    constant=in_order,
)
