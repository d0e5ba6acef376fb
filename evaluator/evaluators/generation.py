"""Evaluator `generation`: what does a decoder write behind a prompt, and is it what was wanted?

The model writes greedily inside the sandbox; texts are made and compared outside of it. BLEU and
chrF are figures of the whole slice, so records hold the counts that they are made of.
source  Papineni et al. 2002 (BLEU) and Popovic 2015 (chrF) as sacrebleu 2.6 computes them; Lin 2004
        (ROUGE-L) as rouge-score 0.1.2 does; Rajpurkar et al. 2016 (F1 of words)
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

from evaluator.bases.shapes import is_decoder
from evaluator.errors import OptionRefused
from evaluator.evaluators.asking import MOST_NEW, asked, cut, ending, is_sound, unfit, written_row
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
    Ideal,
    Metric,
    Packed,
    Prediction,
    Sample,
    Task,
    Tokens,
)
from evaluator.evaluators.options import number, texts
from evaluator.evaluators.speaking import fewest_tokens, ideal
from evaluator.evaluators.words import (
    TOKENIZE,
    WAYS,
    same,
    settled,
    squad_words,
    warnings_of,
    way_for,
)
from evaluator.task.slices import Inputs

MOST_STOPS, USUAL_NEW = 8, 32
ORDERS = 4
BLEU_WIDTH, CHRF_WIDTH = 2 + 2 * ORDERS, 3 * 6
BETA_SQUARED = 4
Compared = Callable[[Tokens, str, list[str], str], Sequence[int]]


def pack(rows: Sequence[Sample], task: Task) -> Packed:
    """One row per prompt; a label is the list of references.

    raises OptionRefused, SampleUnfit
    """
    stops = texts(task.options, "stop", most=MOST_STOPS)
    most = number(task.options, "max_new_tokens", least=1, most=MOST_NEW)
    if most >= task.tokens.max_tokens:
        raise OptionRefused(
            f"{most} new tokens leave no room for a prompt within {task.tokens.max_tokens}.",
            option="max_new_tokens",
            wanted=f"less than {task.tokens.max_tokens}",
        )
    prompts = tuple((written_row(task.tokens, str(one["prompt"]), most=most),) for one in rows)
    empty = next((place for place, [row] in enumerate(prompts, start=1) if not row.ids), 0)
    if empty:
        raise unfit(empty, "its prompt has no token")
    labels = tuple(_references(one) for one in rows)
    return Packed(Inputs(prompts, (ending(task.tokens, stops, most=most),)), labels, len(rows))


def written(prediction: Prediction, context: Context) -> str:
    """The text of new tokens, before the first stop, without spaces around it."""
    stops = texts(context.options, "stop", most=MOST_STOPS)
    return cut(_tokens(context).decode(prediction), stops).strip()


def is_exact(_: Tokens, text: str, references: list[str], __: str) -> tuple[int]:
    """1 where the text is one of the references, in NFC and spaces around it aside; never for none.

    An empty text is no answer.
    """
    answer = same(text)
    return (int(answer != "" and answer in map(same, references)),)


def word_f1(_: Tokens, text: str, references: list[str], __: str) -> tuple[int]:
    """The best F1 of words over the references, in parts of 10^9, half to even; none for none."""
    words = squad_words(text)
    return (max(round(_f1(words, squad_words(one)) * E9) for one in references),)


def bleu_e9(records: Sequence[int], _: int = 0) -> int:
    """BLEU of the whole slice in parts of 10^9, as sacrebleu's default smooths it."""
    return _bleu(columns_of(records, BLEU_WIDTH), orders=ORDERS)


def chrf_e9(records: Sequence[int], _: int = 0) -> int:
    """chrF of the whole slice in parts of 10^9."""
    return _chrf(columns_of(records, CHRF_WIDTH))


def _tokens(context: Context) -> Tokens:
    assert context.tokens is not None, "answers are texts"
    return context.tokens


