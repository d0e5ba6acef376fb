"""What works without a library that not every install has, and what is said where it does not."""

import importlib.util
import json
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest

from evaluator.bases import folder_of
from evaluator.doors import base as base_door
from evaluator.libraries import TRAINING, LibraryMissing, need
from evaluator.score.checking import check
from evaluator.task.prepare import Options, prepare
from evaluator.task.tokens import tokens_of
from tests.evaluator.tiny import rows_for

MAKE = {
    "acc": lambda phrase, n: {"question": phrase, "choices": ["in", "on"], "answer": n % 2},
    "exact_match": lambda phrase, n: {"prompt": f"the {phrase} is", "references": ["in", "on"]},
}
TRAINS = ("torch", "transformers", "peft", "accelerate", "safetensors", "sentence_transformers")
# Hides libraries, then imports every module of the house, and prints what asked for it.
WHOLE_HOUSE = """
import importlib, json, os, pkgutil, sys

HIDDEN = set(json.loads(sys.argv.pop(1)))


class Without:
    def __init__(self, finder):
        self.finder = finder

    def find_spec(self, name, path=None, target=None):
        hidden = name.partition(".")[0] in HIDDEN
        return None if hidden else self.finder.find_spec(name, path, target)

    def __getattr__(self, name):
        return getattr(self.finder, name)


sys.meta_path[:] = map(Without, sys.meta_path)
if "django" not in HIDDEN:
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


def failing(house, hidden, rooms):
    """Module -> what it asked for, of all the modules that cannot be imported without these."""
    done = subprocess.run(
        [sys.executable, "-c", WHOLE_HOUSE, json.dumps(sorted(hidden)), *rooms],
        cwd=house, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_site_worker_and_reader_start_without_what_trains(house):
    """Only training itself, generic bases and the registering of a base may ask for torch."""
    found = failing(house, TRAINS, ROOMS)
    allowed = ("evaluator.generic.", "evaluator.training.peft_run", "evaluator.doors.train",
               "evaluator.bases.adding")  # fmt: skip
    assert {name: why for name, why in found.items() if not name.startswith(allowed)} == {}
    assert "evaluator.training.peft_run" in found, "nothing was hidden"


def test_a_client_starts_with_the_packages_of_its_lock(house):
    """Not a client's: reading texts, preparing tasks, training, generic bases."""
    lock = (house / "requirements" / "client.lock").read_text()
    kept = {line.partition("==")[0] for line in lock.splitlines() if "==" in line} | {"assay"}
    hidden = {
        module
        for module, packages in packages_distributions().items()
        if not kept & {one.lower().replace("_", "-").replace(".", "-") for one in packages}
    }
    assert {"torch", "numpy", "tokenizers", "django"} <= hidden
    found = failing(house, hidden, ("assay", "audit", "evaluator"))
    allowed = (
        "evaluator.generic.", "evaluator.training.peft_run", "evaluator.doors.train",
        "assay.payer", "assay.paywall",  # for programs that pay by x402, which bring it
        "evaluator.bases.adding", "evaluator.texts", "evaluator.task.encoding",
        "evaluator.doors.prepare", "evaluator.doors.preview", "evaluator.doors.split",
        "evaluator.evaluators.harness", "evaluator.evaluators.taskfile", "evaluator.task.data",
        "evaluator.task.formats.parquet_file", "evaluator.task.preview", "evaluator.task.prepare",
    )  # fmt: skip
    assert {name: why for name, why in found.items() if not name.startswith(allowed)} == {}


@pytest.mark.parametrize("metric", MAKE)
def test_answers_of_any_kind_are_checked_without_a_tokenizer(tiny, without, metric):
    task = task_of(tiny.base, metric)
    without("tokenizers")
    found = check(tiny.adapter, task.manifest, task.public_inputs, task.public_labels)
    assert found.examples == 6


def test_texts_are_read_by_the_tokenizer_and_its_absence_says_how_to_get_it(tiny, without):
    tokens = tokens_of(folder_of(tiny.base), max_tokens=8)
    without("tokenizers")
    with pytest.raises(LibraryMissing) as refused:
        tokens.encode("a lamp")
    assert refused.value.facts == {"library": "tokenizers"}
    assert "make setup" in refused.value.next_step


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
