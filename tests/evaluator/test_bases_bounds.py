"""What no base may be or take, what is left of one, and the commands that mend a folder."""

import ctypes
import json
import os
import re
import struct
import subprocess
import sys
import time

import pytest
import torch
from transformers import AutoModel, AutoModelForImageTextToText, BartModel, T5EncoderModel, ViTModel

from evaluator.bases import MINILM, adding, base_id, bases, sizes
from evaluator.bases.adding import add_base
from evaluator.bases.apart import Ended, apart
from evaluator.bases.catalogue import Card
from evaluator.errors import BaseRefused
from evaluator.generic import trial
from tests.evaluator import families
from tests.evaluator.test_bases_families import agrees_with_nats, agrees_with_states, texts

CARD = Card("tried", "MIT", "maker")
LLAMA = ("llama", families.KEYS)
SMALL = {"vocab_size": 96, "d_model": 32, "num_layers": 1}
STRANGERS = {
    "t5": (T5EncoderModel, {**SMALL, "d_ff": 48, "d_kv": 8, "num_heads": 4}, "encoder-decoder"),
    "bart": (BartModel, {**SMALL, "encoder_layers": 1, "decoder_layers": 1}, "encoder-decoder"),
    "vit": (ViTModel, families.PICTURES, "no language model"),
    "clip": (AutoModel, {"text_config": {**families.WIDE, "projection_dim": 16},
                         "vision_config": {**families.PICTURES, "projection_dim": 16}},
             "clip cannot be run on a text alone .*pictures"),
    "paligemma": (AutoModelForImageTextToText, {
        "text_config": {**families.KEYS, "head_dim": 8, "model_type": "gemma"},
        "vision_config": {**families.PICTURES, "model_type": "siglip_vision_model",
                          "vision_use_head": False},
        "image_token_index": 3, "projection_dim": 32}, "sees the tokens that it is to predict"),
}  # fmt: skip


def made(auto, kind, fields):
    config = families.config_of(kind, fields)
    return families.shaken(
        auto.from_config(config) if hasattr(auto, "from_config") else auto(config)
    )


@pytest.mark.parametrize("kind", STRANGERS)
def test_a_model_that_no_task_can_ask_is_refused_by_its_kind(store, kind):
    auto, fields, cause = STRANGERS[kind]
    folder = families.saved(store / "base", made(auto, kind, fields))
    with pytest.raises(BaseRefused, match=cause) as refused:
        add_base(folder, CARD)
    assert "Choose" in refused.value.next_step
    assert not list((store / "store").iterdir())


def test_a_model_of_pictures_and_texts_is_asked_for_texts_alone(store):
    fields = {
        "text_config": {**families.DECODERS["gemma3_text"][1]}, "vision_config": families.PICTURES,
        "mm_tokens_per_image": 4, "image_token_index": 93, "boi_token_index": 94,
        "eoi_token_index": 95,
    }  # fmt: skip
    model = made(AutoModelForImageTextToText, "gemma3", fields)
    base = add_base(families.saved(store / "base", model), CARD)
    assert "model.language_model.layers.1.self_attn.q_proj" in base.targets
    agrees_with_nats(base, model, [[one % 93 for one in line] for line in texts()])


def test_a_base_that_no_memory_holds_is_refused_before_it_is_read(store):
    folder = families.saved(store / "base", families.decoder(*LLAMA))
    shape, end = [1 << 15, 1 << 23], 4 << 38
    header = {
        "model.embed_tokens.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}
    }
    raw = json.dumps(header).encode()
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(raw)) + raw)
        file.truncate(8 + len(raw) + end)  # a hole, which takes no room on a disk
    with pytest.raises(BaseRefused, match=r"needs 2049\.0 GiB of memory .* this machine has"):
        add_base(folder, CARD)


def test_a_generic_base_beyond_its_jail_is_refused_and_one_of_ours_is_not(store, monkeypatch):
    monkeypatch.setattr(sizes, "GENERIC_BYTES", sizes.ROOM_BYTES + 1000)
    folder = families.saved(store / "olmo", families.decoder("olmo2", families.KEYS))
    with pytest.raises(BaseRefused, match=r"computes its family in a jail of 1\.0 GiB"):
        add_base(folder, CARD)
    assert not add_base(families.saved(store / "base", families.decoder(*LLAMA)), CARD).is_generic


