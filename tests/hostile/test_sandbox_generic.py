"""A base of another architecture, from the reader's jail to a fresh jail for its scorer."""

import json

import pytest
import torch
from transformers import AutoModel, ElectraConfig

from evaluator.bases import folder_of
from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import STORE_VARIABLE, Card, store
from evaluator.generic import scoring as generic_scoring
from tests.evaluator.tiny import tiny_tokenizer
from workers.bench import _sandbox
from workers.sandbox import bubblewrap
from workers.sandbox.fresh import Fresh
from workers.sandbox.reader import Allowance, run_reader, taken
from workers.sandbox.runner import Job, Status

ROWS = 6
LABELS = ("bread", "clock")
WIDE = {
    "embedding_size": 16, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4,
}  # fmt: skip


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A tiny ELECTRA with random weights, registered in a store of its own."""
    if reason := bubblewrap.why_not():
        pytest.skip(f"no fresh jails on this host: {reason}")
    monkeypatch.setenv(STORE_VARIABLE, str(tmp_path / "store"))
    torch.manual_seed(3)
    tokenizer, folder = tiny_tokenizer(), tmp_path / "distil"
    size = tokenizer.get_vocab_size()
    config = ElectraConfig(vocab_size=size, **WIDE)
    AutoModel.from_config(config).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return add_base(folder, Card("distil", "MIT", "somebody"))


def write_slices(folder):
    folder.mkdir()
    (folder / "salt").write_bytes(bytes(32))
    asked = {"--salt-file": folder / "salt", "--out": folder / "out", "--base": "distil"}
    for name in ("train", "public", "final"):
        file = asked[f"--{name}"] = folder / f"{name}.jsonl"
        texts = [
            (f"{label} of {name} {number * 7919}", label)
            for number in range(ROWS)
            for label in LABELS
        ]
        file.write_text("".join(json.dumps({"text": a, "label": b}) + "\n" for a, b in texts))
    return [str(part) for pair in asked.items() for part in pair]


def test_a_generic_base_is_read_and_scored_in_fresh_jails(base, tmp_path):
    folder = tmp_path / "draft"
    words = ["-m", "evaluator", "prepare", *write_slices(folder)]
    seen = {"read_only": [store()], "environment": {STORE_VARIABLE: str(store())}}
    done = run_reader(words, folder, Allowance(100, 4 << 30), **seen)
    assert (done.exit_code, done.is_jailed) == (0, True), done
    manifest, inputs = (taken(folder / "out", name) for name in ("manifest.json", "public.inputs"))
    weights = generic_scoring.load_base(folder_of(base))
    free = generic_scoring.predict(weights, None, inputs, manifest)
    made = _sandbox.__wrapped__(folder_of(base), base.scorer, is_generic=base.is_generic)
    assert isinstance(made, Fresh)
    outcome = made.run(Job(None, inputs, manifest))
    assert outcome.status is Status.OK, outcome
    assert outcome.predictions == tuple(map(tuple, free))
    assert len(outcome.predictions) == ROWS * len(LABELS)
