"""`assay models`: what is offered, what one does, and its folder, whole or gone on with."""

import json

import pytest

from tests import factories
from tests.evaluator import makers
from tests.licensing.test_delivery import winner


@pytest.fixture
def model(site, monkeypatch):
    """The work of a winner on a live site."""
    return winner(monkeypatch, makers.tensors(scale=1.0))[0]


def test_empty_lists_say_so(site, run):
    answer = run("models", "list", url=site)
    assert answer.exit_code == 0
    assert answer.stdout == ""
    assert "No works are on offer yet." in answer.stderr
    assert "Nothing like that" in run("models", "list", "--text", "zebra", url=site).stderr
    assert run("models", "list", "--json", url=site).stdout == ""


def test_a_model_is_listed_and_shown_as_a_table_and_as_json(site, run, model):
    table = run("models", "list", "--kind", "adapter", url=site).stdout
    assert "0.900000000" in table
    assert "100 tokens" in table
    line = json.loads(run("models", "list", "--kind", "adapter", "--json", url=site).stdout)
    assert (line["id"], line["score"], line["competition"]) == (model, "0.900000000", "docs")
    assert {"price_nano", "metric", "base", "baseline", "score_low", "task"} <= set(line)
    shown = run("models", "show", model, url=site).stdout
    for words in ("95 % interval", "the base alone", "0.250000000", "You may use it commercially"):
        assert words in shown
    assert json.loads(run("models", "show", model, "--json", url=site).stdout)["id"] == model
    assert model not in run("models", "list", "--min-score", "0.95", url=site).stdout


def test_a_download_is_checked_goes_on_and_is_not_done_twice(site, run, model, tmp_path):
    out = tmp_path / "model"
    asked = ("models", "download", model, "--out", str(out), "--json")
    answer = run(*asked, url=site)
    assert answer.exit_code == 0, answer.stderr
    told = json.loads(answer.stdout)
    assert told["fetched"] is True
    assert {one.name for one in out.iterdir()} == set(told["files"])
    assert {"adapter_config.json", "adapter_model.safetensors", "README.md"} <= set(told["files"])
    assert json.loads(run(*asked, url=site).stdout)["fetched"] is False
    tensors = out / "adapter_model.safetensors"
    whole = tensors.read_bytes()
    tensors.write_bytes(whole[:-1] + b"x")
    assert json.loads(run(*asked, url=site).stdout)["fetched"] is True
    assert tensors.read_bytes() == whole


def test_a_data_set_comes_as_its_own_file(site, run, model, tmp_path):
    data = json.loads(run("models", "list", "--kind", "data", "--json", url=site).stdout)["id"]
    out = tmp_path / "data"
    told = json.loads(run("models", "download", data, "--out", str(out), "--json", url=site).stdout)
    [name] = told["files"]
    assert name.endswith(".jsonl")
    assert (out / name).read_text() == "train.jsonl of docs"
    assert run("models", "download", factories.base_work(), url=site).exit_code == 5
