"""Before a task is pinned: the right answers must win, and who knows nothing must not."""

from dataclasses import replace

import pytest

from competitions.rules.prizes import separable
from evaluator.bases import MINILM, folder_of
from evaluator.errors import DataRefused
from evaluator.evaluators.choice import CHOICE
from evaluator.evaluators.form import Task
from evaluator.evaluators.generation import GENERATION
from evaluator.evaluators.options import chosen
from evaluator.evaluators.retrieval import RETRIEVAL
from evaluator.registry import METRICS, evaluator_of
from evaluator.task.oracle import ask
from evaluator.task.overlap import Told, refuse_overlap
from evaluator.task.prepare import Options, prepare
from evaluator.task.tokens import tokens_of
from evaluator.task.winnable import LEAST_WINS, check_room

OPTIONS = Options(salt=bytes(32), max_tokens=24)
ANSWERS = ("lamp", "river", "stone", "road", "paper")


@pytest.fixture(scope="module")
def tokens(tiny):
    return tokens_of(folder_of(tiny.base), max_tokens=64)


def asked(tokens, metric, rows, **options):
    evaluator = evaluator_of(metric)
    task = Task(metric, (), tokens, chosen(evaluator.options, options))
    task = replace(task, options=evaluator.settle(rows, task))
    return ask("final", evaluator.pack(rows, task), evaluator, METRICS[metric], task)


def refusal(tokens, metric, rows, **options):
    with pytest.raises(DataRefused) as refused:
        asked(tokens, metric, rows, **options)
    return refused.value


def questions(*references):
    return [{"prompt": f"the {k} is", "references": one} for k, one in enumerate(references)]


@pytest.mark.parametrize("metric", [one.name for one in GENERATION.metrics])
def test_right_answers_win_and_blind_ones_do_not(tokens, metric):
    rows = questions(*(f"the {one} and the other {one} are here" for one in ANSWERS))
    found = asked(tokens, metric, rows)
    assert found.best_e9 == 10**9
    assert max(found.constant_e9, found.shuffled_e9) < 10**9
    assert not found.is_trivial


def test_one_of_several_references_is_enough(tokens):
    long = "the river and the lamp " * 30
    assert asked(tokens, "exact_match", questions([long, "lamp"], ["road", long])).best_e9 == 10**9


@pytest.mark.parametrize(
    ("references", "options", "kind", "word"),
    [
        (("lamp", "the river and the lamp"), {"max_new_tokens": "8"}, "length", "max_new_tokens"),
        (("lamp", "the river\nand more"), {"stop": "\n"}, "stop", "stop"),
    ],
)
def test_what_cannot_be_written_is_named_with_its_row_and_why(
    tokens, references, options, kind, word
):
    found = refusal(tokens, "exact_match", questions(*references), **options)
    assert (found.code, found.facts["rows"]) == ("data.unwinnable", [2])
    assert found.facts["reasons"] == {kind: 1}
    assert word in found.next_step or word in str(found)


def test_what_the_tokenizer_does_not_give_back_is_named(tokens):
    lossy = replace(tokens, decode=lambda ids: tokens.decode(ids).lower())
    found = refusal(lossy, "exact_match", questions("lamp", "The Lamp"))
    assert found.facts["reasons"] == {"tokenizer": 1}
    assert "'the lamp'" in str(found)
    assert asked(lossy, "token_f1", questions("lamp", "The Road")).best_e9 == 10**9


def test_a_script_without_words_is_named_with_the_way_out(tokens):
    rows = questions("lamp and river", "кошка")
    found = refusal(tokens, "rouge_l", rows, tokenize="default")
    assert found.facts["reasons"] == {"words": 1}
    assert "intl or char" in found.next_step
    assert asked(tokens, "rouge_l", rows).best_e9 == 10**9


def test_references_too_short_for_bleu_are_not_silently_nothing(tokens):
    found = refusal(tokens, "bleu", questions("lamp", "river"))
    assert (found.code, found.facts["reasons"]) == ("data.unwinnable", {"short": 1})


def test_one_answer_for_all_is_trivial(tokens):
    assert asked(tokens, "exact_match", questions("yes", "yes", "yes")).is_trivial
    assert not asked(tokens, "exact_match", questions("yes", "yes", "no")).is_trivial


