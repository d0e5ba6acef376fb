"""Evaluator `lm`: how well does a decoder predict a text?

Every token of a document is predicted from those before it, from the first one behind the opening
token on, or behind an optional prompt. The less it costs, the better.
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from evaluator.bases.shapes import is_decoder
from evaluator.evaluators.asking import cost, nll_is_sound, pair, unfit
from evaluator.evaluators.figures import capped_e9, exp_e9, log
from evaluator.evaluators.form import (
    Context,
    Evaluator,
    Metric,
    Model,
    Packed,
    Prediction,
    Predictor,
    Sample,
    Task,
    Tokens,
)
from evaluator.task.slices import Inputs, Row

UNIT = 1 << 16  # records are in 2^-16 nat, so that a document's fits into 31 bits
MOST_RECORD = 2**31 - 1
BITS_PER_BYTE = "bits_per_byte"


def pack(rows: Sequence[Sample], task: Task) -> Packed:
    """One row per document, cut at the task's longest; a label is [scored tokens, their bytes].

    raises SampleUnfit when nothing of a document can be scored
    """
    found = [_document(task.tokens, one, place) for place, one in enumerate(rows, start=1)]
    labels = tuple([len(row.ids) - row.start, size] for row, size in found)
    counted = 1 if task.metric == BITS_PER_BYTE else 0
    inputs = Inputs(tuple((row,) for row, _ in found))
    return Packed(inputs, labels, sum(label[counted] for label in labels))


def predictor(model: Model, _: Sequence[Row], __: Mapping[str, str]) -> Predictor:
    """Each prediction is one number: what the document costs, in units of 2^-32 nat."""

    def answer(batch: Sequence[tuple[Row, ...]]) -> list[list[int]]:
        return [[cost(one)] for one in model.scored([rows[0] for rows in batch])]

    return answer


def is_sound(prediction: Prediction, rows: Sequence[Row], _: int) -> bool:
    return len(prediction) == 1 and nll_is_sound(prediction[0], rows[0])


def costs(
    predictions: Sequence[Prediction], labels: Sequence[object], _: Context
) -> tuple[int, ...]:
    """What each document costs in 2^-16 nat, half to even, at most 2^31 - 1 (32,768 nat)."""
    pairs = zip(predictions, labels, strict=True)
    return tuple(min(MOST_RECORD, round(Fraction(one[0], UNIT))) for one, _ in pairs)


def nats(costs_: Sequence[int], units: int) -> Fraction:
    """Nats per unit; raises ValueError when there is nothing to divide by."""
    if units < 1:
        raise ValueError("a mean needs at least one unit")
    return Fraction(sum(costs_), UNIT * units)


def perplexity_e9(costs_: Sequence[int], units: int) -> int:
    """e to the nats per token, in parts of 10^9."""
    return exp_e9(nats(costs_, units))


def bits_e9(costs_: Sequence[int], units: int) -> int:
    """Bits per byte, in parts of 10^9."""
    return capped_e9(nats(costs_, units) / log(Fraction(2)))


def _document(tokens: Tokens, one: Sample, place: int) -> tuple[Row, int]:
    """The row of a document, and the bytes of what of it is scored."""
    prompt, text = str(one.get("prompt", "")), str(one["text"])
    ids, start = pair(tokens, prompt, text)
    kept = ids[: tokens.max_tokens]
    if start >= len(kept):
        raise unfit(place, f"nothing is left to score within {tokens.max_tokens} tokens")
    is_whole = len(kept) == len(ids) and (prompt or tokens.opening is not None)
    scored = text if is_whole else tokens.decode(kept[start:])
    return Row(tuple(kept), start), len(scored.encode())


def _metric(name: str, title: str, score_e9: Callable[[Sequence[int], int], int]) -> Metric:
    """All three rank alike: by what all documents cost together.

    There is no race: a document may cost anything, so one difference tells little of the rest.
    """
    return Metric(
        name=name,
        version=1,
        title=title,
        width=1,
        is_binary=False,
        records=costs,
        score_e9=score_e9,
        merit=lambda records, _: -sum(records),
        points=lambda records: tuple(-one for one in records),
        is_lower_better=True,
    )


LM = Evaluator(
    name="lm",
    title="How well is a text predicted?",
    columns={"text": "the document"},
    optional={"prompt": "what stands before it and is not scored"},
    metrics=(
        _metric(
            "nll",
            "negative log-likelihood per token, in nats",
            lambda one, units: capped_e9(nats(one, units)),
        ),
        _metric("perplexity", "e to the negative log-likelihood per token", perplexity_e9),
        _metric(BITS_PER_BYTE, "negative log-likelihood per byte, in bits", bits_e9),
    ),
    fits=is_decoder,
    pack=pack,
    predictor=predictor,
    is_sound=is_sound,
)
