"""The site and its witnesses: lines under the checkpoint, and a second history that is caught."""

import io
from functools import partial

import httpx2
import pytest
from django.core.management import CommandError, call_command

from assay import keys, merkle, messages, notes
from assay.witness import write_request
from config import env
from ledger import actions, log, queries, sequencer
from ledger.models import Checkpoint, Cosignature, Edge, Message
from ledger.models import Witness as Answered
from workers import record

pytestmark = pytest.mark.django_db


def grow(word, now):
    log.record([log.fact(messages.ClockTicked(actions.ms(now)), idempotency=word)])
    sequencer.sequence(holder="t", now=now)


def test_a_witness_signs_each_checkpoint_and_its_line_is_shown(
    witness, now, client, log_key, django_capture_on_commit_callbacks
):
    for word in "abc":
        grow(word, now)
        record.ask_witnesses()
        note = client.get("/log/checkpoint").content.decode()
        assert notes.signed_by(note, [log_key, witness.vkey]) == [log_key, witness.vkey]
        assert notes.read_checkpoint(note, log_key).size == queries.log_size()
    assert Cosignature.objects.count() == 3
    page = client.get("/log/").content.decode()
    assert "w.example" in page
    assert "cosigns" in page
    assert client.get("/healthz").json()["witness_disputes"] == []


def test_a_receipt_comes_under_a_witnessed_checkpoint_and_the_newest_stays_to_be_seen(
    witness, now, client, log_key
):
    grow("a", now)
    record.ask_witnesses()
    covered = queries.log_size()
    grow("b", now)
    entry = Message.objects.get(log_index=2)
    proof = client.get(f"/log/receipt/{entry.item}").content.decode()
    leaf = merkle.leaf_hash(bytes(entry.raw))
    assert notes.check_proof(proof, log_key, leaf, witnesses=[witness.vkey]) == 2
    assert f"\n{covered}\n" in proof
    assert f"\n{covered + 1}\n" in client.get("/log/checkpoint").content.decode()
    witnessed = client.get("/log/witnessed").content.decode()
    assert f"\n{covered}\n" in witnessed
    last = Message.objects.get(log_index=covered)
    fresh = client.get(f"/log/receipt/{last.item}").content.decode()
    leaf = merkle.leaf_hash(bytes(last.raw))
    with pytest.raises(notes.NoteInvalid, match="no cosignature"):
        notes.check_proof(fresh, log_key, leaf, witnesses=[witness.vkey])


def test_a_site_that_forgot_what_a_witness_signed_learns_it_from_the_409(witness, now):
    grow("a", now)
    record.ask_witnesses()
    Answered.objects.all().delete()
    grow("b", now)
    record.ask_witnesses()
    assert Answered.objects.get().size == queries.log_size()


def test_a_site_that_shows_a_second_history_is_caught_by_the_witness(witness, now, client):
    """Guards the split view: one log key, two histories, and nobody gets both cosigned."""
    grow("a", now)
    record.ask_witnesses()
    grow("b", now)
    size = queries.log_size()
    other = [merkle.leaf_hash(f"{word} of another history".encode()) for word in range(size)]
    sign_another_history(other)
    record.ask_witnesses()
    note = client.get("/log/checkpoint").content.decode()
    assert notes.signed_by(note, [witness.vkey]) == []
    said = Answered.objects.get()
    assert (said.is_dispute, "does not extend" in said.problem) == (True, True)
    assert client.get("/healthz").json()["witness_disputes"] == ["w.example"]
    assert "has seen another history" in client.get("/log/").content.decode()


def sign_another_history(leaves):
    """What an operator would do who shows somebody else another log: the key is his own."""
    root = merkle.root(leaves)
    signed = notes.Checkpoint(queries.latest_checkpoint().note.split("\n")[0], len(leaves), root)
    note = notes.sign_checkpoint(signed, log.signing_key("log"))
    Checkpoint.objects.filter(size=len(leaves)).update(root=root.hex(), note=note)
    Edge.objects.update(size=len(leaves))