def _way(metric: str, labels: Sequence[object], context: Context) -> str:
    """How words are found: as the task pins it; by a look at these references where it does not.

    A task from before there was a choice has the library's own way.
    """
    ways = WAYS.get(metric, ("",))
    listed = [str(each) for one in labels if isinstance(one, list) for each in one]
    return context.options.get(TOKENIZE, ways[0]) or way_for(metric, listed)


def _settle(rows: Sequence[Sample], task: Task) -> Mapping[str, str]:
    """How words are found, and how much may be written, where the sponsor did not say.

    That is enough for the longest reference, within half of a row; and never less than usual.
    """
    listed = [_references(one) for one in rows]
    options = settled(task.metric, [each for one in listed for each in one], task.options)
    if options["max_new_tokens"]:
        return options
    longest = max((fewest_tokens(task.tokens, one) for one in listed), default=0)
    room = min(MOST_NEW, task.tokens.max_tokens // 2)
    return {**options, "max_new_tokens": str(max(USUAL_NEW, min(longest, room)))}


def _warn(metric: str, rows: Sequence[Sample]) -> list[str]:
    return warnings_of(metric, [each for one in rows for each in _references(one)])


def _ideal(packed: Packed, task: Task) -> list[Ideal]:
    return ideal(packed, task, texts(task.options, "stop", most=MOST_STOPS))


def _references(one: Sample) -> list[str]:
    found = one["references"]
    return [str(each) for each in found] if isinstance(found, list) else [str(found)]


def _f1(found: list[str], wanted: list[str]) -> Fraction:
    if not found or not wanted:
        return Fraction(0)
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


def _records(metric: str, compare: Compared) -> Callable[..., tuple[int, ...]]:
    def records(
        predictions: Sequence[Prediction], labels: Sequence[object], context: Context
    ) -> tuple[int, ...]:
        found: list[int] = []
        way = _way(metric, labels, context)
        for prediction, label in zip(predictions, labels, strict=True):
            assert isinstance(label, list), "a label is a list of texts"
            found += compare(_tokens(context), written(prediction, context), label, way)
        return tuple(found)

    return records


EXACT_MATCH = Metric(
    name="exact_match",
    version=2,
    title="share of texts that are a reference",
    width=1,
    is_binary=True,
    records=_records("exact_match", is_exact),
    score_e9=share_e9,
    merit=total,
    points=tuple,
    interval_e9=wilson_e9,
    points_cap=1,
    best=1,
)


def _mean(name: str, title: str, compare: Compared, version: int = 1) -> Metric:
    """The mean over all examples of a number from 0 to 10^9."""
    return Metric(
        name=name,
        version=version,
        title=title,
        width=1,
        is_binary=False,
        records=_records(name, compare),
        score_e9=mean_e9,
        merit=total,
        points=tuple,
        interval_e9=normal_e9,
        points_cap=E9,
        best=E9,
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
        records=_records(name, compare),
        score_e9=score_e9,
        merit=score_e9,
        points=by_row(width, point),
        best=E9,
    )


GENERATION = Evaluator(
    name="generation",
    title="Does it write what is wanted?",
    columns={"prompt": "what is written on", "references": "a wanted text, or a list of them"},
    options={"max_new_tokens": "", "stop": "", TOKENIZE: ""},
    metrics=(
        EXACT_MATCH,
        _mean("token_f1", "mean F1 of words with the best reference", word_f1, version=2),
        _mean(
            "rouge_l",
            "mean ROUGE-L with the best reference",
            lambda one, *told: (one.texts.rouge_l_e9(*told),),
        ),
        _whole(
            "bleu",
            "BLEU of all texts together, 0 to 1",
            lambda one, *told: one.texts.bleu_counts(*told),
            bleu_e9,
            _bleu_of_one,
        ),
        _whole(
            "chrf",
            "chrF of all texts together, 0 to 1",
            lambda one, text, listed, _: one.texts.chrf_counts(text, listed),
            chrf_e9,
            _chrf,
        ),
    ),
    fits=is_decoder,
    pack=pack,
    predictor=asked,
    is_sound=is_sound,
    settle=_settle,
    warn=_warn,
    ideal=_ideal,
)
