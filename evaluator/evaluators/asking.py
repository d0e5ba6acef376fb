"""How texts become rows that a decoder is asked about, and what it may answer.

A row with a start is scored from there on. A row without one is written on; the shared row of such
a task holds the tokens that end a text, and its start says how many may come.
source  lm-evaluation-harness 0.4.13, `TemplateLM._encode_pair` and `loglikelihood`
"""

from collections.abc import Mapping, Sequence

from evaluator.errors import SampleUnfit
from evaluator.evaluators.form import (
    MOST_NLL_Q32,
    Model,
    Prediction,
    Predictor,
    Scored,
    Tokens,
)
from evaluator.task.slices import Row

MOST_COST_Q32 = 2**53 - 1
MOST_NEW, MOST_TOKEN = 4096, 2**31


def pair(tokens: Tokens, context: str, continuation: str) -> tuple[list[int], int]:
    """The ids of a text in two parts, and the place where the second part starts (at least 1).

    Spaces between the parts go to the second, where tokenizers keep them. Both parts together are
    encoded, and the context alone: what is left of the whole belongs to the continuation.
    """
    if not context:
        return _opened(tokens, continuation)
    bare = context.rstrip()
    ids = tokens.whole(context + continuation)
    return ids, max(1, len(tokens.whole(bare)))


def scored_row(tokens: Tokens, context: str, continuation: str, *, row: int) -> Row:
    """The row that asks for a continuation's likelihood; a long context loses its beginning.

    raises SampleUnfit when the continuation alone is too long, or is no token at all
    """
    ids, start = pair(tokens, context, continuation)
    cut = max(0, len(ids) - tokens.max_tokens)
    if cut >= start:
        raise unfit(row, f"its continuation is longer than {tokens.max_tokens - 1} tokens")
    if start >= len(ids):
        raise unfit(row, "its continuation is no token of its own")
    return Row(tuple(ids[cut:]), start - cut)


def written_row(tokens: Tokens, prompt: str, *, most: int) -> Row:
    """The row that a model writes on; a long prompt loses its beginning."""
    return Row(tuple(tokens.whole(prompt)[most - tokens.max_tokens :]))


def ending(tokens: Tokens, stops: Sequence[str], *, most: int) -> Row:
    """The shared row: tokens that end a text, also those that begin with a stop."""
    ends = {*tokens.ends, *(one for stop in stops for one in tokens.starting(stop))}
    return Row(tuple(sorted(ends)), most)


def cut(text: str, stops: Sequence[str]) -> str:
    """The text before the first of the stops."""
    for stop in stops:
        text = text.partition(stop)[0]
    return text


def asked(model: Model, shared: Sequence[Row], _: Mapping[str, str]) -> Predictor:
    """Answers of a decoder: two numbers per scored row (nll_q32, is_greedy), or new tokens."""
    ends, most = (frozenset(shared[0].ids), shared[0].start) if shared else (frozenset(), 0)

    def answer(batch: Sequence[tuple[Row, ...]]) -> list[list[int]]:
        if most:
            return [model.continued(rows[0].ids, most=most, ends=ends) for rows in batch]
        found = iter(model.scored([row for rows in batch for row in rows]))
        return [[number for _ in rows for number in _told(next(found))] for rows in batch]

    return answer


def cost(scored: Scored) -> int:
    """What a row's tokens cost together, in 2^-32 nat, as far as JSON has whole numbers."""
    return min(sum(scored.nll_q32), MOST_COST_Q32)


def nll_is_sound(nll_q32: int, row: Row) -> bool:
    """True for a sum that the row's scored tokens can have."""
    return 0 <= nll_q32 <= MOST_NLL_Q32 * (len(row.ids) - row.start)


def is_sound(prediction: Prediction, rows: Sequence[Row], _: int) -> bool:
    """True for what `asked` can give: a pair per scored row, or whole tokens."""
    if not rows[0].start:
        return len(prediction) <= MOST_NEW and all(0 <= one < MOST_TOKEN for one in prediction)
    return len(prediction) == 2 * len(rows) and all(
        nll_is_sound(nll_q32, row) and is_greedy in {0, 1}
        for nll_q32, is_greedy, row in zip(prediction[::2], prediction[1::2], rows, strict=True)
    )


def unfit(row: int, problem: str) -> SampleUnfit:
    """What is wrong with a row of a slice, counted from 1."""
    return SampleUnfit(f"Row {row} does not fit: {problem}.", row=row, problem=problem)


def _told(scored: Scored) -> tuple[int, int]:
    return cost(scored), int(scored.is_greedy)


def _opened(tokens: Tokens, text: str) -> tuple[list[int], int]:
    """A text alone stands behind the token that opens every text, where the base has one."""
    if tokens.opening is None:
        return tokens.whole(text), 1
    ids = tokens.plain(text)
    return (ids if ids[:1] == [tokens.opening] else [tokens.opening, *ids]), 1
