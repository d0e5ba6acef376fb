"""What people really send: other files, spellings and releases; and the lines that mend them."""

import json
import re
import subprocess
import sys

import numpy as np
import peft
import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import LlamaForCausalLM

from evaluator.blob import read_blob
from evaluator.errors import AdapterRefused
from evaluator.generic.merge import merged
from evaluator.intake import admit, admit_folder
from evaluator.intake.respelled import write_folder
from tests.evaluator import decoders, makers
from tests.evaluator.test_intake_decoders import SHAPE

pytestmark = pytest.mark.slow

TASK, PLAIN = makers.manifest(), decoders.task()
HONEST = admit(*makers.adapter(), TASK)
TENSORS = "adapter_model.safetensors"


def refusal(folder, task=PLAIN):
    with pytest.raises(AdapterRefused) as refused:
        admit_folder(folder, task)
    return refused.value


def code_of(config, task=TASK):
    with pytest.raises(AdapterRefused) as refused:
        admit(config, makers.adapter()[1], task)
    return refused.value.code


def base():
    torch.manual_seed(1)
    return LlamaForCausalLM(SHAPE).eval()


def saved(folder, **options):
    """A folder as save_pretrained leaves it, with A and B drawn at random."""
    asked = {"r": 4, "target_modules": ["q_proj", "up_proj"], "task_type": "CAUSAL_LM"} | options
    model = get_peft_model(base(), LoraConfig(**asked))
    for name, one in model.named_parameters():
        if "lora_" in name:
            torch.nn.init.normal_(one, std=0.2)
    model.save_pretrained(folder)
    return model


# --- numbers --------------------------------------------------------------------------------------

PATTERNS = {
    "a rank for one kind": {"rank_pattern": {"up_proj": 2}},
    "an alpha for one layer": {"alpha_pattern": {"layers.1.self_attn.q_proj": 3}},
    "both, stabilised": {
        "rank_pattern": {"q_proj": 1, "layers.0.mlp.up_proj": 6},
        "alpha_pattern": {"layers.0.self_attn.q_proj": 5, "q_proj": 7},
        "use_rslora": True,
    },
    "a name that is nowhere": {"rank_pattern": {"k_proj": 9}},
    "the first of two that fit": {"alpha_pattern": {"q_proj": 2, "layers.0.self_attn.q_proj": 30}},
}


@pytest.mark.parametrize("name", PATTERNS)
def test_ranks_and_alphas_of_single_modules_are_peft_s(tmp_path, name):
    saved(tmp_path / "saved", lora_alpha=11, **PATTERNS[name])
    model = PeftModel.from_pretrained(base(), tmp_path / "saved").eval()
    admitted = admit_folder(tmp_path / "saved", PLAIN)
    names = [one for one in decoders.TARGETS if one.endswith(("q_proj", "up_proj"))]
    plain = {f"{one}.weight": model.get_submodule(f"base_model.model.{one}.base_layer").weight
             for one in names}  # fmt: skip
    theirs = {one: model.get_submodule(f"base_model.model.{one}") for one in names}
    with torch.inference_mode():
        ours = merged(plain, admitted.canonical, {})
        for one in names:
            change = theirs[one].get_delta_weight("default")
            assert torch.allclose(ours[f"{one}.weight"] - plain[f"{one}.weight"], change, atol=1e-6)
    parts = read_blob(admitted.canonical).parts.items()
    assert admitted.rank == max(part.shape[0] for at, part in parts if at.endswith(".A"))
    (tmp_path / "again").mkdir()
    write_folder(admitted.canonical, PLAIN.adapter, tmp_path / "again")
    assert admit_folder(tmp_path / "again", PLAIN) == admitted
    text = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        again = PeftModel.from_pretrained(base(), tmp_path / "again").eval()(input_ids=text).logits
        assert torch.allclose(again, model(input_ids=text).logits, atol=1e-6)


def test_the_same_numbers_are_the_same_adapter_however_they_are_told():
    config = json.loads(makers.adapter()[0])
    told = config | {
        "r": 7,
        "lora_alpha": 1,
        "rank_pattern": {"value": 2},
        "alpha_pattern": {"value": 4},
    }
    assert admit(json.dumps(told).encode(), makers.adapter()[1], TASK).sha256 == HONEST.sha256