def test_a_right_choice_that_stands_there_twice_or_always_first_is_found(tokens):
    def row(answer, *choices):
        return {"question": "the lamp is", "choices": list(choices), "answer": answer}

    found = refusal(tokens, "acc", [row(0, "red", "blue"), row(1, "red", "red")])
    assert found.facts["reasons"] == {"choices": 1}
    assert asked(tokens, "acc", [row(0, "red", "blue")] * 2).is_trivial
    assert not asked(tokens, "acc", [row(0, "red", "blue"), row(1, "red", "blue")]).is_trivial
    assert CHOICE.ideal


def test_more_wanted_documents_than_are_looked_at_cannot_be_found(tokens):
    rows = [{"query": f"q {k}", "relevant": [f"text {k} {n}" for n in range(6)]} for k in range(3)]
    assert refusal(tokens, "recall_at_k", rows, k="5").facts["reasons"] == {"k": 3}
    assert asked(tokens, "recall_at_k", rows, k="6").best_e9 == 10**9
    assert asked(tokens, "recall_at_k", rows, k="18").is_trivial
    assert asked(tokens, "ndcg_at_10", rows).best_e9 == 10**9
    assert RETRIEVAL.ideal


def refused(slices, **changed):
    with pytest.raises(DataRefused) as found:
        prepare(MINILM, **(slices | changed), options=OPTIONS)
    return found.value


def test_a_slice_that_can_prove_nothing_is_refused(slices):
    found = refused(slices, final=slices["final"][: LEAST_WINS - 1])
    assert (found.code, found.facts["slice"]) == ("data.too_small", "final")
    for name in ("public", "final"):
        cats = [one for one in slices[name] if one["label"] == "cat"]
        found = refused(slices, **{name: cats})
        assert (found.code, found.facts["slice"]) == ("data.one_class", name)


def test_the_fewest_wins_are_those_that_the_payout_takes():
    assert separable([1] * LEAST_WINS, [0] * LEAST_WINS)
    assert not separable([1] * (LEAST_WINS - 1), [0] * (LEAST_WINS - 1))


def test_a_final_slice_on_which_the_base_is_nearly_perfect_proves_nothing():
    check_room([1, 0], 1, 10)
    for points, size in (([1, 0], 9), ([1, 1], 1000)):
        with pytest.raises(DataRefused) as found:
            check_room(points, 1, size)
        assert found.value.code == "data.too_small"


def test_what_most_rows_share_is_no_overlap_and_the_end_of_a_long_row_counts():
    header = "word " * 3000
    slices = {
        name: [Told(f"{header} {name} {k} tells", f"{header} {name} {k} tells") for k in range(9)]
        for name in ("train", "public", "final")
    }
    assert refuse_overlap(slices) == {}
    with pytest.raises(DataRefused) as found:
        refuse_overlap({**slices, "final": slices["train"][:1] + slices["final"]})
    assert found.value.facts["pairs"] == 1


def test_rows_that_differ_in_another_column_are_no_twins():
    same = "Which of these is the one that is meant by the question of the exam"
    rows = [Told(same, f"{same} {a} {b} {a} {b}") for a in ANSWERS for b in ANSWERS]
    assert refuse_overlap({"train": rows[:5], "final": rows[12:17]}) == {}


def test_classes_that_are_numbers_stand_in_their_order(slices):
    numbers = {"cat": "10", "dog": "9", "owl": "-1"}
    named = {
        name: [{**one, "label": numbers[one["label"]]} for one in rows]
        for name, rows in slices.items()
    }
    made = prepare(MINILM, **named, options=OPTIONS)
    assert made.manifest.labels == ("-1", "9", "10")


def test_labels_that_look_alike_are_told(slices):
    changed = {
        name: [
            {**one, "label": "Cat"} if k % 6 == 0 else one for k, one in enumerate(rows)
        ]
        for name, rows in slices.items()
    }  # fmt: skip
    warnings = prepare(MINILM, **changed, options=OPTIONS).warnings
    assert "The labels 'Cat' and 'cat' look alike and are different classes." in warnings
    assert any("fill max_tokens (24)" in one for one in warnings), "texts are cut, and it is said"


def test_how_words_are_found_and_what_that_means_is_said():
    rows = [{"prompt": "p", "references": "今天天气很好"}]
    assert GENERATION.warn("exact_match", rows) == []
    for metric, words in (
        ("bleu", "tokenize=zh"),
        ("rouge_l", "=char"),
        ("token_f1", "as a whole"),
    ):
        [told] = GENERATION.warn(metric, rows)
        assert words in told
