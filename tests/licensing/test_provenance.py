"""Records of outputs: what is taken, what is found, and that nothing of the content is kept."""

import json
from hashlib import sha256

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from assay import merkle, messages, records
from assay.canonical import canonical
from ledger import actions as ledger_actions
from licensing import models
from tests import factories
from tests.hostile.orders import Stranger

pytestmark = pytest.mark.django_db
HTML = {"accept": "text/html"}


@pytest.fixture
def eve(client):
    """An account with its own key, a token, and a work whose access costs nothing."""
    factories.base_work()
    one = Stranger(client)
    assert one.client is client
    return one


def work():
    return models.Work.objects.get(kind="base").id


def told(output, **more):
    """A record as JSON, with what a test changes."""
    value = {"Data-Protocol": "Provenance-Confirmation", "Data-Hash": output, "Work": work(),
             "Time-Ms": "1893456000000"}  # fmt: skip
    return canonical({name: one for name, one in {**value, **more}.items() if one is not None})


def hashed(text):
    return sha256(text.encode()).hexdigest()


def sent(eve, lines, words="one", **more):
    """A batch by the door, with what a test changes of its order."""
    raw = records.file_of(lines)
    name = factories.blob(raw, owner="eve").sha256
    asked = {"work": work(), "root": records.root_of(lines), "size": len(lines), "records": name}
    return eve.send(messages.ProvenanceRecord(**{**asked, **more}), words)


def test_each_of_many_records_is_found_and_leads_to_the_signed_root(eve, client):
    lines = [told(hashed(f"output {n}")) for n in range(7)]
    answer = sent(eve, lines)
    assert answer.status_code == 200, answer.content
    batch = answer.json()["result"]["batch"]
    assert answer.json()["result"]["root"] == records.root_of(lines)
    for number, line in enumerate(lines):
        asked = {"text": f"output {number}"} if number % 2 else {"hash": hashed(f"output {number}")}
        [found] = client.get("/api/v1/rail/lookup", asked).json()["items"]
        assert (found["batch"], found["line"].encode(), found["account"]) == (batch, line, "eve")
        path = [bytes.fromhex(one) for one in found["path"]]
        leaf = merkle.leaf_hash(line)
        root = merkle.root_of_inclusion(leaf, found["place"], found["size"], path)
        assert root.hex() == found["root"]
    assert client.get(f"/api/v1/rail/batches/{batch}").json()["root"] == root.hex()
    public = b"".join(client.get(found["records_url"]))
    assert public == records.file_of(lines)
    assert sent(eve, lines).json()["id"] == batch, "the same order"
    assert sent(eve, lines, "two").json()["id"] != batch, "another order"
    assert client.get("/api/v1/rail/lookup", {"text": "output"}).json()["items"] == []


def test_the_same_order_again_gives_the_same_batch_and_the_first_claim_comes_first(eve, client):
    lines = [told(hashed("one"))]
    first = sent(eve, lines).json()["result"]["batch"]
    assert sent(eve, lines).json()["result"]["batch"] == first
    for words in "abc":
        sent(eve, [*lines, told(hashed("two"))], words)
    page = client.get("/api/v1/rail/lookup", {"text": "one", "limit": 2}).json()
    assert page["items"][0]["batch"] == first
    rest = client.get("/api/v1/rail/lookup", {"text": "one", "after": page["next"]}).json()
    batches = [one["batch"] for one in (*page["items"], *rest["items"])]
    assert len(set(batches)) == len(batches) == models.OutputBatch.objects.count() == 4
    assert rest["next"] == ""


@pytest.mark.parametrize(
    "more",
    [
        {"Prompt": "What does the owl do?"},
        {"Output": "It hoots."},
        {"Data-Protocol": "Another"},
        {"Data-Protocol": None},
        {"Hashing-Algo": "md5"},
        {"Data-Hash": "AB" * 32},
        {"Data-Hash": "ab" * 31},
        {"Prompt-Hash": "x"},
        {"Work": "x"},
        {"Work": "ab" * 32},
        {"Licence": "y" * 43},
        {"Time-Ms": "-1"},
        {"Time-Ms": "\u0661"},
        {"Time-Ms": "9" * 16},
        {"Model": "\u202e"},
        {"Model": "m" * 201},
        {"Model": ""},
        {"Model": 1},
    ],
)
def test_a_record_that_is_odd_or_holds_content_is_refused(eve, more):
    answer = sent(eve, [told(hashed("one")), told(hashed("two"), **more)])
    assert answer.status_code == 422, answer.content
    assert answer.json()["code"] in ("provenance.record_invalid", "provenance.records_differ")
    assert not models.OutputBatch.objects.exists()
    assert not models.OutputRecord.objects.exists()


