"""The ordinary adapter of each family: the starter trains it, and it scores what peft predicts.

Tiny bases made on the spot by transformers' own classes; the oracle is transformers with peft.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from peft import AutoPeftModelForSequenceClassification
from transformers import (
    CONFIG_MAPPING,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
)

from evaluator import generic_scoring, scoring
from evaluator.adding import Card, add_base
from evaluator.bases import folder_of
from evaluator.doors.prepare import write_prepared
from evaluator.evaluators.form import Reading
from evaluator.intake import admit_folder
from evaluator.prepare import Options, prepare
from evaluator.scoring import asked, engine
from tests.evaluator.conftest import examples
from tests.evaluator.tiny import tiny_tokenizer

WIDE = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4,
    "max_position_embeddings": 128,
}  # fmt: skip
DECODER = {**WIDE, "num_key_value_heads": 2, "head_dim": 8, "bos_token_id": 0, "eos_token_id": 1}
FAMILIES = {
    "bert": (AutoModel, {**WIDE, "pad_token_id": 2}),
    "bert without a pooler": (AutoModelForMaskedLM, {**WIDE, "pad_token_id": 2}),
    "roberta": (AutoModelForMaskedLM, {**WIDE, "pad_token_id": 1}),
    "distilbert": (AutoModel, {"dim": 32, "hidden_dim": 48, "n_layers": 2, "n_heads": 4}),
    "deberta-v2": (AutoModel, {**WIDE, "pooler_hidden_size": 32, "relative_attention": True,
                               "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}),
    "modernbert": (AutoModelForMaskedLM, {**WIDE, "pad_token_id": 2, "bos_token_id": 0,
                                          "eos_token_id": 1, "cls_token_id": 0, "sep_token_id": 1}),
    "llama": (AutoModelForCausalLM, DECODER),
    "qwen3": (AutoModelForCausalLM, DECODER),
}  # fmt: skip


@dataclass
class Ordinary:
    """A prepared competition, its base's folder, and the adapter that the starter trained."""

    name: str
    task: Path
    base: Path
    adapter: Path


def made(folder, family):
    """A base's folder as transformers saves it, with weights that are not idle."""
    kind, told = FAMILIES[family]
    tokenizer = tiny_tokenizer()
    config = CONFIG_MAPPING[family.split()[0]](vocab_size=tokenizer.get_vocab_size(), **told)
    torch.manual_seed(5)
    model = kind.from_config(config).eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn(one.shape) * 0.1)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@pytest.fixture
def ordinary(tmp_path, monkeypatch, request):
    monkeypatch.setenv("ASSAY_BASES", str(tmp_path / "store"))
    name = request.param.split()[0]
    folder = made(tmp_path / "base", request.param)
    base = add_base(folder, Card(name, "MIT", "somebody"))
    slices = {"train": examples(0, 8), "public": examples(100, 8), "final": examples(200, 8)}
    task = prepare(base, **slices, options=Options(salt=bytes(32), max_tokens=32))
    write_prepared(task, tmp_path / "task")
    words = [tmp_path / "task" / "starter.py", folder, tmp_path / "adapter", "2"]
    done = subprocess.run(
        [sys.executable, *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return Ordinary(name, tmp_path / "task", folder, tmp_path / "adapter"), base, task


@pytest.mark.parametrize("ordinary", FAMILIES, indirect=True)
def test_what_the_starter_trains_scores_what_transformers_and_peft_predict(ordinary):
    found, base, task = ordinary
    manifest = task.manifest
    admitted = admit_folder(found.adapter, manifest)
    scorer = generic_scoring if base.is_generic else scoring
    weights = scorer.load_base(folder_of(base))
    tokenizer = tiny_tokenizer()
    tokenizer.enable_truncation(32)
    ids = [tokenizer.encode(one["text"]).ids for one in examples(100, 3)]
    theirs = AutoPeftModelForSequenceClassification.from_pretrained(
        found.adapter, num_labels=len(manifest.labels)
    ).eval()
    options = manifest.metric.options
    reading = Reading(options["pooling"], is_own=options["head"] == "own")
    with torch.inference_mode(), engine(1):
        wanted = torch.cat([theirs(input_ids=torch.tensor([one])).logits for one in ids])
        for mode in weights.nets:
            net = asked(weights, admitted.canonical, manifest, mode).net
            assert (net.logits(ids, reading) - wanted).abs().max() < 1e-5
    assert (wanted - wanted[0]).abs().max() > 1e-4


@pytest.mark.parametrize("ordinary", ["distilbert"], indirect=True)
def test_the_check_door_takes_it_and_scores_it(ordinary, tmp_path):
    found, _, _ = ordinary
    words = ["check", found.adapter, "--task", found.task / "manifest.json", "--json"]
    words += ["--inputs", found.task / "public.inputs", "--labels", found.task / "public.labels"]
    done = subprocess.run(
        [sys.executable, "-m", "evaluator", *map(str, words)],
        capture_output=True, text=True, check=False,
        env={**os.environ, "ASSAY_BASES": str(tmp_path / "store")},  # noqa: TID251 - for a child process
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert json.loads(done.stdout)["examples"] == 24
