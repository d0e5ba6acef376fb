"""What a buyer downloads: bought and fetched by the site's own doors, loaded by peft, and right."""

import hashlib
import io
import json
import re
import zipfile

import jsonschema_rs
import pytest
import torch
import yaml
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import signing
from huggingface_hub import ModelCard
from safetensors import safe_open

from competitions.actions import queue, score, winners
from competitions.models import Evaluation
from evaluator.bases import MINILM, folder_of
from evaluator.engine.model import Adapted
from evaluator.evaluators.form import ON_THE_MEAN
from evaluator.intake import admit
from evaluator.score.scoring import load_base
from ledger import actions as ledger_actions
from licensing import models
from licensing.api.delivery import SALT
from licensing.rules.rows import content_in
from tests import factories
from tests.evaluator import makers
from tests.evaluator.conftest import examples

pytestmark = pytest.mark.django_db
HTML = {"accept": "text/html"}


def manifest(commitment="5e" * 32):
    """The task of the factories on the real base, with a head as real tasks have it."""
    sizes = {"examples": factories.EXAMPLES, "tokens": 400, "units": factories.EXAMPLES}
    pins = {"inputs_sha256": "1" * 64, "labels_sha256": "2" * 64, "root": "3" * 64}
    test = {"public": sizes | pins, "board": sizes | {"commitment": commitment},
            "final": sizes | {"commitment": commitment}}  # fmt: skip
    return makers.manifest(test=test)


def winner(monkeypatch, arrays):
    """A winner of a settled contest whose adapter is real: its work, and the scored blob."""
    monkeypatch.setattr(factories, "manifest", manifest)
    factories.competition()
    blob = admit(makers.adapter()[0], makers.safetensors(arrays), manifest()).canonical
    entry = factories.submission("miner")
    found = Evaluation.objects.get(submission=entry, slice="board")
    fence = queue.lease(evaluation=found.pk, now=factories.at(20))
    name = factories.blob(blob).sha256
    made = factories.measured(name, 30)
    score.record_score(evaluation=found.pk, fence=fence, measured=made, now=factories.at(20))
    factories.settle(right={entry: 36})
    [work] = winners.license_winners("docs", now=factories.at(620))
    return work, blob


@pytest.fixture
def bought(client, monkeypatch):
    """The work of a winner, bought on its page by a business; the browser that did."""
    name, blob = winner(monkeypatch, makers.tensors(scale=1.0))
    factories.account("firm", "500")
    client.force_login(get_user_model().objects.get(username="firm"))
    page = client.get(f"/models/{name}/buy/", {"uses": "commercial"}, headers=HTML)
    form = dict(re.findall(r'<input type="hidden" name="(?!csrf)(\w+)" value="([^"]*)"', page.text))
    assert client.post(f"/models/{name}/buy/", form, headers=HTML).status_code == 302
    assert models.Grant.objects.filter(work=name, holder="firm").exists()
    return client, name, blob


def downloaded(client, name, out):
    """The folder as a buyer has it, unpacked; every byte is as the site said it would be."""
    told = client.get(f"/api/works/{name}/download").json()
    raw = b"".join(client.get(told["url"]))
    assert (len(raw), hashlib.sha256(raw).hexdigest()) == (told["size_bytes"], told["sha256"])
    with zipfile.ZipFile(io.BytesIO(raw)) as file:
        file.extractall(out)
    [folder] = out.iterdir()
    for one in told["files"]:
        inside = (folder / one["name"]).read_bytes()
        assert hashlib.sha256(inside).hexdigest() == one["sha256"]
        assert len(inside) == one["size_bytes"]
    return folder


def card_of(folder):
    """The card, and the Python on it, with the base on this machine."""
    text = (folder / "README.md").read_text()
    [code] = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    there = "sentence-transformers/all-MiniLM-L6-v2"
    assert repr(there) in code
    return text, code.replace(repr(there), repr(str(folder_of(MINILM, is_verified=False))))


def test_the_bought_folder_of_a_winner_answers_as_it_was_scored(bought, tmp_path, monkeypatch):
    client, name, blob = bought
    folder = downloaded(client, name, tmp_path)
    text, code = card_of(folder)
    monkeypatch.chdir(folder)
    names = {}
    exec(compile(code, "README.md", "exec"), names)
    base, task, seen = load_base(folder_of(MINILM)), manifest(), set()
    for one in examples(300, 6):
        ids = names["tokenizer"](one["text"], truncation=True, max_length=48).input_ids
        with torch.inference_mode():
            [place] = Adapted(base, blob, task.adapter.head).classes([ids], ON_THE_MEAN)
        assert names["answer"](one["text"]) == task.labels[place]
        seen.add(place)
    assert len(seen) > 1
    for words in ("0.900000000", "0.250000000", "mean", "docs", "assay rerun", name, "miner"):
        assert words in text


