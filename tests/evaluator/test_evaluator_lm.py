"""Language-model loss on a tiny decoder, held against transformers and peft."""

import math
from dataclasses import replace

import peft
import pytest
import torch
import transformers

from evaluator.bases import MINILM, folder_of
from evaluator.errors import DataRefused
from evaluator.evaluators.form import Context, Task
from evaluator.evaluators.lm import LM, MOST_RECORD, costs
from evaluator.score.checking import check
from evaluator.task.prepare import Options, prepare
from evaluator.task.slices import unpack_inputs, unpack_labels
from evaluator.task.tokens import tokens_of
from tests.evaluator.tiny import rows_for

SALT = bytes(range(32))


def document(phrase, number):
    return {"text": f"the {phrase} is in the house, and the {phrase} stays.", "prompt": "Tell me:"}


def bare(phrase, number):
    return {"text": document(phrase, number)["text"]}


def prepared(tiny, metric, make=bare, **options):
    train, public, final = (rows_for(make, 6, first) for first in (0, 100, 200))
    chosen = Options(salt=SALT, metric=metric, **{"max_tokens": 120, **options})
    return prepare(tiny.base, train, public, final, chosen), public


@pytest.fixture(scope="module")
def theirs(tiny):
    """transformers and peft on the same base under the same adapter."""
    model = transformers.AutoModelForCausalLM.from_pretrained(tiny.folder)
    return peft.PeftModel.from_pretrained(model, tiny.adapter).eval()


def nats(theirs, inputs):
    """What transformers says of the scored tokens of each row."""
    found = []
    for [row] in inputs.examples:
        ids = torch.tensor([row.ids])
        with torch.inference_mode():
            logits = theirs(input_ids=ids).logits[0, row.start - 1 : -1]
        found.append(torch.nn.functional.cross_entropy(logits, ids[0, row.start :]) * len(logits))
    return [float(one) for one in found]


@pytest.mark.parametrize("make", [bare, document])
def test_the_three_figures_are_those_of_transformers_and_peft(tiny, theirs, make):
    scores, total = {}, 0.0
    for metric in ("nll", "perplexity", "bits_per_byte"):
        task, public = prepared(tiny, metric, make)
        found = check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)
        scores[metric] = found.score_e9 / 1e9
        total = sum(nats(theirs, unpack_inputs(task.public_inputs)))
    labels = unpack_labels(task.public_labels)
    tokens, size = (sum(one[part] for one in labels) for part in (0, 1))
    assert size == sum(len(one["text"].encode()) for one in public)
    assert scores["nll"] == pytest.approx(total / tokens, rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(total / tokens), rel=1e-4)
    assert scores["bits_per_byte"] == pytest.approx(total / size / math.log(2), rel=1e-5)


def test_a_prompt_is_read_and_not_scored(tiny):
    [with_prompt, without] = (
        unpack_inputs(prepared(tiny, "nll", make)[0].public_inputs) for make in (document, bare)
    )
    tokens = tokens_of(folder_of(tiny.base), max_tokens=120)
    [row], [alone] = with_prompt.examples[0], without.examples[0]
    assert alone.start == 1
    assert alone.ids[0] == tokens.opening
    assert tokens.decode(row.ids[row.start :]) == document("lamp lamp 791900", 100)["text"]
    assert tokens.decode(row.ids[: row.start]).endswith("Tell me:")


def test_a_long_document_is_cut_and_its_bytes_are_counted_where_it_ends(tiny):
    task, public = prepared(tiny, "bits_per_byte", max_tokens=12)
    tokens = tokens_of(folder_of(tiny.base), max_tokens=12)
    inputs, labels = unpack_inputs(task.public_inputs), unpack_labels(task.public_labels)
    for [row], [scored, size], one in zip(inputs.examples, labels, public, strict=True):
        kept = tokens.decode(row.ids[1:])
        assert (scored, size) == (11, len(kept.encode()))
        assert one["text"].startswith(kept)
        assert size < len(one["text"])
    assert task.manifest.test.public.units == sum(size for _, size in labels)


def test_without_an_opening_token_the_first_one_is_read_and_not_counted(tiny):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=120)
    bare = replace(tokens, opening=None, whole=tokens.plain)
    packed = LM.pack([{"text": "the lamp"}], Task("bits_per_byte", (), bare, {}))
    assert packed.labels == ([len(tokens.plain("the lamp")) - 1, len(" lamp")],)


def test_units_are_tokens_or_bytes_as_the_metric_divides(tiny):
    units = {
        name: prepared(tiny, name)[0].manifest.test.public.units
        for name in ("nll", "bits_per_byte")
    }
    assert 0 < units["nll"] < units["bits_per_byte"]


def test_a_document_of_which_nothing_is_left_is_refused(tiny):
    def long_prompt(phrase, number):
        return {"text": phrase, "prompt": f"about {phrase} " * 20}

    with pytest.raises(DataRefused) as refused:
        prepared(tiny, "nll", long_prompt, max_tokens=24)
    assert (refused.value.code, refused.value.facts["row"]) == ("data.sample_unfit", 1)


def test_an_encoder_cannot_be_asked(tiny):
    rows = [rows_for(bare, 3, first) for first in (0, 100, 200)]
    with pytest.raises(DataRefused) as refused:
        prepare(MINILM, *rows, Options(salt=SALT, metric="nll"))
    assert refused.value.code == "data.evaluator_unfit"


def test_a_cost_beyond_all_measure_stays_within_its_field():
    context = Context(1, {})
    assert costs([[2**80], [0], [3 << 15]], [[1, 1]] * 3, context) == (MOST_RECORD, 0, 2)


def test_only_sums_that_the_tokens_can_have_are_sound(tiny):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=120)
    packed = LM.pack([{"text": "the lamp"}], Task("nll", (), tokens, {}))
    rows, most = packed.inputs.examples[0], (1000 << 32) * packed.labels[0][0]
    assert LM.is_sound([most], rows, 0)
    assert not any(LM.is_sound(one, rows, 0) for one in ([most + 1], [-1], [], [1, 1]))
