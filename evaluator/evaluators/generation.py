"""Evaluator `generation`: what does a decoder write behind a prompt, and is it what was wanted?

The model writes greedily inside the sandbox; texts are made and compared outside of it. BLEU and
chrF are figures of the whole slice, so records hold the counts that they are made of.
source  Papineni et al. 2002 (BLEU) and Popovic 2015 (chrF) as sacrebleu 2.6 computes them; Lin 2004
        (ROUGE-L) as rouge-score 0.1.2 does; Rajpurkar et al. 2016 (F1 of words)
"""

import re
import string
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

from evaluator.bases.shapes import is_decoder
from evaluator.errors import OptionRefused
from evaluator.evaluators.asking import asked, cut, ending, is_sound, unfit, written_row
from evaluator.evaluators.figures import (
    by_row,
    columns_of,
    exp_e9,
    log,
    mean_e9,
    normal_e9,
    share_e9,
    total,
    wilson_e9,
)
from evaluator.evaluators.form import (
    E9,
    Context,
    Evaluator,
    Metric,
    Packed,
    Prediction,
    Sample,
    Task,
    Tokens,
)
from evaluator.evaluators.options import number, texts
from evaluator.slices import Inputs

MOST_STOPS = 8
ORDERS = 4
BLEU_WIDTH, CHRF_WIDTH = 2 + 2 * ORDERS, 3 * 6
BETA_SQUARED = 4
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_SIGNS = str.maketrans("", "", string.punctuation)
Compared = Callable[[Tokens, str, list[str]], Sequence[int]]


def pack(rows: Sequence[Sample], task: Task) -> Packed:
    """One row per prompt; a label is the list of references.

    raises OptionRefused, SampleUnfit
    """
    stops = texts(task.options, "stop", most=MOST_STOPS)
    most = number(task.options, "max_new_tokens", least=1, most=4096)
    if most >= task.tokens.max_tokens:
        raise OptionRefused(
            f"{most} new tokens leave no room for a prompt within {task.tokens.max_tokens}.",
            option="max_new_tokens",
            wanted=f"less than {task.tokens.max_tokens}",
        )
    prompts = tuple((written_row(task.tokens, str(one["prompt"]), most=most),) for one in rows)
    if not all(rows_[0].ids for rows_ in prompts):
        raise unfit(1 + [bool(one[0].ids) for one in prompts].index(False), "it has no token")
    labels = tuple(_references(one) for one in rows)
    return Packed(Inputs(prompts, (ending(task.tokens, stops, most=most),)), labels, len(rows))


def written(prediction: Prediction, context: Context) -> str:
    """The text of new tokens, before the first stop, without spaces around it."""
    stops = texts(context.options, "stop", most=MOST_STOPS)
    return cut(_tokens(context).decode(prediction), stops).strip()


def is_exact(_: Tokens, text: str, references: list[str]) -> tuple[int]:
    """1 where the text is one of the references, spaces around it aside."""
    return (int(text in {one.strip() for one in references}),)


def word_f1(_: Tokens, text: str, references: list[str]) -> tuple[int]:
    """The best F1 of words over the references, in parts of 10^9, half to even."""
    return (max(round(_f1(_words(text), _words(one)) * E9) for one in references),)


def bleu_e9(records: Sequence[int], _: int = 0) -> int:
    """BLEU of the whole slice in parts of 10^9, as sacrebleu's default smooths it."""
    return _bleu(columns_of(records, BLEU_WIDTH), orders=ORDERS)


def chrf_e9(records: Sequence[int], _: int = 0) -> int:
    """chrF of the whole slice in parts of 10^9."""
    return _chrf(columns_of(records, CHRF_WIDTH))


def _tokens(context: Context) -> Tokens:
    assert context.tokens is not None, "answers are texts"
    return context.tokens


def _references(one: Sample) -> list[str]:
    found = one["references"]
    return [str(each) for each in found] if isinstance(found, list) else [str(found)]


def _words(text: str) -> list[str]:
    """Words as SQuAD compares them: small letters, no punctuation, no articles."""
    return _ARTICLES.sub(" ", text.lower().translate(_SIGNS)).split()


def _f1(found: list[str], wanted: list[str]) -> Fraction:
    if not found or not wanted:
        return Fraction(found == wanted)
    both = sum((Counter(found) & Counter(wanted)).values())
    return Fraction(2 * both, len(found) + len(wanted))


