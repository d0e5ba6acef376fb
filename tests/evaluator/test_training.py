"""A real, short peft run, and the doors of the scale as a stranger starts them."""

import json
import subprocess
import sys

import pytest

from evaluator.doors.answers import read_downloaded
from evaluator.doors.prepare import write_prepared
from evaluator.errors import AdapterRank, DataFileMissing, DataLabelUnknown, SliceChanged
from evaluator.intake import admit_folder
from evaluator.registry import show_score
from evaluator.score.checking import check
from evaluator.training.peft_run import RECORD_EVERY, UNFINISHED, train
from evaluator.training.recipe import Recipe

RECIPE = Recipe(steps=8, batch=16, threads=1, layers=2)


def evaluator(*arguments):
    command = [sys.executable, "-m", "evaluator", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=1500)


@pytest.fixture(scope="module")
def competition(tmp_path_factory, prepared):
    folder = tmp_path_factory.mktemp("competition")
    write_prepared(prepared, folder)
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, slices, prepared):
    shown = []
    out = tmp_path_factory.mktemp("adapter")
    done = train(slices["train"], prepared.manifest, out, RECIPE, shown.append)
    return done, shown


def test_training_learns_and_reports_every_step(trained):
    done, shown = trained
    assert [step.number for step in shown] == list(range(1, 9))
    assert shown[-1].loss < shown[0].loss
    assert done.parameters > 100_000


def test_what_peft_saves_passes_the_intake_and_beats_the_baseline(trained, prepared):
    done, _ = trained
    assert admit_folder(done.folder, prepared.manifest).rank == RECIPE.rank
    found = check(done.folder, prepared.manifest, prepared.public_inputs, prepared.public_labels)
    assert found.interval_e9[0] > 333_333_333


def test_the_same_seed_trains_the_same_adapter(tmp_path, slices, prepared):
    short = Recipe(steps=2, batch=4, threads=1, layers=1)
    hashes = set()
    for name in ("first", "again"):
        train(slices["train"], prepared.manifest, tmp_path / name, short, print)
        hashes.add(admit_folder(tmp_path / name, prepared.manifest).sha256)
    assert len(hashes) == 1


def test_a_label_outside_the_task_is_refused_before_training(tmp_path, prepared):
    with pytest.raises(DataLabelUnknown):
        train([{"text": "a", "label": "fish"}], prepared.manifest, tmp_path, RECIPE, print)


def test_a_rank_beyond_the_task_is_refused_before_training(tmp_path, slices, prepared):
    with pytest.raises(AdapterRank):
        train(slices["train"], prepared.manifest, tmp_path, Recipe(rank=17), print)


def test_a_training_that_was_stopped_goes_on_and_ends_as_if_it_had_not_been(
    tmp_path, slices, prepared
):
    """Chance is spent before the first step, so what is recorded is all that matters."""
    recipe = Recipe(steps=RECORD_EVERY + 3, batch=4, threads=1, layers=1)

    def stop(step):
        if step.number == RECORD_EVERY + 2:
            raise KeyboardInterrupt

    train(slices["train"], prepared.manifest, tmp_path / "unbroken", recipe, lambda _: None)
    out = tmp_path / "broken"
    with pytest.raises(KeyboardInterrupt):
        train(slices["train"], prepared.manifest, out, recipe, stop)
    shown = []
    again = train(slices["train"], prepared.manifest, out, recipe, shown.append)
    assert [step.number for step in shown] == [RECORD_EVERY + n for n in (1, 2, 3)]
    assert again.steps == recipe.steps
    assert not (out / UNFINISHED).exists()
    hashes = {
        admit_folder(tmp_path / name, prepared.manifest).sha256 for name in ("unbroken", "broken")
    }
    assert len(hashes) == 1


