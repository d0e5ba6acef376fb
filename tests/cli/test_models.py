"""`assay models` and `assay pull`: what is offered, what one does, and its folder, whole."""

import json

import pytest
from django.utils import timezone

from ledger import actions as ledger_actions
from licensing.rules.terms import OUR_LICENCE
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
    asked = ("pull", model, "--out", str(out), "--json")
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
    _inspect(run, site, out, model)


def _inspect(run, site, out, model):
    """The tags in the pulled files are those of the log; where they are not, it is loud."""
    answer = run("terms", "inspect", str(out), "--json", url=site)
    told = json.loads(answer.stdout)
    assert (answer.exit_code, told["work"], told["differences"]) == (0, model, []), answer.stderr
    assert told["compared_with"] == "the log"
    assert told["places"] == ["adapter_model.safetensors", "LICENSE-TAGS.json", "sbom.cdx.json"]
    header = out / "adapter_model.safetensors"
    assert run("terms", "inspect", str(header), url=site).exit_code == 0
    header.write_bytes(header.read_bytes().replace(b"One-Time-100", b"One-Time-001"))
    alone = run("terms", "inspect", str(header), "--json", url=site)
    [line] = json.loads(alone.stdout)["differences"]
    assert "Commercial-Use: adapter_model.safetensors says Allowed-With-Fee-One-Time-001" in line
    assert alone.exit_code == 6
    both = run("terms", "inspect", str(out), "--offline", url=site)
    assert both.exit_code == 6
    assert "SHA256SUMS" in both.stderr
    assert run("terms", "inspect", str(out / "README.md"), url=site).exit_code == 5


def test_a_data_set_comes_as_its_own_file(site, run, model, tmp_path):
    data = json.loads(run("models", "list", "--kind", "data", "--json", url=site).stdout)["id"]
    out = tmp_path / "data"
    told = json.loads(run("pull", data, "--out", str(out), "--json", url=site).stdout)
    [name] = told["files"]
    assert name.endswith(".jsonl")
    assert (out / name).read_text() == "train.jsonl of docs"
    assert run("pull", factories.base_work(), url=site).exit_code == 5


def test_terms_are_shown_checked_and_rendered(site, run, model, tmp_path):
    shown = run("terms", "show", model, url=site).stdout
    assert "You may use it commercially for 100 tokens once." in shown
    assert "Allowed-With-Fee-One-Time-100" in shown
    tags = json.loads(run("terms", "show", model, "--json", url=site).stdout)["tags"]
    file = tmp_path / "tags.txt"
    file.write_text("".join(f"{name.lower()}: {value}\n" for name, value in reversed(tags)))
    assert "commercially for 100 tokens once" in run("terms", "check", str(file)).stdout
    rendered = json.loads(run("terms", "render", str(file), "--json").stdout)["tags"]
    assert dict(map(tuple, rendered)) == dict(map(tuple, tags))
    file.write_text(f"License: {OUR_LICENCE}\nComercial-Use: Allowed\n")
    odd = run("terms", "check", str(file))
    assert odd.exit_code == 5
    assert "terms.name_resembles" in odd.stderr


def test_restricted_access_opens_to_a_holders_key_and_to_nobody_else(site, run, tmp_path):
    raw = b"row\n" * 50_000
    factories.account("owner")
    content = factories.blob(raw, owner="owner").sha256
    tags = (("License", OUR_LICENCE), ("Currency", "ASSAY"), ("Access", "Restricted"),
            ("Access-Fee", "One-Time-5"))  # fmt: skip
    work = factories.work("data", content, owner="owner", tags=tags)
    out = tmp_path / "bought"
    pull = ("pull", work, "--out", str(out), "--json")
    for name in ("firm", "stranger"):
        there = str(tmp_path / name)
        said = run("auth", "login", "--account", name, url=site, ASSAY_HOME=there)
        assert said.exit_code == 0, said.stderr
    ledger_actions.mint(account="firm", amount_nano=10**10, idempotency="f", now=timezone.now())
    answer = run(*pull, url=site, ASSAY_HOME=str(tmp_path / "firm"))
    assert json.loads(answer.stderr)["code"] == "licensing.access_needed"
    buy = ("licence", "buy", work, "--use", "copy", "--yes")
    bought = run(*buy, url=site, ASSAY_HOME=str(tmp_path / "firm"))
    assert bought.exit_code == 0, bought.stderr
    answer = run(*pull, url=site, ASSAY_HOME=str(tmp_path / "firm"))
    assert answer.exit_code == 0, answer.stderr
    [name] = json.loads(answer.stdout)["files"]
    assert (out / name).read_bytes() == raw
    out.joinpath(name).unlink()
    (out / f".{name}.{content[:16]}.part").write_bytes(raw[:1000])
    drawn = run(*pull, url=site, ASSAY_HOME=str(tmp_path / "firm"))
    assert json.loads(drawn.stdout)["fetched"] is True, "it went on where it was"
    stolen = run(*pull[:2], "--out", str(tmp_path / "x"), url=site,
                 ASSAY_HOME=str(tmp_path / "stranger"))  # fmt: skip
    assert "licensing.access_needed" in stolen.stderr
    nobody = run(*pull[:2], "--out", str(tmp_path / "x"), url=site)
    assert nobody.exit_code == 4, "nobody is signed in"