@pytest.mark.parametrize("protocol", ["Provenance-Confirmation", "DCPR"])
@pytest.mark.parametrize("algorithm", ["sha256", "SHA-256", None])
def test_both_names_of_the_draft_are_read(eve, protocol, algorithm):
    more = {"Data-Protocol": protocol, "Hashing-Algo": algorithm}
    assert sent(eve, [told(hashed("one"), **more)]).status_code == 200


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"root": "ab" * 32}, "provenance.records_differ"),
        ({"size": 2}, "provenance.records_differ"),
        ({"work": "ab" * 32}, "provenance.records_differ"),
        ({"records": "ab" * 32}, "blob.unknown"),
        ({"licence": "y" * 43}, "provenance.records_differ"),
    ],
)
def test_an_order_that_does_not_fit_its_file_is_refused(eve, more, code):
    answer = sent(eve, [told(hashed("one"))], **more)
    assert answer.json()["code"] == code
    assert not models.OutputBatch.objects.exists()


def test_files_that_are_no_records_are_refused_and_stay_private(eve, client):
    line = told(hashed("one"))
    for raw in (b"", b"\n", line, line + b"\r\n", line + b" \n", b"{}\n", b"\xff\n",
                b"[" * 999 + b"\n", line * 2 + b"\n", (line + b"\n") * 1001):  # fmt: skip
        name = factories.blob(raw, owner="eve").sha256
        body = messages.ProvenanceRecord(work(), "ab" * 32, 1, name)
        assert eve.send(body).json()["code"].startswith("provenance.")
        assert client.get(f"/api/blobs/{name}").status_code == 404
    other = factories.blob(records.file_of([line]), owner="miner").sha256
    body = messages.ProvenanceRecord(work(), records.root_of([line]), 1, other)
    assert eve.send(body).json()["code"] == "blob.unknown"


def test_what_is_looked_up_is_one_thing(client):
    for asked in ({}, {"hash": "ab" * 32, "text": "x"}):
        assert client.get("/api/v1/rail/lookup", asked).json()["code"] == "provenance.hash_invalid"
    assert client.get("/api/v1/rail/lookup", {"hash": "AB" * 32}).status_code == 422
    assert client.get("/api/v1/rail/batches/x").json()["code"] == "provenance.batch_unknown"


def test_the_page_finds_a_text_with_either_line_end_a_file_and_a_hash(eve, client):
    text = "An owl\nhoots."
    lines = [told(hashed(text), Model="<b>owl</b>"), told(hashed("win\r\ndows"))]
    batch = sent(eve, lines).json()["result"]["batch"]
    asked = (
        {"text": text.replace("\n", "\r\n")},
        {"text": "win\r\ndows"},
        {"file": SimpleUploadedFile("a.txt", text.encode())},
        {"sha256": hashed(text)},
    )
    message = models.OutputBatch.objects.get(pk=batch).message
    for form in asked:
        page = client.post("/provenance/", form, headers=HTML)
        assert page.status_code == 200
        assert f"/messages/{message}/" in page.text
        assert "<b>owl</b>" not in page.text
    nobody = client.post("/provenance/", {"text": "nothing like it"}, headers=HTML).text
    assert "Nobody has recorded it" in nobody
    assert "nothing like it" not in nobody.partition("<form")[0]
    assert client.get("/provenance/", headers=HTML).status_code == 200
    for odd in ({}, {"text": "a", "sha256": "ab" * 32}, {"sha256": "x"}):
        assert client.post("/provenance/", odd, headers=HTML).status_code == 422


def test_a_file_of_records_that_was_withdrawn_proves_nothing_and_breaks_nothing(eve, client):
    first = sent(eve, [told(hashed("one"))])
    sent(eve, [told(hashed("one")), told(hashed("two"))], "two")
    one = models.OutputBatch.objects.get(pk=first.json()["result"]["batch"])
    ledger_actions.withdraw_blob(one.records, reason="by order", now=timezone.now())
    [found] = client.get("/api/v1/rail/lookup", {"text": "one"}).json()["items"]
    assert found["batch"] != one.pk
    assert json.loads(found["line"])["Data-Hash"] == hashed("one")
