"""`python -m evaluator check ADAPTER --task MANIFEST`: exit 0, or 5 with code, cause, next step."""

import json
import subprocess
import sys

import pytest

from evaluator.intake import admit
from evaluator.task.manifest import manifest_sha256, to_bytes
from tests.evaluator import makers
from tests.hostile.hostile_adapters import ALL

TASK = makers.manifest()
ADMITTED = admit(*makers.adapter(), TASK)


@pytest.fixture
def check(tmp_path, house):
    """Run the command on an adapter of these two files."""
    (tmp_path / "task.json").write_bytes(to_bytes(TASK))
    (tmp_path / "adapter").mkdir()

    def run(files, *more, task="task.json"):
        for name, raw in zip(("config.json", "model.safetensors"), files, strict=True):
            (tmp_path / "adapter" / f"adapter_{name}").write_bytes(raw)
        words = ["check", tmp_path / "adapter", "--task", tmp_path / task, *more]
        return subprocess.run(
            [sys.executable, "-m", "evaluator", *map(str, words)],
            capture_output=True, text=True, check=False, timeout=1500, cwd=house,
        )  # fmt: skip

    return run


def test_an_accepted_adapter_ends_with_0_and_its_names(check):
    done = check(makers.adapter(), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "accepted": True,
        "adapter_sha256": ADMITTED.sha256,
        "manifest_sha256": manifest_sha256(TASK),
        "rank": makers.RANK,
        "canonical_bytes": len(ADMITTED.canonical),
        "ignored": [],
        "alike": [],
    }
    spoken = check(makers.adapter())
    assert spoken.returncode == 0
    assert "Accepted" in spoken.stdout
    assert ADMITTED.sha256 in spoken.stdout
    assert "Next:" in spoken.stdout


def test_what_changes_no_number_is_noted(check, tmp_path):
    (tmp_path / "adapter" / "training_args.bin").write_bytes(b"x")
    files = makers.adapter(auto_mapping={"unsloth_fixed": True})
    done = check(files, "--json")
    assert json.loads(done.stdout)["ignored"] == ["training_args.bin", "auto_mapping"]
    assert "ignored   training_args.bin, auto_mapping" in check(files).stdout


def test_a_public_adapter_that_it_is_like_is_named(check, tmp_path):
    public = tmp_path / "public.blob"
    public.write_bytes(ADMITTED.canonical)
    done = check(makers.adapter(lora_alpha=12), "--json", "--against", str(public))
    assert json.loads(done.stdout)["alike"] == [
        {
            "adapter_sha256": ADMITTED.sha256,
            "kind": "duplicate",
            "two_sided_ppm": 1_000_000,
            "copied_layers_ppm": 1_000_000,
        }
    ]
    spoken = check(makers.adapter(lora_alpha=12), "--against", str(public)).stdout
    assert f"duplicate {ADMITTED.sha256}" in spoken


@pytest.mark.parametrize("name", ["a tensor that would overwrite the base", "DoRA", "NaN"])
def test_a_refused_adapter_ends_with_5_and_code_cause_and_next_step(check, name):
    case = ALL[name]
    done = check((case.config, case.tensors), "--json")
    assert done.returncode == 5
    error = json.loads(done.stdout)["error"]
    assert error["code"] == f"adapter.{case.code}"
    spoken = check((case.config, case.tensors))
    assert spoken.returncode == 5
    for part in (error["code"], error["message"], error["next"]):
        assert part
        assert part in spoken.stderr


def test_a_verdict_needs_no_model_library():
    code = "import sys, evaluator.doors.intake; print(*sorted(sys.modules))"
    asked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in asked.stdout.split()}
    assert "evaluator" in loaded
    assert not loaded & {"torch", "transformers", "peft", "safetensors", "pandas", "pyarrow"}


def test_a_task_that_is_not_there_or_no_manifest_is_refused(check, tmp_path):
    assert check(makers.adapter(), task="nowhere.json").returncode == 5
    (tmp_path / "other.json").write_text("{}")
    done = check(makers.adapter(), "--json", task="other.json")
    assert done.returncode == 5
    assert json.loads(done.stdout)["error"]["code"] == "manifest.invalid"


@pytest.mark.parametrize("more", [["--inputs", "public.inputs"], ["--labels", "public.labels"]])
def test_half_a_slice_is_a_usage_error(check, more):
    done = check(makers.adapter(), *more)
    assert done.returncode == 2
    assert "--inputs and --labels come together" in done.stderr
