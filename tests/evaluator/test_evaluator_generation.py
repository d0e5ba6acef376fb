"""Greedy writing and its figures, held against transformers, sacrebleu and rouge-score."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from evaluator.bases import folder_of
from evaluator.engine.model import Adapted
from evaluator.errors import OptionRefused, SampleUnfit
from evaluator.evaluators.form import Context, Task
from evaluator.evaluators.generation import GENERATION, written
from evaluator.registry import METRICS
from evaluator.score.scoring import load_base
from evaluator.task.tokens import tokens_of
from evaluator.texts import Measures

OPTIONS = {"max_new_tokens": "12", "stop": ""}
TEXTS = (
    "the cat sat on the mat",
    "the cat sat",
    "a quick brown fox jumps over it all day",
    "Quick!",
    "",
)
REFERENCES = (
    ["the cat sat on the mat", "a cat is on a mat"],
    ["the cat sat on the mat today", "there sat a cat"],
    ["the quick brown fox jumps over the lazy dog", "foxes jump all day"],
    ["quick", "be quick now"],
    ["nothing was written", "silence"],
)
words = st.lists(st.sampled_from("a the cat dog sat on mat mats .".split()), max_size=12)  # noqa: SIM905
pairs = st.lists(st.tuples(words, words), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def tokens(tiny):
    return tokens_of(folder_of(tiny.base), max_tokens=64)


@pytest.fixture(scope="module")
def model(tiny):
    return Adapted(load_base(folder_of(tiny.base)), None, {})


@dataclass(frozen=True)
class Spoken:
    """Tokens of which each is a whole text of a list."""

    spoken: Sequence[str]
    texts: Measures

    def decode(self, ids):
        return self.spoken[ids[0]]


def records(metric, texts, references):
    context = Context(len(texts), {"stop": ""}, Spoken(texts, Measures()))
    return METRICS[metric].records([[place] for place in range(len(texts))], references, context)


def score(metric, texts, references):
    return METRICS[metric].score_e9(records(metric, texts, references), len(texts)) / 1e9


def test_bleu_and_chrf_are_sacrebleus_over_the_whole_slice():
    streams = [[one[place] for one in REFERENCES] for place in (0, 1)]
    bleu, chrf = BLEU().corpus_score(TEXTS, streams), CHRF().corpus_score(TEXTS, streams)
    assert bleu.score > 10
    assert score("bleu", TEXTS, REFERENCES) == pytest.approx(bleu.score / 100, abs=1e-9)
    assert score("chrf", TEXTS, REFERENCES) == pytest.approx(chrf.score / 100, abs=1e-9)


@given(pairs)
def test_bleu_and_chrf_of_any_texts_are_sacrebleus(both):
    texts, wanted = ([" ".join(one[part]) for one in both] for part in (0, 1))
    bleu, chrf = (
        BLEU(force=True).corpus_score(texts, [wanted]),
        CHRF().corpus_score(texts, [wanted]),
    )
    assert score("bleu", texts, [[one] for one in wanted]) == pytest.approx(
        bleu.score / 100, abs=1e-9
    )
    assert score("chrf", texts, [[one] for one in wanted]) == pytest.approx(
        chrf.score / 100, abs=1e-9
    )


def test_rouge_l_is_the_mean_of_rouge_scores_best():
    scorer = RougeScorer(["rougeL"])
    best = [
        max(scorer.score(wanted, text)["rougeL"].fmeasure for wanted in listed)
        for text, listed in zip(TEXTS, REFERENCES, strict=True)
    ]
    assert score("rouge_l", TEXTS, REFERENCES) == pytest.approx(sum(best) / len(best), abs=1e-9)


def test_words_are_compared_as_squad_does_and_an_empty_answer_is_none():
    found = records(
        "token_f1",
        ["The Cat, sat!", "cat", "", "the", "A"],
        [["a cat sat"]] * 2 + [["x"], ["a"], ["a"]],
    )
    assert found == (10**9, 666_666_667, 0, 0, 10**9)


@pytest.mark.parametrize(
    ("text", "reference", "is_same"),
    [
        ("“Yes”", "yes", True),
        ("¿Sí?", "sí", True),
        ("cafe\u0301", "café", True),
        ("don’t", "don't", True),
        ("314", "3.14", False),
        ("3,14", "314", False),
        ("1,000", "1000", True),
        ("1,000.50", "1000.50", True),
        ("-5", "5", False),
        ("\u22125", "-5", True),
        ("10:30", "1030", False),
        ("$5", "5", True),
        ("5.", "5", True),
        ("yes-or-no", "yesorno", True),
        ("?!", "?!", True),
        ("?!", "", False),
    ],
)
def test_punctuation_of_any_script_goes_and_numbers_stay_what_they_are(text, reference, is_same):
    [found] = records("token_f1", [text], [[reference]])
    assert (found == 10**9) is is_same


def test_canonically_equal_texts_are_an_exact_match_and_nothing_is_not():
    found = records("exact_match", ["cafe\u0301 ", "", " "], [["café"], [""], [" "]])
    assert found == (1, 0, 0)


@pytest.mark.parametrize(
    ("metric", "texts", "way"),
    [
        ("rouge_l", ["the cat sat"], "default"),
        ("rouge_l", ["le café est fermé, désolé"], "intl"),
        ("rouge_l", ["the cat sat on the mat all day long"] * 9 + ["кошка"], "intl"),
        ("rouge_l", ["кошка сидит на окне"], "intl"),
        ("rouge_l", ["고양이가 창가에 앉아 있다"], "intl"),
        ("rouge_l", ["猫が窓に座っている"], "char"),
        ("rouge_l", ["今天天气很好"], "char"),
        ("rouge_l", ["แมวนั่งอยู่"], "char"),
        ("bleu", ["the cat sat"], "13a"),
        ("bleu", ["кошка сидит на окне"], "13a"),
        ("bleu", ["今天天气很好"], "zh"),
        ("bleu", ["猫が窓に座っている"], "char"),
        ("bleu", ["แมวนั่งอยู่บนหน้าต่าง"], "char"),
        ("chrf", ["今天天气很好"], ""),
        ("bleu", [""], "13a"),
    ],
)
def test_how_words_are_found_follows_from_the_script_of_the_references(tokens, metric, texts, way):
    rows = [{"prompt": "p", "references": one} for one in texts]
    settled = GENERATION.settle(rows, Task(metric, (), tokens, {**GENERATION.options, **OPTIONS}))
    assert settled["tokenize"] == way


def test_each_way_gives_a_perfect_text_the_whole_figure():
    for metric, way, text in (
        ("rouge_l", "intl", "кошка сидит на окне"),
        ("rouge_l", "char", "今天天气很好"),
        ("bleu", "zh", "今天天气很好"),
        ("bleu", "char", "แมวนั่งอยู่"),
        ("bleu", "intl", "le café est fermé"),
    ):
        context = Context(1, {**OPTIONS, "tokenize": way}, Spoken([text], Measures()))
        found = METRICS[metric].records([[0]], [[text]], context)
        assert METRICS[metric].score_e9(found, 1) == 10**9, (metric, way)


def test_a_way_that_the_metric_lacks_is_refused(tokens):
    rows = [{"prompt": "p", "references": "x"}]
    for metric, way in (("rouge_l", "zh"), ("bleu", "ja-mecab"), ("exact_match", "char")):
        with pytest.raises(OptionRefused):
            GENERATION.settle(rows, Task(metric, (), tokens, {**OPTIONS, "tokenize": way}))


def test_as_much_may_be_written_as_the_longest_reference_takes(tokens):
    def most(*references, **given):
        rows = [{"prompt": "p", "references": one} for one in references]
        task = Task("chrf", (), tokens, {**GENERATION.options, **given})
        return int(GENERATION.settle(rows, task)["max_new_tokens"])

    wide = replace(tokens, max_tokens=400)
    assert most("x") == 32
    assert most("x", max_new_tokens="5") == 5
    long = "the river and the lamp " * 20
    assert most(long) == 32, "no more than half of a row"
    tokens = wide
    assert 32 < most(long) == most("x", [long, long + long]) <= 200


def test_an_exact_match_is_any_reference_but_for_spaces_around_it():
    assert records("exact_match", [" on ", "On", "o n"], [["off", "on"]] * 3) == (1, 0, 0)


def test_points_of_a_text_are_its_own_bleu_and_chrf():
    found = METRICS["bleu"].points(records("bleu", TEXTS, REFERENCES))
    assert found[0] == 10**9
    assert found[4] == 0
    alone = BLEU(effective_order=True).sentence_score(TEXTS[2], REFERENCES[2]).score
    assert found[2] / 1e9 == pytest.approx(alone / 100, abs=1e-9)
    chrf = CHRF().sentence_score(TEXTS[2], REFERENCES[2]).score
    assert METRICS["chrf"].points(records("chrf", TEXTS, REFERENCES))[2] / 1e9 == pytest.approx(
        chrf / 100, abs=1e-9
    )


def test_what_is_written_is_the_greedy_continuation_of_transformers(tiny, tokens, model):
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tiny.folder).eval()
    task = Task("bleu", (), tokens, OPTIONS)
    rows = [{"prompt": f"the {one} is", "references": "x"} for one in ("lamp", "river", "road")]
    packed = GENERATION.pack(rows, task)
    found = GENERATION.predictor(model, packed.inputs.shared, OPTIONS)(packed.inputs.examples)
    for ids, [row] in zip(found, packed.inputs.examples, strict=True):
        told = theirs.generate(
            torch.tensor([row.ids]), max_new_tokens=12, do_sample=False, pad_token_id=1
        )[0, len(row.ids) :]
        assert ids == [one for one in told.tolist() if one != 1]
        assert GENERATION.is_sound(ids, [row], 0)
        assert not any(GENERATION.is_sound(one, [row], 0) for one in ([-1], [2**31], [0] * 4097))


def test_writing_ends_at_a_stop_and_the_text_before_it_is_the_same(tokens, model):
    row = {"prompt": "the lamp is", "references": ["x"]}
    task = Task("bleu", (), tokens, OPTIONS)
    packed = GENERATION.pack([row], task)
    [ids] = GENERATION.predictor(model, packed.inputs.shared, OPTIONS)(packed.inputs.examples)
    stop = next(one for one in tokens.decode(ids)[2:] if one != "\ufffd")
    chosen = {**OPTIONS, "stop": stop}
    packed = GENERATION.pack([row], replace(task, options=chosen))
    [short] = GENERATION.predictor(model, packed.inputs.shared, chosen)(packed.inputs.examples)
    whole, stopped = (written(one, Context(1, chosen, tokens)) for one in (ids, short))
    assert len(short) < len(ids)
    assert whole == stopped == tokens.decode(ids).partition(stop)[0].strip()


def test_a_stop_is_a_text_or_a_json_list_of_them(tokens):
    task = Task("bleu", (), tokens, {**OPTIONS, "stop": '["\\n", " the"]'})
    [ends] = GENERATION.pack([{"prompt": "a", "references": ["x"]}], task).inputs.shared
    assert {tokens.decode([5, one])[1:] for one in ends.ids} >= {"\n", " the"}
    assert ends.start == 12


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_new_tokens", "0"), ("max_new_tokens", "64"), ("max_new_tokens", "x"), ("stop", "[1]")],
)
def test_an_option_that_cannot_be_is_refused(tokens, name, value):
    with pytest.raises(OptionRefused) as refused:
        GENERATION.pack(
            [{"prompt": "a", "references": ["x"]}],
            Task("bleu", (), tokens, {**OPTIONS, name: value}),
        )
    assert refused.value.facts["option"] == name


def test_a_prompt_of_no_token_is_named(tokens):
    bare = replace(tokens, whole=tokens.plain)
    rows = [{"prompt": "a", "references": "x"}, {"prompt": "", "references": "x"}]
    with pytest.raises(SampleUnfit) as refused:
        GENERATION.pack(rows, Task("bleu", (), bare, OPTIONS))
    assert refused.value.facts["row"] == 2
