"""The intake of adapters for decoders: names, heads, scales, number types; as peft writes them."""

import json
import math

import numpy as np
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

from evaluator.blob import read_blob
from evaluator.errors import AdapterRefused
from evaluator.intake import admit, admit_folder
from evaluator.intake.respelled import write_folder
from tests.evaluator import decoders, makers

PLAIN, HEADED = decoders.task(), decoders.task(decoders.HEAD)
RAW = makers.safetensors(decoders.tensors())


def as_bytes(**changed):
    return json.dumps(decoders.config(**changed)).encode()


def code_of(config, raw, task):
    with pytest.raises(AdapterRefused) as refused:
        admit(config, raw, task)
    return refused.value.code


def test_a_short_name_stands_for_the_module_of_every_layer():
    found = read_blob(admit(as_bytes(), RAW, PLAIN).canonical)
    assert {name[:-2] for name in found.parts} == set(decoders.TARGETS)
    assert (found.rank, found.scale) == (decoders.RANK, 1.0)


def test_short_names_and_full_names_are_the_same_adapter():
    full = as_bytes(target_modules=list(decoders.TARGETS))
    assert admit(full, RAW, PLAIN) == admit(as_bytes(), RAW, PLAIN)


def test_a_short_name_asks_for_every_layer():
    less = {name: one for name, one in decoders.tensors().items() if ".1.mlp.up_proj" not in name}
    assert code_of(as_bytes(), makers.safetensors(less), PLAIN) == "adapter.key_missing"


def test_the_head_of_a_language_model_is_a_stranger():
    extra = decoders.tensors() | {decoders.PREFIX + "lm_head.weight": np.ones((5, 16))}
    assert code_of(as_bytes(), makers.safetensors(extra), PLAIN) == "adapter.key_unknown"


@pytest.mark.parametrize("saved", [None, []])
def test_a_task_without_a_head_takes_an_adapter_that_saves_no_module(saved):
    assert admit(as_bytes(modules_to_save=saved), RAW, PLAIN)


@pytest.mark.parametrize("saved", [["score"], ["classifier", "score"], ["lm_head"], "lm_head"])
def test_a_task_without_a_head_refuses_every_module_saved(saved):
    raw = makers.safetensors(decoders.tensors())
    assert code_of(as_bytes(modules_to_save=saved), raw, PLAIN) == "adapter.config_field"


@pytest.mark.parametrize("saved", [["score"], ["classifier", "score"]])
def test_a_classification_task_takes_the_decoders_own_head(saved):
    raw = makers.safetensors(decoders.tensors(head=decoders.HEAD))
    config = as_bytes(modules_to_save=saved, task_type="SEQ_CLS")
    found = read_blob(admit(config, raw, HEADED).canonical)
    assert found.parts["score.weight"].shape == (decoders.CLASSES, decoders.HIDDEN)
    assert admit(as_bytes(), raw, HEADED).canonical == admit(config, raw, HEADED).canonical
    assert code_of(config, makers.safetensors(decoders.tensors()), HEADED) == "adapter.key_missing"


def test_an_encoders_adapter_is_told_that_it_has_another_base():
    assert code_of(*makers.adapter(modules_to_save=None), PLAIN) == "adapter.wrong_base"


@pytest.mark.parametrize("rank", [1, 3, 4, 7, 16])
@pytest.mark.parametrize("alpha", [1, 7, 16, 0.1, 511.9999999999999])
def test_the_scale_is_the_rounded_quotient(rank, alpha):
    raw = makers.safetensors(decoders.tensors(rank=rank))
    for is_stabilised, divisor in ((False, rank), (True, math.sqrt(rank))):
        config = as_bytes(r=rank, lora_alpha=alpha, use_rslora=is_stabilised)
        assert read_blob(admit(config, raw, PLAIN).canonical).scale == alpha / divisor


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_short_types_become_the_float32_values_they_are(dtype):
    short = {
        name: (
            one.astype(np.float16)
            if dtype == "F16"
            else (one.astype("<f4").view("<u4") & 0xFFFF0000).view("<f4")
        )
        for name, one in decoders.tensors().items()
    }
    found = admit(as_bytes(), makers.safetensors(short, dtype), PLAIN)
    assert found == admit(as_bytes(), makers.safetensors(short), PLAIN)


# --- what peft itself writes ----------------------------------------------------------------------

SHAPE = LlamaConfig(
    hidden_size=decoders.HIDDEN,
    intermediate_size=decoders.WIDE,
    num_hidden_layers=decoders.LAYERS,
    num_attention_heads=4,
    num_key_value_heads=2,
    vocab_size=50,
    num_labels=decoders.CLASSES,
    pad_token_id=0,
)
KINDS = {
    "CAUSAL_LM": (LlamaForCausalLM, PLAIN),
    "SEQ_CLS": (LlamaForSequenceClassification, HEADED),
}


def base_of(kind):
    torch.manual_seed(1)
    return KINDS[kind][0](SHAPE).eval()


def saved_by_peft(kind, folder, dtype=torch.float32, **options):
    """A folder as save_pretrained leaves it, with A, B and head drawn at random."""
    names = sorted({name.rpartition(".")[2] for name in decoders.PARTS})
    asked = LoraConfig(task_type=kind, r=decoders.RANK, target_modules=names, **options)
    model = get_peft_model(base_of(kind), asked)
    for one in model.parameters():
        if one.requires_grad:
            torch.nn.init.normal_(one, std=0.2)
    model.to(dtype).save_pretrained(folder)
    return folder


@torch.inference_mode()
def logits(kind, folder):
    model = PeftModel.from_pretrained(base_of(kind), folder).eval()
    return model(input_ids=torch.tensor([[5, 6, 7, 8, 9]])).logits


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("is_stabilised", [False, True])
def test_what_peft_saves_comes_in_and_goes_back_to_peft_unchanged(tmp_path, kind, is_stabilised):
    task = KINDS[kind][1]
    folder = saved_by_peft(kind, tmp_path / "saved", lora_alpha=13, use_rslora=is_stabilised)
    admitted = admit_folder(folder, task)
    (tmp_path / "again").mkdir()
    write_folder(admitted.canonical, task.adapter, tmp_path / "again")
    ours, theirs = logits(kind, tmp_path / "again"), logits(kind, folder)
    with torch.inference_mode():
        plain = base_of(kind)(input_ids=torch.tensor([[5, 6, 7, 8, 9]])).logits
    assert torch.equal(ours, theirs)
    assert (ours - plain).abs().max() > 0.01
    assert admit_folder(tmp_path / "again", task) == admitted


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_what_peft_saves_in_a_short_type_comes_in(tmp_path, dtype):
    folder = saved_by_peft("CAUSAL_LM", tmp_path / "saved", dtype)
    assert admit_folder(folder, PLAIN).rank == decoders.RANK