def test_the_folder_names_its_terms_and_every_byte_of_it_can_be_checked(bought, tmp_path):
    client, name, _ = bought
    folder = downloaded(client, name, tmp_path)
    told = json.loads((folder / "LICENSE-TAGS.json").read_text())
    assert told["work"] == name
    assert ["Commercial-Use", "Allowed-With-Fee-One-Time-100"] in told["tags"]
    assert "You may use it commercially for 100 tokens once." in told["deed"]
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    assert set(sums) == {one.name for one in folder.iterdir()} - {"SHA256SUMS"}
    for file, wanted in sums.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == wanted


def test_every_file_of_the_folder_carries_its_terms_in_the_words_of_its_field(
    bought, tmp_path, house
):
    _, name, _blob = bought
    folder = downloaded(*bought[:2], tmp_path)
    tags = json.loads((folder / "LICENSE-TAGS.json").read_text())["tags"]
    with safe_open(folder / "adapter_model.safetensors", framework="pt") as file:
        told = file.metadata()
    assert json.loads(told["assay.licence"]) == tags
    assert told["assay.work"] == name
    parents = set(models.Edge.objects.filter(child=name).values_list("parent", flat=True))
    assert set(json.loads(told["assay.work_parents"])) == parents
    assert told["assay.log_origin"] == settings.LOG_ORIGIN
    raw = (folder / "adapter_model.safetensors").read_bytes()
    behind = raw[8 + int.from_bytes(raw[:8], "little") :]
    assert told["modelspec.hash_sha256"] == f"0x{hashlib.sha256(behind).hexdigest()}"
    assert told["modelspec.license"] == "LicenseRef-UDL-0.2"
    _check_card(folder, house, parents)
    _check_bom(folder, house, name, tags)
    policy = json.loads((folder / "LICENSE.jsonld").read_text())
    [paid] = [one for one in policy["permission"] if one["action"] == "cc:CommercialUse"]
    [size] = paid["duty"][0]["action"][0]["refinement"]
    assert (size["rightOperand"]["@value"], size["unit"]) == ("100", "assay:ASSAY")
    forbidden = {one["action"] for one in policy["prohibition"]}
    assert {"distribute", "assay:train"} <= forbidden


def _check_card(folder, house, parents):
    """The card's front is what the hub takes, read by the hub's own library."""
    schema = json.loads((house / "tests" / "vectors" / "modelcard.schema.json").read_text())
    told = ModelCard.load(folder / "README.md").data.to_dict()
    raw = (folder / "README.md").read_text().split("---\n")[1]
    front = yaml.safe_load(raw)
    jsonschema_rs.validator_for(schema).validate(front)
    assert told["base_model"] == "sentence-transformers/all-MiniLM-L6-v2"
    assert (folder / front["license_link"]).is_file()
    assert (front["license"], front["license_name"]) == ("other", "udl-0.2")
    assert {f"data:{one}" for one in front["datasets"]} < parents
    [result] = front["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == 0.9
    for field, odd in (("license", "UDL"), ("license_link", "LICENSE-TAGS.json")):
        assert not jsonschema_rs.validator_for(schema).is_valid({**front, field: odd})


def _check_bom(folder, house, name, tags):
    """The bill of materials fits the standard's own schema, and names what it was made from."""
    raw = (folder / "sbom.cdx.json").read_bytes()
    there = house / "tests" / "vectors" / "cyclonedx"
    known = {
        f"http://cyclonedx.org/schema/{one.name}": json.loads(one.read_text())
        for one in there.glob("*.json")
    }
    schema = known["http://cyclonedx.org/schema/bom-1.6.SNAPSHOT.schema.json"]
    registry = jsonschema_rs.Registry(list(known.items()))
    check = jsonschema_rs.validator_for(schema, registry=registry, validate_formats=True)
    check.validate(json.loads(raw))
    assert not check.is_valid({**json.loads(raw), "serialNumber": "1"})
    told = json.loads(raw)
    model = told["metadata"]["component"]
    said = {one["name"]: one["value"] for one in model["properties"]}
    assert (model["type"], said["assay:work"]) == ("machine-learning-model", name)
    assert {f"assay:tag:{tag}": value for tag, value in tags}.items() <= said.items()
    [score, alone] = model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]
    assert (score["value"], alone["value"]) == ("0.900000000", "0.250000000")
    kinds = {one["type"] for one in told["components"]}
    assert kinds == {"machine-learning-model", "data"}