# --- names ----------------------------------------------------------------------------------------

FRONTS = {
    "AutoModel": ("bert.", ""),
    "sentence-transformers": ("bert.", "0.auto_model."),
    "a wrapper": ("bert.", "encoder."),
    "a wrapper around a class with a head": ("bert.", "backbone.bert."),
    "a wrapper in a wrapper": ("bert.", "model.backbone.bert."),
}


@pytest.mark.parametrize("name", FRONTS)
def test_the_same_module_may_have_other_words_in_front(name):
    old, new = FRONTS[name]
    config, _ = makers.adapter(target_modules=["value"], layers_to_transform=[4, 5])
    arrays = {key.replace(old, new): one for key, one in makers.tensors().items()}
    assert admit(config, makers.safetensors(arrays), TASK).sha256 == HONEST.sha256


def test_whole_names_in_the_files_own_spelling_are_found():
    names = [f"0.auto_model.encoder.layer.{one}.attention.self.value" for one in (4, 5)]
    config, _ = makers.adapter(target_modules=names)
    arrays = {key.replace("bert.", "0.auto_model."): one for key, one in makers.tensors().items()}
    assert admit(config, makers.safetensors(arrays), TASK).sha256 == HONEST.sha256


def test_two_spellings_in_one_file_are_refused():
    arrays = {key.replace("bert.encoder.layer.4", "encoder.layer.4"): one
              for key, one in makers.tensors().items()}  # fmt: skip
    with pytest.raises(AdapterRefused) as refused:
        admit(makers.adapter()[0], makers.safetensors(arrays), TASK)
    assert refused.value.code == "adapter.key_missing"


def test_a_pooler_that_the_task_does_not_compute_is_ignored_and_noted():
    pooler = {f"base_model.model.bert.pooler.dense.lora_{side}.weight": np.ones(shape)
              for side, shape in (("A", (2, 384)), ("B", (384, 2)))}  # fmt: skip
    found = admit(makers.adapter()[0], makers.safetensors(makers.tensors() | pooler), TASK)
    assert found.sha256 == HONEST.sha256
    assert found.ignored == tuple(sorted(pooler))


# --- the lines that mend --------------------------------------------------------------------------


def mended(folder, next_step):
    """Run the line that a verdict prints, in the folder."""
    code = re.search(r'python -c "(.*)"', next_step)[1]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("told", "change"),
    [
        ("lack base_model.model. in front", lambda key: key.removeprefix("base_model.model.")),
        ("_orig_mod.", lambda key: "_orig_mod." + key),
        ("module.", lambda key: "module." + key),
        ("default", lambda key: key.replace(".weight", ".default.weight")),
    ],
)
def test_a_misspelt_file_is_named_and_mended_by_the_line_of_its_verdict(tmp_path, told, change):
    saved(tmp_path)
    honest = admit_folder(tmp_path, PLAIN)
    held = load_file(tmp_path / TENSORS)
    save_file({change(key): one for key, one in held.items()}, tmp_path / TENSORS)
    error = refusal(tmp_path)
    assert error.code == "adapter.key_missing"
    assert told in str(error)
    mended(tmp_path, error.next_step)
    assert admit_folder(tmp_path, PLAIN) == honest


def test_a_pickle_and_shards_are_mended_by_the_line_of_their_verdict(tmp_path):
    saved(tmp_path)
    honest = admit_folder(tmp_path, PLAIN)
    held = load_file(tmp_path / TENSORS)
    (tmp_path / TENSORS).unlink()
    torch.save(held, tmp_path / "adapter_model.bin")
    mended(tmp_path, refusal(tmp_path).next_step)
    assert admit_folder(tmp_path, PLAIN).sha256 == honest.sha256
    names = sorted(held)
    for number, part in enumerate((names[:5], names[5:]), start=1):
        file = tmp_path / f"adapter_model-0000{number}-of-00002.safetensors"
        save_file({name: held[name] for name in part}, file)
    (tmp_path / TENSORS).unlink()
    error = refusal(tmp_path)
    assert "2 shards" in str(error)
    mended(tmp_path, error.next_step)
    assert admit_folder(tmp_path, PLAIN).sha256 == honest.sha256


