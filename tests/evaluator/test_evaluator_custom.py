"""A sponsor's own scoring: what the code is told, what may come back, how a task is prepared."""

import json
from dataclasses import replace

import pytest

from assay.canonical import sha256_hex
from evaluator.bases import MINILM, folder_of
from evaluator.errors import DataRefused, ScoredElsewhere
from evaluator.evaluators import custom_code
from evaluator.evaluators.custom import told
from evaluator.evaluators.form import Context
from evaluator.registry import METRICS
from evaluator.score.checking import check
from evaluator.score.judging import judge
from evaluator.task.prepare import MOST_CODE_BYTES, Options, prepare
from evaluator.task.slices import unpack_inputs, unpack_labels
from evaluator.task.tokens import tokens_of
from tests.evaluator.tiny import rows_for

SALT = bytes(range(32))
CODE = b"def score(prediction, reference):\n    return 0.5\n"
GIVEN = (10**9, 0, 250_000_000, 10**9, 0, 500_000_000)


def row(phrase, number):
    return {"prompt": f"the {phrase} is", "references": [phrase, "on the road"]}


def options(metric="custom_generation", **changed):
    return Options(**{"salt": SALT, "metric": metric, "code": CODE, "max_tokens": 64} | changed)


@pytest.fixture(scope="module")
def task(tiny):
    return prepare(tiny.base, *(rows_for(row, 6, one) for one in (0, 50, 90)), options())


def refusal(base, slices, chosen):
    with pytest.raises(DataRefused) as refused:
        prepare(base, *slices, chosen)
    return refused.value


def test_the_manifest_pins_the_code_and_the_task_brings_it_along(task):
    assert task.manifest.code == sha256_hex(CODE)
    assert task.code == CODE
    assert task.manifest.metric.evaluator == task.manifest.metric.name == "custom_generation"


def test_the_score_is_the_mean_of_what_the_code_gave(task):
    inputs, labels = unpack_inputs(task.public_inputs), unpack_labels(task.public_labels)
    context = Context(task.manifest.test.public.units, {}, given=GIVEN)
    judged = judge([[5]] * 6, labels, inputs, task.manifest, context)
    assert judged.records == GIVEN
    assert judged.score_e9 == 458_333_333


@pytest.mark.parametrize(
    "given", [(), GIVEN[:5], (*GIVEN[:5], -1), (*GIVEN[:5], 10**9 + 1), (*GIVEN[:5], True)]
)
def test_what_is_no_number_from_0_to_1_for_every_example_is_a_fault(given):
    with pytest.raises(ValueError, match="the code gave"):
        METRICS["custom_lm"].records([[1]] * 6, [[1, 1]] * 6, Context(6, {}, given=given))


def test_code_is_told_texts_and_nothing_of_the_miner(tiny, task):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=64)
    context = Context(6, task.manifest.metric.options, tokens)
    labels = unpack_labels(task.public_labels)
    ids = tokens.plain(" on the road ")
    predictions, references = told("custom_generation", (), [ids] * 6, labels, context)
    assert predictions == ["on the road"] * 6
    assert references[0] == rows_for(row, 1, 50)[0]["references"]


def test_code_is_told_the_names_of_classes_and_the_cost_of_documents():
    context = Context(2, {})
    named = told("custom_classification", ("cat", "dog"), [[1], [0]], [0, 0], context)
    assert named == (["dog", "cat"], ["cat", "cat"])
    assert told("custom_lm", (), [[7 << 32]], [[12, 40]], context) == ([7 << 32], [[12, 40]])


def test_a_task_of_classes_has_the_same_head_as_without_code(slices):
    with_code = prepare(MINILM, **slices, options=options("custom_classification", max_tokens=24))
    assert set(with_code.manifest.adapter.head) == {"classifier.weight", "classifier.bias"}
    assert with_code.manifest.labels == ("cat", "dog", "owl")


@pytest.mark.parametrize(
    ("metric", "code"),
    [
        ("custom_generation", b""),
        ("bleu", CODE),
        ("custom_generation", b"#" * MOST_CODE_BYTES + CODE),
    ],
)
def test_code_that_is_missing_unwanted_or_too_long_is_refused(tiny, metric, code):
    three = [rows_for(row, 6, one) for one in (0, 50, 90)]
    assert refusal(tiny.base, three, options(metric, code=code)).code == "data.code_refused"


def test_an_option_that_the_evaluator_lacks_is_refused_with_the_closest_one(tiny):
    three = [rows_for(row, 6, one) for one in (0, 50, 90)]
    found = refusal(tiny.base, three, options(options={"max_new_token": "8"}))
    assert (found.code, found.next_step) == ("data.option_refused", "Did you mean max_new_tokens?")


def test_nobody_runs_a_sponsors_code_outside_of_the_score_sandbox(tiny, task):
    with pytest.raises(ScoredElsewhere):
        check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)


def test_what_the_code_is_told_and_gives_fits_the_score_sandbox(tiny, task):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=64)
    labels = unpack_labels(task.public_labels)
    context = Context(6, task.manifest.metric.options, tokens)
    written = [tokens.plain(one[place % 2]) for place, one in enumerate(labels)]
    predictions, references = told("custom_generation", (), written, labels, context)
    code = b"def score(prediction, reference):\n    return reference.index(prediction) / 4\n"
    found = custom_code.predict(
        custom_code.load_base(tiny.folder),
        None,
        json.dumps({"predictions": predictions, "references": references}).encode(),
        code,
    )
    given = replace(context, given=tuple(one for [one] in found))
    inputs = unpack_inputs(task.public_inputs)
    judged = judge(written, labels, inputs, task.manifest, given)
    assert judged.records == (0, 250_000_000) * 3