def _bleu(counts: Sequence[int], *, orders: int) -> int:
    """Of one row of counts: lengths, right runs, all runs. orders: of runs that are counted."""
    length, reference = counts[:2]
    right, runs = counts[2 : 2 + orders], counts[2 + ORDERS : 2 + ORDERS + orders]
    if not any(right) or not all(runs):
        return 0
    exponent = Fraction(min(0, length - reference), length)
    halved = 1
    for good, all_ in zip(right, runs, strict=True):
        halved *= 1 if good else 2
        exponent += log(Fraction(good, all_) if good else Fraction(1, halved * all_)) / orders
    return exp_e9(exponent)


def _bleu_of_one(row: tuple[int, ...]) -> int:
    """A single text's BLEU, over the runs that it is long enough for."""
    return _bleu(row, orders=max(1, sum(map(bool, row[2 + ORDERS :]))))


def _chrf(counts: Sequence[int]) -> int:
    """Of one row of counts: for each length those of the text, of the reference, of both."""
    triples = [counts[place : place + 3] for place in range(0, CHRF_WIDTH, 3)]
    whole = [one for one in triples if one[0] and one[1]]
    if not any(both for _, _, both in whole):
        return 0
    precision, recall = (
        sum(Fraction(one[2], one[side]) for one in whole) / len(whole) for side in (0, 1)
    )
    over = (1 + BETA_SQUARED) * precision * recall
    return round(over / (BETA_SQUARED * precision + recall) * E9)


def _records(compare: Compared) -> Callable[..., tuple[int, ...]]:
    def records(
        predictions: Sequence[Prediction], labels: Sequence[object], context: Context
    ) -> tuple[int, ...]:
        found: list[int] = []
        for prediction, label in zip(predictions, labels, strict=True):
            assert isinstance(label, list), "a label is a list of texts"
            found += compare(_tokens(context), written(prediction, context), label)
        return tuple(found)

    return records


EXACT_MATCH = Metric(
    name="exact_match",
    version=1,
    title="share of texts that are a reference",
    width=1,
    is_binary=True,
    records=_records(is_exact),
    score_e9=share_e9,
    merit=total,
    points=tuple,
    interval_e9=wilson_e9,
    points_cap=1,
)


def _mean(name: str, title: str, compare: Compared) -> Metric:
    """The mean over all examples of a number from 0 to 10^9."""
    return Metric(
        name=name,
        version=1,
        title=title,
        width=1,
        is_binary=False,
        records=_records(compare),
        score_e9=mean_e9,
        merit=total,
        points=tuple,
        interval_e9=normal_e9,
        points_cap=E9,
    )


def _whole(
    name: str,
    title: str,
    compare: Compared,
    score_e9: Callable[..., int],
    point: Callable[..., int],
) -> Metric:
    """A figure of the whole slice: ranked by itself, and not raced, as it is no mean."""
    width = BLEU_WIDTH if name == "bleu" else CHRF_WIDTH
    return Metric(
        name=name,
        version=1,
        title=title,
        width=width,
        is_binary=False,
        records=_records(compare),
        score_e9=score_e9,
        merit=score_e9,
        points=by_row(width, point),
    )


GENERATION = Evaluator(
    name="generation",
    title="Does it write what is wanted?",
    columns={"prompt": "what is written on", "references": "a wanted text, or a list of them"},
    options={"max_new_tokens": "32", "stop": ""},
    metrics=(
        EXACT_MATCH,
        _mean("token_f1", "mean F1 of words with the best reference", word_f1),
        _mean(
            "rouge_l",
            "mean ROUGE-L with the best reference",
            lambda one, *both: (one.texts.rouge_l_e9(*both),),
        ),
        _whole(
            "bleu",
            "BLEU of all texts together, 0 to 1",
            lambda one, *both: one.texts.bleu_counts(*both),
            bleu_e9,
            _bleu_of_one,
        ),
        _whole(
            "chrf",
            "chrF of all texts together, 0 to 1",
            lambda one, *both: one.texts.chrf_counts(*both),
            chrf_e9,
            _chrf,
        ),
    ),
    fits=is_decoder,
    pack=pack,
    predictor=asked,
    is_sound=is_sound,
)
