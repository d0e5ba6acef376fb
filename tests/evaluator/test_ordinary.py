"""The ordinary adapter of each family: the starter trains it, and it scores what peft predicts.

Tiny bases made on the spot by transformers' own classes; the oracle is transformers with peft.
"""

import json
import os
import subprocess
import sys

import pytest
import torch
from peft import (
    AutoPeftModelForSequenceClassification,
    LoraConfig,
    PeftModel,
    get_peft_model,
)
from transformers import AutoModelForSequenceClassification

from evaluator.bases import folder_of
from evaluator.errors import AdapterRefused, EvaluatorUnfit
from evaluator.evaluators.form import Reading
from evaluator.generic.scoring import calm
from evaluator.intake import admit_folder
from evaluator.training.peft_run import padded, plain_model, train
from evaluator.training.recipe import Recipe, check_trainable
from tests.evaluator import ordinary
from tests.evaluator.conftest import examples
from tests.evaluator.models import model_of
from tests.evaluator.tiny import tiny_tokenizer

pytestmark = pytest.mark.slow
SAVED = "adapter_config.json"


@pytest.fixture(scope="module")
def task_of(tmp_path_factory):
    """task_of(family, **options): a competition on a tiny base of the family, made once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_BASES", str(tmp_path_factory.mktemp("store")))
        folder, known = tmp_path_factory.mktemp("families"), {}

        def one(family, **options):
            key = "-".join([*family.split(), *options.values()])
            if key not in known:
                known[key] = ordinary.task(folder / key, family, options)
            return known[key]

        yield one


def logits_of(task, adapter, ids):
    """What the engine gives, or transformers for it."""
    manifest = task.prepared.manifest
    admitted = admit_folder(adapter, manifest)
    model = model_of(task.base, admitted.canonical, manifest.adapter.head)
    options = manifest.metric.options
    reading = Reading(options["pooling"], is_own=options["head"] == "own")
    with torch.inference_mode(), calm():
        whole = model.net if task.base.is_generic else model
        return torch.as_tensor(whole.logits(ids, reading))


def rows():
    tokenizer = tiny_tokenizer()
    tokenizer.enable_truncation(ordinary.MOST_TOKENS)
    return [tokenizer.encode(one["text"]).ids for one in examples(100, 3)]


@pytest.mark.parametrize("family", ordinary.FAMILIES)
def test_what_the_starter_trains_scores_what_transformers_and_peft_predict(
    task_of, tmp_path, family
):
    task, ids = task_of(family), rows()
    adapter = ordinary.run_starter(task.folder / "starter.py", task.source, tmp_path / "adapter", 2)
    theirs = AutoPeftModelForSequenceClassification.from_pretrained(
        adapter, num_labels=len(task.prepared.manifest.labels)
    ).eval()
    with torch.inference_mode(), calm():
        wanted = torch.cat([theirs(input_ids=torch.tensor([one])).logits for one in ids])
    assert (logits_of(task, adapter, ids) - wanted).abs().max() < 1e-5
    assert (wanted - wanted[0]).abs().max() > 1e-4


# --- a copy of what the base holds ----------------------------------------------------------------

COPIES = {"bert": ("pooler", "query"), "modernbert": ("head", "Wqkv")}


@pytest.mark.parametrize("family", COPIES)
def test_a_copy_of_a_part_that_base_and_task_have_is_refused_by_its_name(task_of, tmp_path, family):
    """Guards the score: peft would predict with the copy, and we with the base's own."""
    (part, target), task = COPIES[family], task_of(family)
    plain = AutoModelForSequenceClassification.from_pretrained(task.source, num_labels=3)
    asked_for = {"target_modules": [target], "modules_to_save": ["classifier", part]}
    get_peft_model(plain, LoraConfig(task_type="SEQ_CLS", **asked_for)).save_pretrained(tmp_path)
    with pytest.raises(AdapterRefused, match=part) as refused:
        admit_folder(tmp_path, task.prepared.manifest)
    assert refused.value.code == "adapter.config_field"
    assert f"{part} is the base's: LoRA on it is taken" in refused.value.next_step
    told = json.loads((tmp_path / SAVED).read_bytes()) | {"modules_to_save": None}
    (tmp_path / SAVED).write_text(json.dumps(told))
    with pytest.raises(AdapterRefused, match="a copy of a part that the base holds") as refused:
        admit_folder(tmp_path, task.prepared.manifest)
    assert refused.value.code == "adapter.key_unknown"


# --- `assay train` --------------------------------------------------------------------------------

SHORT = Recipe(steps=2, batch=4, threads=1, layers=1)
HEADS = (("bert", {}), ("bert without a pooler", {}), ("bert", {"pooling": "cls"}))


@pytest.mark.parametrize(("family", "options"), HEADS)
def test_training_reads_the_text_as_the_task_does(task_of, tmp_path, family, options):
    task, ids = task_of(family, **options), rows()
    manifest = task.prepared.manifest
    train(examples(0, 8), manifest, tmp_path, SHORT, lambda _: None)
    plain = plain_model(folder_of(task.base), manifest)
    model = PeftModel.from_pretrained(plain, tmp_path).eval()
    with torch.inference_mode(), calm():
        tokens, mask = padded(ids)
        wanted = model.base_model(input_ids=tokens, attention_mask=mask)
    assert (logits_of(task, tmp_path, ids) - wanted).abs().max() < 1e-5
    assert (wanted - wanted[0]).abs().max() > 1e-4


def test_training_on_another_family_is_refused_with_the_script_that_does_it(task_of, tmp_path):
    task = task_of("distilbert")
    with pytest.raises(EvaluatorUnfit) as refused:
        check_trainable(examples(0, 8), task.prepared.manifest, tmp_path, SHORT)
    assert "python starter.py BASE OUT" in refused.value.next_step


def test_the_check_door_takes_what_the_script_trained_as_a_program(task_of, tmp_path):
    task, adapter = task_of("distilbert"), tmp_path / "adapter"
    command = [sys.executable, task.folder / "starter.py", task.source, adapter, "2"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    words = ["check", adapter, "--task", task.folder / "manifest.json", "--json"]
    words += ["--inputs", task.folder / "public.inputs", "--labels", task.folder / "public.labels"]
    done = subprocess.run(
        [sys.executable, "-m", "evaluator", *map(str, words)],
        capture_output=True, text=True, check=False, env=os.environ,  # noqa: TID251 - for a child process
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["examples"] == 24
