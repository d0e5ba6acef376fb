"""What works without a library that not every install has, and what is said where it does not."""

import importlib.util
import json
import subprocess
import sys

import pytest

from evaluator.doors import base as base_door
from evaluator.libraries import TRAINING, LibraryMissing, need
from evaluator.score.checking import check
from evaluator.task.prepare import Options, prepare
from tests.evaluator.tiny import rows_for

MAKE = {
    "acc": lambda phrase, n: {"question": phrase, "choices": ["in", "on"], "answer": n % 2},
    "exact_match": lambda phrase, n: {"prompt": f"the {phrase} is", "references": ["in", "on"]},
}
# Hides what trains, then imports every module of the house, and prints what asked for it.
WHOLE_HOUSE = """
import importlib, json, os, pkgutil, sys

HIDDEN = {"torch", "transformers", "peft", "accelerate", "safetensors", "sentence_transformers"}


class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in HIDDEN
        return None if hidden else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = map(Without, sys.meta_path)
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
importlib.import_module("django").setup()
found = {}
for room in sys.argv[1:]:
    for one in pkgutil.walk_packages([room], room + "."):
        if ".migrations" not in one.name and not one.name.endswith("__main__"):
            try:
                importlib.import_module(one.name)
            except ModuleNotFoundError as error:
                found[one.name] = error.name
print(json.dumps(found))
"""
ROOMS = (
    "assay", "evaluator", "ledger", "licensing", "competitions", "audit", "web", "workers", "config"
)  # fmt: skip


@pytest.fixture
def without(monkeypatch):
    """Hides libraries from whoever asks whether they are installed."""
    real = importlib.util.find_spec

    def hide(*names):
        monkeypatch.setattr(
            importlib.util, "find_spec", lambda name, *more: None if name in names else real(name)
        )

    return hide


def task_of(base, metric):
    slices = (rows_for(MAKE[metric], 6, first) for first in (0, 50, 90))
    return prepare(base, *slices, Options(salt=bytes(32), metric=metric, max_tokens=40))


def test_site_worker_and_reader_start_without_what_trains(house):
    """Only training itself, generic bases and the registering of a base may ask for torch."""
    done = subprocess.run(
        [sys.executable, "-c", WHOLE_HOUSE, *ROOMS],
        cwd=house, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout.splitlines()[-1])
    allowed = ("evaluator.generic.", "evaluator.training.peft_run", "evaluator.doors.train",
               "evaluator.bases.adding")  # fmt: skip
    assert {name: why for name, why in found.items() if not name.startswith(allowed)} == {}
    assert "evaluator.training.peft_run" in found, "nothing was hidden"


def test_answers_that_are_no_texts_are_checked_without_a_tokenizer(tiny, without):
    task = task_of(tiny.base, "acc")
    without("tokenizers")
    found = check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)
    assert found.examples == 6


def test_answers_that_are_texts_ask_for_the_tokenizer_and_say_how_to_get_it(tiny, without):
    task = task_of(tiny.base, "exact_match")
    without("tokenizers")
    with pytest.raises(LibraryMissing) as refused:
        check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)
    assert refused.value.facts == {"library": "tokenizers"}
    assert 'pip install ".[miner]"' in refused.value.next_step


def test_a_base_is_listed_without_torch_and_not_registered(tiny, without, monkeypatch, capsys):
    without(*TRAINING)
    monkeypatch.setattr(sys, "argv", ["base", "list", "--json"])
    with pytest.raises(SystemExit) as ended:
        base_door.main()
    assert ended.value.code == 0
    capsys.readouterr()
    monkeypatch.setattr(
        sys, "argv",
        ["base", "add", str(tiny.folder), "--licence", "MIT", "--author", "a", "--json"],
    )  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        base_door.main()
    assert ended.value.code == 5
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "scale.library_missing"


def test_what_is_installed_is_not_missed():
    need("tokenizers", *TRAINING)
