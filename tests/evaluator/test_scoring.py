"""The engine against transformers and peft, and what the sandbox relies on."""

import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from peft import set_peft_model_state_dict
from safetensors.torch import load

from evaluator.bases import MINILM, folder_of
from evaluator.bases.shapes import CLS
from evaluator.engine.model import Adapted
from evaluator.errors import ManifestInvalid
from evaluator.evaluators.classification import matches
from evaluator.evaluators.form import ON_THE_MEAN, Context
from evaluator.intake import admit
from evaluator.score.scoring import load_base, predict
from evaluator.task.manifest import to_bytes
from evaluator.task.slices import pack_inputs, single, unpack_inputs, unpack_labels
from evaluator.training.peft_run import adapted, padded, plain_model
from evaluator.training.recipe import Recipe
from tests.evaluator import makers

TASK = makers.manifest()
IDS = [[101, *range(2000, 2000 + length), 102] for length in (1, 3, 46, 9, 9, 30, 17, 46)]
INPUTS = pack_inputs(single(IDS))


def logits_of(weights, adapter, ids, task):
    return Adapted(weights, adapter, task.adapter.head).logits(ids, ON_THE_MEAN)


@pytest.fixture(scope="module")
def admitted():
    return admit(*makers.adapter(), TASK)


@torch.inference_mode()
def peft_logits(tensors, *, config):
    """The oracle: transformers' BERT under peft's LoRA, one padded batch, same tensors."""
    recipe = Recipe(rank=config["r"], alpha=config["lora_alpha"], layers=2)
    plain = plain_model(folder_of(MINILM, is_verified=False), TASK)
    targets = {name: size for name, size in TASK.adapter.targets.items() if "self.value" in name}
    task = replace(TASK, adapter=replace(TASK.adapter, targets=targets))
    model = adapted(plain, task, recipe)
    loaded = set_peft_model_state_dict(model, load(tensors))
    assert not loaded.unexpected_keys
    rows, mask = padded(IDS)
    return model.eval().base_model(input_ids=rows, attention_mask=mask).numpy()


def test_the_engine_agrees_with_transformers_and_peft(weights, admitted):
    ours = np.array(logits_of(weights, admitted.canonical, IDS, TASK))
    theirs = peft_logits(makers.safetensors(makers.tensors()), config=makers.config())
    assert np.abs(ours).max() > 0.01
    assert np.abs(ours - theirs).max() < 1e-5


def test_the_adapter_matters_to_the_logits(weights, admitted):
    other = admit(makers.adapter()[0], makers.safetensors(makers.tensors(scale=0.06)), TASK)
    first, second = (
        np.array(logits_of(weights, one.canonical, IDS, TASK)) for one in (admitted, other)
    )
    assert np.abs(first - second).max() > 1e-4


def test_an_adapter_leaves_the_base_alone(weights, admitted):
    bare = Adapted(weights, None, TASK.adapter.head).pooled(IDS, "mean").values()
    tuned = Adapted(weights, admitted.canonical, TASK.adapter.head).pooled(IDS, "mean").values()
    again = Adapted(weights, None, TASK.adapter.head).pooled(IDS, "mean").values()
    assert bare == again != tuned


def test_the_same_adapter_gives_the_same_bits(weights, admitted):
    first, again = (logits_of(weights, admitted.canonical, IDS, TASK) for _ in range(2))
    assert first == again


def _mapped_bytes(path):
    """What of this file is in this process's memory."""
    told, is_here, held = Path("/proc/self/smaps").read_text().splitlines(), False, 0
    for line in told:
        if line.split(" ")[0].count("-") == 1:
            is_here = line.endswith(str(path))
        elif is_here and line.startswith("Rss:"):
            held += int(line.split()[1]) * 1024
    return held


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no list of mapped memory here")
def test_a_base_is_in_memory_once():
    [path] = folder_of(MINILM).glob("*.safetensors")
    before = _mapped_bytes(path)
    base = load_base(folder_of(MINILM))
    assert _mapped_bytes(path) - before < path.stat().st_size / 50
    assert any(Adapted(base, None, {}).pooled([[1, 2]], CLS).values()), "words come from the file"