def test_an_address_of_a_file_that_nobody_signed_for_opens_nothing(bought):
    client, name, _ = bought
    path = f"/api/works/{name}/file"
    for ticket in ("x", signing.dumps([name, "firm"]), signing.dumps(["0" * 64, "f"], salt=SALT)):
        answer = client.get(path, {"ticket": ticket})
        assert (answer.status_code, answer.json()["code"]) == (403, "licensing.ticket_spent")
    old = {"account": "firm", "public": "ab" * 32, "signature": "cd" * 64, "challenge": "1"}
    answer = client.post(f"/api/works/{name}/delivery", old, content_type="application/json")
    assert answer.status_code in (401, 403)


def test_a_download_that_broke_off_goes_on_where_it_was(bought):
    client, name, _ = bought
    path = f"/api/works/{name}/folder.zip"
    whole = b"".join(client.get(path))
    answer = client.get(path, headers={"Range": f"bytes={len(whole) // 2}-"})
    assert answer.status_code == 206
    assert b"".join(answer) == whole[len(whole) // 2 :]
    assert answer["Content-Range"] == f"bytes {len(whole) // 2}-{len(whole) - 1}/{len(whole)}"
    again = client.get(path, headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    beyond = client.get(path, headers={"Range": f"bytes={len(whole)}-"})
    assert beyond.json()["code"] == "ledger.range_refused"


def test_the_page_offers_the_folder_and_says_what_the_model_does(bought):
    client, name, _ = bought
    page = client.get(f"/models/{name}/", headers=HTML).text
    assert f'href="/api/works/{name}/folder.zip"' in page
    assert 'href="/competitions/docs/"' in page
    assert "0.900000000" in page
    assert "0.250000000" in page
    assert MINILM.name in page
    listed = client.get("/models/", headers=HTML).text
    assert "0.900" in listed


def test_a_data_work_offers_its_file_under_its_own_name(bought):
    client, name, _ = bought
    [data] = models.Edge.objects.filter(child=name, kind="data").values_list("parent", flat=True)
    told = client.get(f"/api/works/{data}/download").json()
    assert told["sha256"] == content_in(data)
    assert told["name"].endswith(".jsonl")
    assert hashlib.sha256(b"".join(client.get(told["url"]))).hexdigest() == content_in(data)
    page = client.get(f"/models/{data}/", headers=HTML).text
    assert f'download="{told["name"]}"' in page
    assert "safetensors" not in page


def test_a_work_without_a_file_says_so(client):
    base = factories.base_work()
    answer = client.get(f"/api/works/{base}/download")
    assert answer.status_code == 404
    assert answer.json()["code"] == "licensing.no_download"


def test_a_file_that_was_withdrawn_is_not_offered(bought):
    client, name, _ = bought
    content = models.Work.objects.get(pk=name).content
    ledger_actions.withdraw_blob(content, reason="by order", now=factories.at(700))
    assert client.get(f"/api/works/{name}/folder.zip").status_code == 404
    assert "folder.zip" not in client.get(f"/models/{name}/", headers=HTML).text


@pytest.mark.parametrize(
    ("asked", "is_found"),
    [
        ({"q": "DOCS question"}, True),
        ({"base": MINILM.name, "task": "classification", "metric": "accuracy"}, True),
        ({"min_score": "0.9"}, True),
        ({"min_score": "0.900000001"}, False),
        ({"max_score": "0.5"}, False),
        ({"metric": "bleu"}, False),
        ({"task": "generation"}, False),
        ({"use": "commercial"}, True),
        ({"use": "train"}, False),
        ({"owner": "miner"}, True),
    ],
)
def test_models_are_found_by_what_they_do(bought, asked, is_found):
    client, name, _ = bought
    found = client.get("/api/works", {"kind": "adapter", **asked}).json()["items"]
    assert [one["id"] for one in found] == ([name] if is_found else [])
    if found:
        assert found[0]["score"] == "0.900000000"
    page = {{"min_score": "score"}.get(key, key): value for key, value in asked.items()}
    if not {"owner", "max_score"} & set(asked):
        listed = client.get("/models/", {"kind": "adapter", **page}, headers=HTML).text
        assert (f'href="/models/{name}/"' in listed) == is_found