def test_a_record_of_another_training_is_not_gone_on_with(tmp_path, slices, prepared):
    def stop(step):
        if step.number == RECORD_EVERY:
            raise KeyboardInterrupt

    first = Recipe(steps=RECORD_EVERY + 1, batch=4, threads=1, layers=1)
    with pytest.raises(KeyboardInterrupt):
        train(slices["train"], prepared.manifest, tmp_path, first, stop)
    shown = []
    other = Recipe(steps=2, batch=4, threads=1, layers=1, seed=2)
    train(slices["train"], prepared.manifest, tmp_path, other, shown.append)
    assert [step.number for step in shown] == [1, 2]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"--manifest": "nowhere/manifest.json"}, "data.file_missing"),
        ({"--train": "nowhere/train.jsonl"}, "data.file_missing"),
        ({"--rank": "17"}, "adapter.rank"),
        ({"--out": "competition/manifest.json"}, "train.out_unusable"),
    ],
)
def test_names_and_folders_are_judged_before_torch_is_loaded(
    competition, tmp_path, monkeypatch, changes, code
):
    """A torch that cannot be imported stands in the way; the refusal does not meet it."""
    (tmp_path / "torch.py").write_text("raise SystemExit('torch was loaded')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    told = {
        "--manifest": "competition/manifest.json",
        "--train": "competition/train.jsonl",
        "--out": str(tmp_path / "out"),
        "--progress": "json",
    } | changes
    words = [
        str(competition / one.removeprefix("competition/")) if "competition/" in one else one
        for pair in told.items()
        for one in pair
    ]
    done = evaluator("train", *words)
    assert (done.returncode, done.stderr) == (5, "")
    assert json.loads(done.stdout)["error"]["code"] == code


def test_a_folder_that_is_no_downloaded_competition_is_named(tmp_path):
    with pytest.raises(DataFileMissing, match=r"manifest\.json"):
        read_downloaded(tmp_path / "manifest.json")


def test_a_changed_public_slice_is_refused(trained, prepared):
    with pytest.raises(SliceChanged):
        check(trained[0].folder, prepared.manifest, prepared.final_inputs, prepared.public_labels)


def test_the_check_door_gives_the_score_that_the_server_gives(trained, prepared, competition):
    folder = trained[0].folder
    arguments = ["check", folder, "--task", competition / "manifest.json"]
    slice_ = ["--inputs", competition / "public.inputs", "--labels", competition / "public.labels"]
    done = evaluator(*arguments, *slice_, "--json")
    assert done.returncode == 0, done.stderr
    here = check(folder, prepared.manifest, prepared.public_inputs, prepared.public_labels)
    found = json.loads(done.stdout)
    assert found["score"] == show_score(here.score_e9)
    assert found["adapter_sha256"] == here.adapter_sha256


def test_the_check_door_refuses_with_a_code_and_status_5(competition, tmp_path):
    arguments = ["--task", competition / "manifest.json"]
    slice_ = ["--inputs", competition / "public.inputs", "--labels", competition / "public.labels"]
    done = evaluator("check", tmp_path, *arguments, *slice_, "--json")
    assert done.returncode == 5
    assert json.loads(done.stdout)["error"]["code"] == "adapter.file_missing"


def test_the_prepare_door_reads_files_and_gives_the_same_task(competition, tmp_path, slices):
    salt = tmp_path / "salt"
    salt.write_bytes(bytes(range(32)))
    for name in ("board", "final"):
        lines = ['{},"{}"\n'.format(one["label"], one["text"]) for one in slices[name]]
        (tmp_path / f"{name}.csv").write_text("label,text\n" + "".join(lines))
    done = evaluator(
        "prepare", "--train", competition / "train.jsonl", "--public", competition / "public.jsonl",
        "--board", tmp_path / "board.csv", "--final", tmp_path / "final.csv", "--salt-file", salt,
        "--max-tokens", 24,
        "--out", tmp_path / "out",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for name in ("manifest.json", "final.inputs", "prepared.json"):
        assert (tmp_path / "out" / name).read_bytes() == (competition / name).read_bytes()


def test_an_unknown_door_is_a_usage_error():
    assert evaluator("fly").returncode == 2