def test_an_adapter_of_mlx_is_mended_by_the_lines_of_the_page(tmp_path, house):
    saved(tmp_path, lora_alpha=8)
    honest = admit_folder(tmp_path, PLAIN)
    held = load_file(tmp_path / TENSORS)
    (tmp_path / TENSORS).unlink()
    turned = {
        key.removeprefix("base_model.model.")
        .replace("lora_A.weight", "lora_a")
        .replace("lora_B.weight", "lora_b"): one.T.contiguous()
        for key, one in held.items()
    }
    save_file(turned, tmp_path / "adapters.safetensors")
    lora = {"rank": 4, "scale": 2.0, "dropout": 0.0}
    told = {"fine_tune_type": "lora", "num_layers": 2, "lora_parameters": lora}
    (tmp_path / "adapter_config.json").write_text(json.dumps(told))
    error = refusal(tmp_path)
    assert "mlx" in str(error)
    page = (house / "docs" / "adapters.md").read_text()
    code = page[page.index("```python\n") + 10 :].partition("```")[0]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    assert admit_folder(tmp_path, PLAIN).sha256 == honest.sha256


def test_a_folder_of_checkpoints_names_the_last(tmp_path):
    for number in (20, 100, 9):
        saved(tmp_path / f"checkpoint-{number}")
    assert "checkpoint-100." in refusal(tmp_path).next_step


def test_what_lies_there_is_named_for_what_it_is(tmp_path):
    saved(tmp_path)
    whole = (tmp_path / TENSORS).read_bytes()
    for raw, told in {
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n": "Git LFS",
        b"\n <!DOCTYPE html><html></html>": "web page",
        b"Entry not found": "message of a hub",
        whole[: len(whole) // 2]: "cut",
        b"": "empty",
    }.items():
        (tmp_path / TENSORS).write_bytes(raw)
        assert told in str(refusal(tmp_path))


# --- releases of peft -----------------------------------------------------------------------------


def table(house):
    """Field -> release that first had it, from the page."""
    page = (house / "docs" / "adapters.md").read_text()
    rows = re.findall(r"^\| (`[^|]*) \| (0\.\d+) \| [^|]* \|$", page, re.MULTILINE)
    return {name: since for names, since in rows for name in re.findall(r"`(\w+)`", names)}


def test_the_table_has_every_field_of_the_pinned_peft_and_its_defaults_come_in(house, tmp_path):
    saved(tmp_path)
    written = json.loads((tmp_path / "adapter_config.json").read_bytes())
    assert set(table(house)) == set(written)
    pinned = tuple(map(int, peft.__version__.split(".")[:2]))
    assert max(tuple(map(int, one.split("."))) for one in table(house).values()) <= pinned
    assert admit_folder(tmp_path, PLAIN).ignored == ()


@pytest.mark.parametrize("release", ["0.3", "0.4", "0.6", "0.9", "0.14", "0.18", "0.20"])
def test_a_config_of_an_older_release_comes_in(house, tmp_path, release):
    saved(tmp_path)
    honest = admit_folder(tmp_path, PLAIN)
    until = tuple(map(int, release.split(".")))
    known = {name for name, since in table(house).items()
             if tuple(map(int, since.split("."))) <= until}  # fmt: skip
    written = json.loads((tmp_path / "adapter_config.json").read_bytes())
    older = {name: value for name, value in written.items() if name in known}
    (tmp_path / "adapter_config.json").write_text(json.dumps(older))
    assert admit_folder(tmp_path, PLAIN).sha256 == honest.sha256


def test_what_a_newer_release_writes_comes_in_where_it_says_nothing():
    quiet = {"novel_config": None, "use_novel": False, "novel_steps": 8, "novel_list": []}
    found = admit(*makers.adapter(**quiet), TASK)
    assert found.sha256 == HONEST.sha256
    assert found.ignored == tuple(sorted(quiet))
    assert code_of(makers.adapter(novel_steps=8)[0]) == "adapter.config_field"
    assert code_of(makers.adapter(use_novel=True, novel_steps=8)[0]) == "adapter.config_field"