@pytest.mark.parametrize("dtype", ["F16", "BF16"])
def test_short_types_become_the_float32_values_they_are(dtype):
    rounded = {name: one.astype(np.float16) for name, one in makers.tensors().items()}
    if dtype == "BF16":
        rounded = {
            name: (one.astype("<f4").view("<u4") & 0xFFFF0000).view("<f4")
            for name, one in makers.tensors().items()
        }
    config = makers.adapter()[0]
    short = admit(config, makers.safetensors(rounded, dtype), TASK)
    assert short == admit(config, makers.safetensors(rounded), TASK)


def test_the_order_of_tensors_and_fields_does_not_change_the_hash(admitted):
    backwards = dict(reversed(makers.tensors().items()))
    config = makers.adapter(target_modules=makers.config()["target_modules"][::-1])[0]
    assert admit(config, makers.safetensors(backwards), TASK) == admitted


def test_rank_stabilised_adapters_get_their_own_scale(admitted):
    other = admit(makers.adapter(use_rslora=True)[0], makers.safetensors(makers.tensors()), TASK)
    assert other.sha256 != admitted.sha256


def test_the_baseline_answers_the_first_class_for_a_head_of_zeros(weights, prepared):
    raw = to_bytes(prepared.manifest)
    found = predict(weights, None, prepared.public_inputs, raw)
    assert found == [[0]] * len(unpack_inputs(prepared.public_inputs).examples)
    right = matches(found, unpack_labels(prepared.public_labels), Context(1, {}))
    assert sum(right) == len(found) // 3


def test_logits_that_overflow_still_give_one_answer(weights):
    huge = {name: np.clip(one * 1e9, -1000, 1000) for name, one in makers.tensors().items()}
    adapter = admit(makers.adapter(lora_alpha=512)[0], makers.safetensors(huge), TASK)
    found = predict(weights, adapter.canonical, INPUTS, to_bytes(TASK))
    assert all(0 <= one < len(makers.LABELS) for (one,) in found)


def test_another_arithmetic_is_refused(weights):
    engine = replace(TASK.engine, version="assay-engine/0")
    with pytest.raises(ManifestInvalid, match="assay-engine/0"):
        predict(weights, None, INPUTS, to_bytes(replace(TASK, engine=engine)))


CHILD = """
    import os, resource, sys
    from pathlib import Path
    from evaluator.score.scoring import load_base, predict
    folder, adapter, inputs, manifest = (Path(one) for one in sys.argv[1:])
    blobs = [one.read_bytes() for one in (adapter, inputs, manifest)]
    assert not {"torch", "numpy", "transformers", "datasets", "peft", "django"} & set(sys.modules)
    weights = load_base(folder)
    assert len(os.listdir("/proc/self/task")) == 1, "a zygote with threads makes children that hang"

    def forbid(event, arguments):
        if event in ("open", "import", "socket.__new__", "subprocess.Popen"):
            os.write(2, f"{event} {arguments}".encode())
            os._exit(3)

    def child():
        tasks = os.open("/proc/self/task", os.O_RDONLY)
        sys.addaudithook(forbid)
        before = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (tasks + 1, before[1]))  # no room for a file
        found = predict(weights, blobs[0], blobs[1], blobs[2])
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
        assert len(os.listdir(tasks)) == 1
        os.write(1, repr(found).encode())
        os._exit(0)

    pid = os.fork()
    child() if pid == 0 else sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


def test_a_forked_scorer_opens_imports_and_starts_nothing(weights, admitted, tmp_path):
    files = {"adapter": admitted.canonical, "inputs": INPUTS, "manifest": to_bytes(TASK)}
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)
    arguments = [folder_of(MINILM, is_verified=False), *(tmp_path / name for name in files)]
    command = [sys.executable, "-c", textwrap.dedent(CHILD), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stderr
    assert done.stdout == repr(predict(weights, *files.values()))
