"""The starters of tasks without classes: each trains one step on a tiny base, and comes in.

tests/evaluator/test_ordinary.py has those with classes, family by family.
"""

import json
import runpy
import sys
from unittest.mock import patch

import pytest
from safetensors.torch import load_file

from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import Card
from evaluator.doors.prepare import write_prepared
from evaluator.intake import admit_folder
from evaluator.task.prepare import Options, prepare
from evaluator.task.slices import unpack_inputs
from tests.evaluator import ordinary
from tests.evaluator.test_evaluator_lm_eval import FILES, row
from tests.evaluator.tiny import rows_for

pytestmark = pytest.mark.slow
WRITING = """\
task: writing
doc_to_text: "Q: {{question}}"
doc_to_target: reply
generation_kwargs: {max_gen_toks: 6}
metric_list: [{metric: exact_match}]
"""
SALT = bytes(range(32))


def search(phrase, number):
    return {"query": f"Where is the {phrase}?", "relevant": [f"The {phrase} is here."]}


def reply(phrase, number):
    return {"prompt": f"Where is the {phrase}?", "references": ["in the house", "there"]}


def document(phrase, number):
    return {"text": f"the {phrase} is in the house.", "prompt": "Tell me: "}


def named(phrase, number):
    """The answer is a text among the choices, not its place."""
    found = row(phrase, number)
    return found | {"answer": found["choices"][found["answer"]]}


def likely(phrase, number):
    return row(phrase, number) | {"next": "here"}


def writing(phrase, number):
    return row(phrase, number) | {"reply": "there"}


TASKS = {
    "lm": ("nll", document, {}),
    "choice by place": ("acc", row, {}),
    "choice by text": ("acc_norm", named, {"delimiter": "\n'A': "}),
    "generation": ("exact_match", reply, {"max_new_tokens": "8"}),
    "harness choice": ("lm_eval_acc", row, {"task": FILES["choice"]}),
    "harness writing": ("lm_eval_exact_match", writing, {"task": WRITING}),
    "harness likely": ("lm_eval_perplexity", likely, {"task": FILES["likely"]}),
    "harness rolling": ("lm_eval_bits_per_byte", row, {"task": FILES["rolling"]}),
}


def prepared_in(folder, base, task):
    metric, make, options = task
    slices = (rows_for(make, 10, first) for first in (0, 100, 200))
    asked = Options(salt=SALT, metric=metric, options=options, max_tokens=120)
    found = prepare(base, *slices, asked)
    write_prepared(found, folder)
    return found


def run(folder, source, prepared):
    """The starter, run for a step: what it saved has learnt something, and the site takes it."""
    script, out = folder / "starter.py", folder / "adapter"
    with patch.object(sys, "argv", [str(script), str(source), str(out), "1"]):
        names = runpy.run_path(str(script), run_name="__main__")
    admit_folder(out, prepared.manifest)
    saved = load_file(out / "adapter_model.safetensors")
    assert any(one.any() for name, one in saved.items() if "lora_B" in name)
    return names


def opened(ids):
    """Without the tokens that open a text: the harness opens one that it scores whole twice."""
    return [one for one in ids if one != 0]


@pytest.mark.parametrize("name", TASKS)
def test_the_starter_of_a_language_model_trains_on_the_text_that_is_asked(tiny, tmp_path, name):
    prepared = prepared_in(tmp_path, tiny.base, TASKS[name])
    names = run(tmp_path, tiny.folder, prepared)
    rows = [json.loads(line) for line in prepared.public_jsonl.splitlines()]
    asked = unpack_inputs(prepared.public_inputs).examples
    for row_, questions in zip(rows, asked, strict=True):
        ids = opened(names["ids"](names["text_of"](row_))[0].tolist())
        known = [opened(one.ids) for one in questions]
        assert any(ids == one or ids[: len(one) - 1] == one[:-1] for one in known)


@pytest.mark.parametrize("pooling", ["mean", "cls"])
def test_the_starter_of_a_search_trains_what_the_site_takes(store, tmp_path, pooling):
    source = ordinary.made(tmp_path / "base", "bert")
    base = add_base(source, Card("bert", "MIT", "somebody"))
    prepared = prepared_in(tmp_path, base, ("ndcg_at_10", search, {"pooling": pooling}))
    run(tmp_path, source, prepared)
