"""`assay log receipt` and `verify`: a message, its proof, and what does not prove it."""

import json
from pathlib import Path

import pytest
from django.utils import timezone

from assay import items
from assay.client import Client
from ledger import actions, log, sequencer
from ledger.models import Message

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def signed_up(site, run):
    """ada opened an account by a signed order; the order's id."""
    assert run("auth", "login", "--url", site, "--account", "ada", url=site).exit_code == 0
    return Message.objects.get(kind="account.open").item


def get(run, site, item, folder):
    answer = run("log", "receipt", item, "--out", str(folder), "--json", url=site)
    assert answer.exit_code == 0, answer.output
    return json.loads(answer.stdout)


def test_an_accepted_order_has_a_receipt_that_verifies_offline(site, run, signed_up, tmp_path):
    sequencer.sequence(holder="t", now=timezone.now())
    told = get(run, site, signed_up, tmp_path)
    key = Client(site).get("/api/log")["log_key"]
    words = ["log", "verify", told["receipt"], "--key", key, "--entry", told["entry"], "--json"]
    answer = run(*words)  # no address: nobody is asked
    assert answer.exit_code == 0, answer.output
    found = json.loads(answer.stdout)
    assert (found["id"], found["kind"]) == (signed_up, "account.open")
    assert found["index"] == Message.objects.get(item=signed_up).log_index
    assert items.Item.decode(Path(told["entry"]).read_bytes()).id == signed_up


def test_another_message_another_key_and_a_missing_witness_are_exit_code_6(
    site, run, signed_up, tmp_path
):
    sequencer.sequence(holder="t", now=timezone.now())
    told = get(run, site, signed_up, tmp_path)
    other = get(run, site, Message.objects.get(log_index=0).item, tmp_path)
    key = Client(site).get("/api/log")["log_key"]
    name, _, _ = key.partition("+")
    witness = "w.example+d8ead1e3+BO3GNC7Y5TBwlLYmQYv1SkVq1QpwPqc1pF1iGgZ3zYwQ"
    wrong = (
        ["--key", key, "--entry", other["entry"]],
        ["--key", f"{name}+00000000+AAAA", "--entry", told["entry"]],
        ["--key", key, "--entry", told["entry"], "--witness", witness],
    )
    for options in wrong:
        answer = run("log", "verify", told["receipt"], *options, "--json")
        assert (answer.exit_code, json.loads(answer.stderr)["code"]) == (6, "log.note_invalid")


def test_a_receipt_is_waited_for_until_a_checkpoint_covers_the_message(
    site, run, signed_up, tmp_path, monkeypatch
):
    """The order is accepted; the sequencer comes a moment later."""
    client = Client(site)
    with pytest.raises(Exception, match="No checkpoint covers") as refused:
        client.text(f"/log/receipt/{signed_up}")
    assert refused.value.code == "log.receipt_not_yet"

    def place(_seconds):
        sequencer.sequence(holder="t", now=timezone.now())

    monkeypatch.setattr("assay.cli.log.time.sleep", place)
    assert get(run, site, signed_up, tmp_path)["bytes"] < 1500


def test_a_receipt_without_its_entry_says_what_is_missing(run, tmp_path):
    (tmp_path / "x.tlog-proof").write_text("x")
    answer = run("log", "verify", str(tmp_path / "x.tlog-proof"), "--key", "k", "--json")
    assert (answer.exit_code, json.loads(answer.stderr)["code"]) == (2, "usage.entry_missing")


def test_play_money_answers_with_the_id_of_its_message(site):
    actions.open_account_for("bob", now=timezone.now())
    given = {"account": "bob", "amount_nano": 7, "idempotency": "x", "now": timezone.now()}
    item = actions.mint(**given)
    assert log.find(item).kind == "books.minted"
    assert actions.mint(**given) == item
