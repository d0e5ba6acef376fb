"""Every evaluator by the doors: `base add`, `prepare`, `check`, with a sponsor's own files."""

import json
import subprocess
import sys

import pytest

from evaluator.bases import MINILM, base_named
from evaluator.doors import prepare as door
from evaluator.evaluators.lm import LM
from evaluator.registry import REGISTERED
from evaluator.task.manifest import read_manifest
from tests.evaluator.tiny import rows_for, write_adapter, write_llama

TASK = (
    "output_type: multiple_choice\ndoc_to_text: question\ndoc_to_choice: choices\n"
    "doc_to_target: answer\n"
)
ROWS = {
    "classification": lambda phrase, n: {"text": f"a {phrase} is in", "label": ["in", "on"][n % 2]},
    "lm": lambda phrase, n: {"text": f"the {phrase} is in the house"},
    "choice": lambda phrase, n: {"question": phrase, "choices": ["in", "on"], "answer": n % 2},
    "retrieval": lambda phrase, n: {"query": phrase, "relevant": [f"{phrase}!"], "grades": [2]},
    "generation": lambda phrase, n: {"prompt": f"the {phrase} is", "references": ["in", "on"]},
}
ROWS |= {"lm_eval": ROWS["choice"]}
ROWS |= {f"custom_{name}": ROWS[name] for name in ("classification", "lm", "generation")}


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    """A store with the tiny base in it, put there by the door; the files of every evaluator."""
    folder = tmp_path_factory.mktemp("house")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSAY_BASES", str(folder / "store"))
        told = run("base", "add", write_llama(folder / "tiny"), "--name", "tiny", "--licence",
                   "MIT", "--author", "maker", "--json")  # fmt: skip
        assert told["bases"][0]["name"] == "tiny"
        (folder / "salt").write_bytes(bytes(range(32)))
        (folder / "score.py").write_text("def score(prediction, reference):\n    return 1\n")
        (folder / "task.yaml").write_text(TASK)
        for name, make in ROWS.items():
            for place, slice_ in enumerate(door.SLICES):
                lines = [json.dumps(one) + "\n" for one in rows_for(make, 6, 100 * place)]
                (folder / f"{name}.{slice_}.jsonl").write_text("".join(lines))
        yield folder


def run(*arguments):
    command = [sys.executable, "-m", "evaluator", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def asked(house, evaluator, metric):
    base = MINILM.name if evaluator.name == "retrieval" else "tiny"
    found = ["--base", base, "--metric", metric, "--salt-file", house / "salt"]
    found += ["--out", house / "out" / metric, "--max-tokens", "64"]
    for name in door.SLICES:
        found += [f"--{name}", house / f"{evaluator.name}.{name}.jsonl"]
    if evaluator.name == "lm_eval":
        found += ["--option", f"task=@{house / 'task.yaml'}"]
    return found + (["--code", house / "score.py"] if evaluator.needs_code else [])


@pytest.fixture
def prepare(house, monkeypatch, capsys):
    """The door `prepare` for an evaluator's first metric, in this process: the folder it wrote."""

    def work(evaluator):
        metric = evaluator.metrics[0].name
        arguments = [str(one) for one in asked(house, evaluator, metric)]
        monkeypatch.setattr(sys, "argv", ["prepare", *arguments])
        with pytest.raises(SystemExit) as ended:
            door.main()
        told = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert ended.value.code == 0, told
        assert (told["public_examples"], told["final_examples"]) == (6, 6)
        return house / "out" / metric

    return work


@pytest.mark.parametrize("evaluator", REGISTERED, ids=[one.name for one in REGISTERED])
def test_a_sponsors_files_become_a_task(prepare, evaluator):
    task = prepare(evaluator)
    manifest = read_manifest((task / "manifest.json").read_bytes())
    assert manifest.metric.evaluator == evaluator.name
    assert manifest.metric.options.keys() == evaluator.options.keys()
    assert (task / "score.py").is_file() == evaluator.needs_code == bool(manifest.code)


def test_an_adapter_is_checked_against_a_task_from_file_to_score(prepare, tmp_path):
    task = prepare(LM)
    adapter = write_adapter(tmp_path / "adapter", base_named("tiny"))
    found = run(
        "check", adapter, "--task", task / "manifest.json", "--inputs", task / "public.inputs",
        "--labels", task / "public.labels", "--json",
    )  # fmt: skip
    assert found["examples"] == 6
    assert 3 * 10**9 < found["score_e9"] < 12 * 10**9
    assert "low_e9" not in found
