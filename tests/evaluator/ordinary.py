"""Competitions on tiny bases of ordinary families, and the starter that trains for them.

The bases are made on the spot by transformers' own classes.
"""

import runpy
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import torch
from transformers import (
    CONFIG_MAPPING,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
)

from evaluator.bases import Base
from evaluator.bases.adding import add_base
from evaluator.bases.catalogue import Card
from evaluator.doors.prepare import write_prepared
from evaluator.task.prepare import Options, Prepared, prepare
from tests.evaluator.conftest import examples
from tests.evaluator.tiny import tiny_tokenizer

MOST_TOKENS = 32
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
class Task:
    """A prepared competition in a folder, and its base's files as transformers saved them."""

    folder: Path
    source: Path
    base: Base
    prepared: Prepared


def made(folder, family, noise=0.1):
    """A base's folder as transformers saves it; noise: how far its weights are from idle ones."""
    kind, told = FAMILIES[family]
    tokenizer = tiny_tokenizer()
    config = CONFIG_MAPPING[family.split()[0]](vocab_size=tokenizer.get_vocab_size(), **told)
    torch.manual_seed(5)
    model = kind.from_config(config).eval()
    with torch.no_grad():
        for one in model.parameters():
            one.add_(torch.randn(one.shape) * noise)
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def task(folder, family, options):
    """Register a base of this family and prepare a competition on it."""
    source = made(folder / "base", family)
    base = add_base(source, Card(folder.name, "MIT", "somebody"))
    slices = {"train": examples(0, 8), "public": examples(100, 8), "final": examples(200, 8)}
    asked = Options(salt=bytes(32), max_tokens=MOST_TOKENS, options=options)
    prepared = prepare(base, **slices, options=asked)
    write_prepared(prepared, folder / "task")
    return Task(folder / "task", source, base, prepared)


def run_starter(script, base, out, steps):
    """Run a competition's own script in this process, which has the libraries already."""
    words = [str(script), str(base), str(out), str(steps)]
    with patch.object(sys, "argv", words):
        runpy.run_path(str(script), run_name="__main__")
    return out
