"""`assay provenance` and `assay.provenance`: outputs recorded by their hashes, and looked up."""

import json

import pytest
from django.utils import timezone

from assay import provenance, records
from ledger import blobs, log
from ledger import queries as ledger_queries
from ledger.sequencer import sequence
from licensing import models
from licensing.rules.rows import OutputBatch
from tests import factories, signing
from tests.licensing.market import ASSAY

TEXT, PROMPT = "An owl hoots beside the lamp.", "What does the owl do?"


@pytest.fixture
def made(site, run, home):
    """A work whose access costs nothing, and an account with a key on this machine."""
    answer = run("auth", "login", "--account", "firm", url=site)
    assert answer.exit_code == 0, answer.stderr
    run("config", "set", "url", site)
    return factories.base_work()


def test_one_line_records_an_output_and_anybody_finds_and_proves_it(
    site, run, home, made, tmp_path
):
    told = provenance.record(TEXT, prompt=PROMPT, work=made, model="owl-1", home=home)
    assert log.find(told["id"]).kind == "provenance.record"
    assert told["receipt"] == f"/log/receipt/{told['id']}"
    again = provenance.record(TEXT + "!", work=made, home=home)
    assert again["id"] != told["id"]
    file = tmp_path / "answer.txt"
    file.write_text(TEXT)
    found = json.loads(run("provenance", "lookup", str(file), "--json", url=site).stdout)
    assert (found["account"], found["work"], found["model"]) == ("firm", made, "owl-1")
    assert found["prompt"] == provenance.hash_of(PROMPT)
    line = json.loads(found["line"])
    assert line["Data-Protocol"] == "Provenance-Confirmation"
    assert line["Data-Hash"] == provenance.hash_of(TEXT)
    kept = blobs.read(found["records"], limit_bytes=records.MOST_FILE_BYTES)
    history = folded()
    raw = b"".join(ledger_queries.entries(0, ledger_queries.log_size())) + kept
    assert b"owl hoots" not in raw
    assert b"the owl do" not in raw
    file.write_text(TEXT + "?")
    assert "Nobody has recorded it." in run("provenance", "lookup", str(file), url=site).stderr
    rows = list(ledger_queries.table_page(OutputBatch, after="", limit=9))
    assert [log.row_of(OutputBatch, one) for one in rows] == sorted(
        history.rows.all(OutputBatch), key=lambda one: one.id
    )


def folded():
    """The whole log, given its places and folded anew."""
    while sequence(holder="test", now=timezone.now()):
        pass
    history = signing.history()
    for raw in ledger_queries.entries(0, ledger_queries.log_size()):
        history.follow(raw)
    return history


def test_many_outputs_go_as_one_order_also_when_the_program_fails(site, run, home, made, tmp_path):
    batch = provenance.batch(work=made, home=home)

    def fails():
        with batch:
            for number in range(5):
                batch.record(f"output {number}", made_for="a customer")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    [answer] = batch.sent
    found = models.OutputBatch.objects.get(pk=answer["id"])
    assert (found.size, found.account, found.licence) == (5, "firm", "")
    for number in range(5):
        file = tmp_path / "one.txt"
        file.write_text(f"output {number}")
        [row] = [json.loads(run("provenance", "lookup", str(file), "--json", url=site).stdout)]
        assert (row["batch"], row["place"]) == (answer["id"], number)


def test_the_command_records_files_and_prints_the_receipt(site, run, made, tmp_path):
    files = [tmp_path / name for name in ("a.txt", "b.txt")]
    for file in files:
        file.write_text(file.name)
    words = ("provenance", "record", *map(str, files), "--work", made)
    told = json.loads(run(*words, "--json", url=site).stdout)
    assert told["size"] == 2
    assert log.find(told["receipt"].removeprefix("/log/receipt/")).kind == "provenance.record"


def test_who_uses_a_work_under_a_licence_names_their_own(site, run, home, made, tmp_path):
    tags = (*ASSAY, ("Access", "Restricted"), ("Access-Fee", "One-Time-5"))
    work = factories.work("data", factories.blob("rows", owner="owner").sha256,
                          owner="owner", tags=tags)  # fmt: skip
    file = tmp_path / "a.txt"
    file.write_text("a")
    words = ("provenance", "record", str(file), "--work", work, "--json")
    assert json.loads(run(*words, url=site).stderr)["code"] == "provenance.licence_needed"
    factories.account("firm", "10")
    for name, url in (("firm", site), ("other", site)):
        there = home if name == "firm" else tmp_path / "other"
        run("auth", "login", "--account", name, url=url, ASSAY_HOME=str(there))
    bought = run("licence", "buy", work, "--use", "copy", "--yes", "--json", url=site)
    grant = json.loads(bought.stdout)["grant"]
    stolen = run(*words, "--licence", grant, url=site, ASSAY_HOME=str(tmp_path / "other"))
    assert json.loads(stolen.stderr)["code"] == "provenance.licence_needed"
    assert run(*words, "--licence", grant, url=site).exit_code == 0
    assert models.OutputBatch.objects.get().licence == grant