def test_a_site_restored_from_an_old_backup_is_in_dispute_until_somebody_settles_it(
    witness, now, log_key
):
    """The witness cosigned five entries more, which the backup does not have."""
    grow("a", now)
    record.ask_witnesses()
    leaves = [merkle.leaf_hash(bytes(row.raw)) for row in queries.messages_from(0, limit=99)]
    lost = [*leaves, *(merkle.leaf_hash(f"lost {number}".encode()) for number in range(5))]
    signed = notes.Checkpoint(log_key.partition("+")[0], len(lost), merkle.root(lost))
    note = notes.sign_checkpoint(signed, log.signing_key("log"))
    body = write_request(len(leaves), merkle.consistency(len(leaves), lost), note)
    assert witness.add_checkpoint(body, time_s=1).status == 200
    grow("b", now)
    record.ask_witnesses()
    assert Answered.objects.get().is_dispute
    with pytest.raises(CommandError, match=r"log\.another_history: w\.example"):
        call_command("witnesses", stdout=io.StringIO())
    call_command("witnesses", settle="w.example", stdout=io.StringIO())
    assert not Answered.objects.get().is_dispute
    with pytest.raises(CommandError, match="no dispute"):
        call_command("witnesses", settle="w.example", stdout=io.StringIO())


def test_a_witness_that_is_away_holds_nothing_up(now, settings, client, log_key):
    key = notes.verifier_key("w.example", notes.WITNESS_KEY, bytes(32))
    settings.WITNESSES = ((key, "http://127.0.0.1:9"),)
    grow("a", now)
    record.ask_witnesses()
    assert "does not answer" in Answered.objects.get().problem
    note = client.get("/log/checkpoint").content.decode()
    assert notes.signed_by(note, [log_key]) == [log_key]


def test_who_asks_all_witnesses_hears_whether_each_of_them_cosigned(witness, now, settings):
    call = partial(call_command, "witnesses", ask=True, stdout=io.StringIO())
    grow("a", now)
    call()
    call()
    assert Answered.objects.get().size == queries.log_size()
    away = notes.verifier_key("v.example", notes.WITNESS_KEY, bytes(32))
    settings.WITNESSES = (*settings.WITNESSES, (away, "http://127.0.0.1:9"))
    with pytest.raises(CommandError, match=r"not cosigned by v\.example\."):
        call()
    settings.WITNESSES = ()
    with pytest.raises(CommandError, match="nobody to ask"):
        call()


def test_who_has_no_checkpoint_has_nothing_to_ask_about(witness):
    with pytest.raises(CommandError, match="nothing to ask about"):
        call_command("witnesses", ask=True, stdout=io.StringIO())


def test_a_line_that_is_not_over_our_checkpoint_is_not_shown(now, settings, client):
    key = keys.new_key()
    vkey = notes.verifier_key("w.example", notes.WITNESS_KEY, key.public_key().public_bytes_raw())
    grow("a", now)
    lie = notes.cosign("another\n1\nroot\n\n", "w.example", key, time_s=1)
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, text=lie))
    with httpx2.Client(transport=transport) as http:
        record.ask(vkey, "http://w.example", http, now=now)
    assert Cosignature.objects.count() == 0
    assert "does not verify" in Answered.objects.get().problem


def test_the_environment_names_witnesses_by_key_and_address_and_nothing_else(witness, log_key):
    listed = f"{witness.vkey} https://w.example/, {witness.vkey} http://127.0.0.1:8100"
    assert env.read({"ASSAY_WITNESSES": listed})
    assert env.witnesses(listed) == (
        (witness.vkey, "https://w.example"),
        (witness.vkey, "http://127.0.0.1:8100"),
    )
    assert env.witnesses("") == ()
    for wrong in (witness.vkey, f"{witness.vkey} w.example", f"{log_key} https://x", "x https://x"):
        with pytest.raises(env.SettingInvalid):
            env.read({"ASSAY_WITNESSES": wrong})