def test_a_refused_base_can_be_mended_and_added_and_twice_is_once(store):
    folder = families.saved(store / "base", families.decoder(*LLAMA))
    (folder / "config.json").rename(store / "config.json")
    with pytest.raises(BaseRefused, match=r"no config\.json"):
        add_base(folder, CARD)
    (store / "config.json").rename(folder / "config.json")
    first, names = add_base(folder, CARD), sorted((store / "store" / "tried").iterdir())
    assert base_id(add_base(folder, CARD)) == base_id(first)
    assert sorted((store / "store" / "tried").iterdir()) == names
    assert [one.name for one in bases()][1:] == ["tried"]
    assert [one.name for one in (store / "store").iterdir()] == ["tried"]


def test_the_name_of_the_installed_base_is_taken(store):
    folder = families.saved(store / "base", families.decoder(*LLAMA))
    with pytest.raises(BaseRefused, match="taken by another base"):
        add_base(folder, Card(MINILM.name, "MIT", "maker"))


def test_who_is_second_by_a_moment_gets_the_same_answer(store, monkeypatch):
    folder = families.saved(store / "base", families.decoder(*LLAMA))
    first, real, asked = add_base(folder, CARD), adding._is_taken, []

    def not_yet(name):
        asked.append(name)
        return len(asked) > 1 and real(name)

    monkeypatch.setattr(adding, "_is_taken", not_yet)
    assert add_base(folder, CARD) == first
    assert [one.name for one in (store / "store").iterdir()] == ["tried"]


def test_the_figures_of_the_kept_copy_are_what_decides(store, monkeypatch):
    """Our engine is not trusted: where it gives others, transformers computes the base."""
    real = trial.read_base

    def another(folder, shape):
        base = real(folder, shape)
        gain = base.tensor("model.norm.weight")
        values = (ctypes.c_float * gain.shape[0]).from_address(gain.address)
        values[:] = [one * 1.01 for one in values]
        return base

    monkeypatch.setattr(trial, "read_base", another)
    notes, model = [], families.decoder(*LLAMA)
    base = add_base(families.saved(store / "base", model), CARD, notes.append)
    assert base.is_generic
    assert "other figures than transformers" in notes[-1]
    agrees_with_nats(base, model, texts())


def test_work_apart_ends_within_its_bounds_and_says_how():
    def too_much():
        return torch.ones(1 << 30).sum().item()

    with pytest.raises(Ended, match="does not fit into 512 MiB"):
        apart(too_much, memory_bytes=512 << 20, limit_s=60)
    with pytest.raises(Ended, match="took over"):
        apart(lambda: time.sleep(600), memory_bytes=1 << 30, limit_s=0.2)
    with pytest.raises(Ended, match="exit code -9"):
        apart(lambda: os.kill(os.getpid(), 9), memory_bytes=1 << 30, limit_s=60)
    assert apart(lambda: 7, memory_bytes=1 << 30, limit_s=60) == 7


def commanded(folder, next_step):
    """Run the Python that a refusal names, as its reader would, beside the folder."""
    code = re.search(r'python -c "(.*)"$', next_step)[1]
    environment = {"HF_HUB_OFFLINE": "1", "PATH": os.defpath}
    subprocess.run([sys.executable, "-c", code], cwd=folder.parent, env=environment, check=True)


def test_the_command_for_a_pickle_makes_a_base_of_it(store):
    model = families.decoder(*LLAMA)
    folder = families.saved(store / "base", model)
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(BaseRefused, match="pickle") as refused:
        add_base(folder, CARD)
    commanded(folder, refused.value.next_step)
    agrees_with_nats(add_base(folder, CARD), model, texts())


def test_the_command_for_a_vocabulary_makes_a_tokenizer_of_it(store):
    model = families.encoder("bert", families.WIDE)
    folder = families.saved(store / "base", model)
    (folder / "tokenizer.json").unlink()
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    (folder / "vocab.txt").write_text("\n".join([*marks, *map(str, range(90))]) + "\n")
    with pytest.raises(BaseRefused, match="vocabulary") as refused:
        add_base(folder, CARD)
    commanded(folder, refused.value.next_step)
    agrees_with_states(add_base(folder, CARD), model, texts())
