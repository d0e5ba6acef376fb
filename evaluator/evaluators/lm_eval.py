"""Evaluator `lm_eval`: a task file of lm-evaluation-harness, asked by our own forward.

The file's text is the option `task`, so the manifest pins it. The harness makes the questions and
judges the answers, outside of the sandbox; inside, a decoder is asked as `asking` says.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction

from evaluator.bases.shapes import is_decoder
from evaluator.errors import HarnessRefused, OptionRefused
from evaluator.evaluators.asking import (
    asked,
    cut,
    ending,
    is_sound,
    scored_row,
    unfit,
    written_row,
)
from evaluator.evaluators.figures import (
    capped_e9,
    columns_of,
    exp_e9,
    log,
    rows_of,
    share_e9,
    total,
    wilson_e9,
)
from evaluator.evaluators.form import (
    Q32,
    Context,
    Evaluator,
    Manner,
    Metric,
    Packed,
    Prediction,
    Sample,
    Task,
    Tokens,
)
from evaluator.evaluators.lm import MOST_RECORD, UNIT
from evaluator.task.slices import Inputs, Row

PREFIX = "lm_eval_"
WIDTH = 2  # of a metric that divides: what was paid in 2^-16 nat, and what it is divided by


def pack(rows: Sequence[Sample], task: Task) -> Packed:
    """The harness's questions as rows; a label is the sponsor's row itself.

    raises OptionRefused, HarnessRefused, SampleUnfit
    """
    tokens, text = task.tokens, task.options["task"]
    manner = tokens.harness.manner(text, task.metric.removeprefix(PREFIX))
    if manner.most >= tokens.max_tokens:
        raise OptionRefused(
            f"{manner.most} new tokens leave no room for a prompt within {tokens.max_tokens}.",
            option="task",
            wanted=f"max_gen_toks below {tokens.max_tokens}",
        )
    questions = tokens.harness.requests(text, rows)
    examples = tuple(
        tuple(row for pair in asked_ for row in _rows(tokens, manner, pair, place))
        for place, asked_ in enumerate(questions, start=1)
    )
    shared = (ending(tokens, manner.stops, most=manner.most),) if manner.most else ()
    return Packed(Inputs(examples, shared), tuple(dict(one) for one in rows), len(rows))


def values(
    name: str, predictions: Sequence[Prediction], labels: Sequence[object], context: Context
) -> list[object]:
    """The value that the harness gives each example under a metric."""
    tokens, text = context.tokens, context.options["task"]
    assert tokens is not None, "the harness is reached through the tokens"
    manner = tokens.harness.manner(text, name)
    docs = [one for one in labels if isinstance(one, dict)]
    answers = [_answers(tokens, manner, one) for one in predictions]
    return [one[name] for one in tokens.harness.values(text, docs, answers)]


def _rows(tokens: Tokens, manner: Manner, pair: tuple[str, str], place: int) -> list[Row]:
    context, continuation = pair
    if manner.most:
        return [written_row(tokens, context, most=manner.most)]
    if manner.is_rolling:
        return _windows(tokens, continuation, place)
    return [scored_row(tokens, context, continuation, row=place)]


def _windows(tokens: Tokens, text: str, place: int) -> list[Row]:
    """A text of any length: each token is scored once, in windows that are as long as they can.

    source  lm-evaluation-harness 0.4.13, `utils.get_rolling_token_windows`
    """
    ids = tokens.whole(text)
    if tokens.opening is None or not ids:
        raise unfit(place, "its text has no token, or the base none that opens a text")
    longest = tokens.max_tokens - 1
    found = [Row((tokens.opening, *ids[:longest]), 1)]
    for done in range(longest, len(ids), longest):
        end = min(done + longest, len(ids))
        seen = ids[max(0, end - longest - 1) : end]
        found.append(Row(tuple(seen), len(seen) - (end - done)))
    return found


def _answers(tokens: Tokens, manner: Manner, prediction: Prediction) -> list[object]:
    if manner.most:
        return [cut(tokens.decode(prediction), manner.stops)]
    if manner.is_rolling:
        return [-sum(prediction[::2]) / Q32]
    return [
        (-cost / Q32, bool(is_greedy))
        for cost, is_greedy in zip(prediction[::2], prediction[1::2], strict=True)
    ]


def _ones(name: str) -> Callable[..., tuple[int, ...]]:
    def records(
        predictions: Sequence[Prediction], labels: Sequence[object], context: Context
    ) -> tuple[int, ...]:
        found = [float(str(one)) for one in values(name, predictions, labels, context)]
        if not {*found} <= {0.0, 1.0}:
            raise HarnessRefused(
                f"The harness gave {name} something else than 0 or 1.",
                field="metric_list",
                problem="not 0 or 1",
            )
        return tuple(map(int, found))

    return records


def _costs(name: str) -> Callable[..., tuple[int, ...]]:
    def records(
        predictions: Sequence[Prediction], labels: Sequence[object], context: Context
    ) -> tuple[int, ...]:
        found: list[int] = []
        for one in values(name, predictions, labels, context):
            likelihood, units = one if isinstance(one, tuple) else (one, 1)
            cost = round(-Fraction(float(str(likelihood))) * UNIT)
            found += [min(MOST_RECORD, cost), int(str(units))]
        return tuple(found)

    return records


def _nats(records: Sequence[int]) -> Fraction:
    paid, units = columns_of(records, WIDTH)
    return Fraction(paid, UNIT * max(1, units))


def perplexity_e9(records: Sequence[int], _: int = 0) -> int:
    """e to what a unit costs, in parts of 10^9."""
    return exp_e9(_nats(records))


def bits_e9(records: Sequence[int], _: int = 0) -> int:
    """Bits per unit, in parts of 10^9."""
    return capped_e9(_nats(records) / log(Fraction(2)))


def _share(name: str) -> Metric:
    return Metric(
        name=PREFIX + name,
        version=1,
        title=f"{name} of the harness",
        width=1,
        is_binary=True,
        records=_ones(name),
        score_e9=share_e9,
        merit=total,
        points=tuple,
        interval_e9=wilson_e9,
        points_cap=1,
    )


def _cost(name: str, score_e9: Callable[[Sequence[int], int], int]) -> Metric:
    """Not raced, like the figures of `lm`."""
    return Metric(
        name=PREFIX + name,
        version=1,
        title=f"{name} of the harness",
        width=WIDTH,
        is_binary=False,
        records=_costs(name),
        score_e9=score_e9,
        merit=lambda records, _: -columns_of(records, WIDTH)[0],
        points=lambda records: tuple(-row[0] for row in rows_of(records, WIDTH)),
        is_lower_better=True,
    )


LM_EVAL = Evaluator(
    name="lm_eval",
    title="A task of lm-evaluation-harness",
    columns={},
    takes_all=True,
    options={"task": ""},
    metrics=(
        _share("acc"),
        _share("acc_norm"),
        _share("acc_bytes"),
        _share("exact_match"),
        _cost("perplexity", perplexity_e9),
        _cost("word_perplexity", perplexity_e9),
        _cost("byte_perplexity", perplexity_e9),
        _cost("bits_per_byte", bits_e9),
    ),
    fits=is_decoder,
    pack=pack,
    predictor=asked,
    is_sound=is_sound,
)
