"""The house's keys take each other's place at a message of the log, and everybody follows that."""

from io import StringIO

import httpx2
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import transaction
from django.utils import timezone

from assay import keys, merkle, messages, notes
from assay.keys import public_hex
from assay.succession import KeyNotAnnounced, Succession, rotation_words, successor
from assay.witness import FOLLOW_PATH, PATH, Witness, write_follow, write_request
from ledger import actions, log, queries
from ledger.errors import KeyEnded, LogDamaged, MessageRefused
from ledger.models import Checkpoint, Message
from ledger.sequencer import proofs, sequence
from tests import signing
from workers import record


@pytest.fixture(autouse=True)
def house(db, settings, tmp_path):
    """A house with keys of its own, whose log has begun."""
    settings.KEYS_FOLDER = tmp_path / "keys"
    actions.found(now=timezone.now())
    place_all()
    return settings.KEYS_FOLDER


def place_all():
    while sequence(holder="test", now=timezone.now()):
        pass


def tick(words, count=1):
    for number in range(count):
        with transaction.atomic():
            body = messages.ClockTicked(actions.ms(timezone.now()))
            log.record([log.fact(body, idempotency=f"{words}/{number}")])
    place_all()


def rotate(role, *options):
    told = StringIO()
    call_command("rotate_key", role, *options, stdout=told)
    place_all()
    return told.getvalue()


def folded():
    history = signing.history()
    for raw in queries.entries(0, queries.log_size()):
        history.follow(raw)
    return history


@pytest.mark.parametrize("role", ["operator", "evaluator", "log"])
def test_another_key_signs_at_once_and_all_that_was_signed_before_holds(house, role):
    """The running process, too, signs with the new key: nobody has to start anything anew."""
    tick("before", 2)
    before = log.signing_key(role)
    told = rotate(role)
    after = log.signing_key(role)
    assert public_hex(before) != public_hex(after)
    assert public_hex(after) in told
    path = house / f"{role}.key"
    aside = house / f"{role}.key.retired-{public_hex(before)[:8]}"
    assert public_hex(keys.read_key(aside)) == public_hex(before)
    assert {one.stat().st_mode & 0o777 for one in (path, aside)} == {0o600}
    assert not (house / f"{role}.key.next").exists()
    tick("after", 2)
    folded()
    rotate(role)
    tick("twice", 2)
    folded()


def test_the_old_key_of_the_house_signs_nothing_more(house):
    old = log.signing_key("operator")
    rotate("operator")
    body = messages.ClockTicked(actions.ms(timezone.now()))
    forged = signing.make_item(body, old, idempotency="thief").encode()
    with pytest.raises(LogDamaged) as refusal:
        folded().follow(forged)
    assert refusal.value.facts["code"] == "log.key_revoked"
    (house / "operator.key").unlink()
    keys.write_key(house / "operator.key", old)
    with pytest.raises(KeyEnded), transaction.atomic():
        log.record([log.fact(body, idempotency="thief")])


def test_a_key_that_goes_away_under_a_running_site_is_not_replaced_by_a_new_one(house):
    """Else the site would sign with a key that nobody knows, over the place of the right one."""
    kept = log.signing_key("operator")
    (house / "operator.key").rename(house / "away")
    with pytest.raises(keys.KeyUnusable):
        log.signing_key("operator")
    assert not (house / "operator.key").exists()
    (house / "away").rename(house / "operator.key")
    assert public_hex(log.signing_key("operator")) == public_hex(kept)


def test_an_evaluators_lost_key_is_replaced_by_the_operators_word_and_no_other_lost_key(house):
    (house / "evaluator.key").unlink()
    rotate("evaluator", "--lost")
    for role in ("operator", "log"):
        with pytest.raises(CommandError, match="did not sign"):
            rotate(role, "--lost")
    folded()


@pytest.mark.parametrize("cut", ["before the message", "before the files"])
def test_a_rotation_that_was_cut_off_is_ended_by_the_same_command(house, monkeypatch, cut):
    def killed(*_, **__):
        raise KeyboardInterrupt

    where = (actions, "rotate_house_key") if cut == "before the message" else (keys, "take_next")
    with monkeypatch.context() as away:
        away.setattr(*where, killed)
        with pytest.raises(KeyboardInterrupt):
            rotate("operator")
    rotate("operator")
    assert Message.objects.filter(kind="house.key_rotated").count() == 1
    tick("after")
    folded()


def forged_rotation(role, old, new, *, by):
    """A rotation that both `by` and the new key signed, whoever `old` is."""
    words = rotation_words(role, public_hex(old), public_hex(new))
    signs = (by.sign(words).hex(), new.sign(words).hex())
    return messages.HouseKeyRotated(role, public_hex(old), public_hex(new), *signs, at_ms=1)


@pytest.mark.parametrize("role", ["operator", "evaluator", "log"])
def test_whoever_has_the_operators_key_alone_rotates_no_other_key(house, role):
    """A stolen key of the house leads to no other one."""
    old, thief = log.signing_key(role), keys.new_key()
    for made in (
        forged_rotation(role, old, thief, by=thief),
        forged_rotation(role, thief, keys.new_key(), by=thief),
        forged_rotation(role, old, old, by=old),
        forged_rotation("person", old, thief, by=old),
    ):
        if made.role == "log" and made.old == public_hex(thief):
            continue  # whoever follows checkpoints never knew that key: see below
        with pytest.raises(MessageRefused), transaction.atomic():
            log.record([log.fact(made, idempotency=made.new + made.old)])


# --- checkpoints ------------------------------------------------------------------------------


def test_the_old_key_signs_the_tree_that_ends_with_the_announcement_and_the_new_one_the_rest(
    house, client
):
    first = log.log_vkey_at(10**6)
    with transaction.atomic():
        for number in range(3):
            body = messages.ClockTicked(actions.ms(timezone.now()))
            log.record([log.fact(body, idempotency=str(number))])
    call_command("rotate_key", "log", stdout=StringIO())
    with transaction.atomic():
        log.record([log.fact(body, idempotency="behind")])
    place_all()
    chain = Succession(first)
    for raw in queries.entries(0, queries.log_size()):
        chain.grow(raw)
    last = log.handovers()[0]
    second = chain.newest
    assert chain.known == [first, second]
    assert notes.read_checkpoint(queries.checkpoint_at(last).note, first).size == last
    for row in Checkpoint.objects.order_by("size"):
        chain.need(first if row.size <= last else second, row.size)
        notes.read_checkpoint(row.note, chain.key_at(row.size))
    assert queries.latest_checkpoint().size > last
    about = client.get("/api/log").json()
    assert about["log_key"] == second
    told = [
        (one["key"], one["first"], one["last"]) for one in about["keys"] if one["role"] == "log"
    ]
    assert told == [(first, None, last - 1), (second, last - 1, None)]
    with pytest.raises(KeyNotAnnounced):
        chain.need(first, last + 1)


def test_a_holder_that_died_between_the_places_and_the_checkpoint_leaves_the_handover(
    house, monkeypatch
):
    """Guards that nothing is placed behind an announcement until its checkpoint is signed."""
    call_command("rotate_key", "log", stdout=StringIO())
    with monkeypatch.context() as away:
        away.setattr("ledger.sequencer.steps._publish", lambda _turn: None)
        sequence(holder="dead", now=timezone.now())
    with transaction.atomic():
        body = messages.ClockTicked(actions.ms(timezone.now()))
        log.record([log.fact(body, idempotency="behind")])
    call_command("rotate_key", "operator", stdout=StringIO())
    for _ in range(4):
        sequence(holder="dead", now=timezone.now())
    size = log.handovers()[0]
    assert queries.checkpoint_at(size) is not None
    chain = Succession(log.log_vkey_at(1))
    for raw in queries.entries(0, queries.log_size()):
        chain.grow(raw)
    newest = queries.latest_checkpoint()
    assert newest.size == queries.log_size() > size
    notes.read_checkpoint(newest.note, chain.key_at(newest.size))


def test_a_key_that_nobody_announced_leads_nowhere():
    old, new = keys.new_key(), keys.new_key()
    vkey = notes.verifier_key("a.example/log", notes.LOG_KEY, old.public_key().public_bytes_raw())
    for made in (
        forged_rotation("log", old, new, by=new),
        forged_rotation("log", new, old, by=new),
        forged_rotation("operator", old, new, by=old),
    ):
        raw = signing.make_item(made, new, idempotency="x").encode()
        assert successor(raw, vkey) == ""
    good = signing.make_item(forged_rotation("log", old, new, by=old), new, idempotency="x")
    assert successor(good.encode(), vkey).startswith("a.example/log+")
    assert successor(good.encode()[:-1], vkey) == ""


# --- witnesses --------------------------------------------------------------------------------


@pytest.fixture
def seen(house, witness):
    """A witness that has cosigned the log as it is."""
    record.ask_witnesses()
    assert queries.witness("w.example").problem == ""
    return witness


@pytest.mark.parametrize("often", [1, 2])
def test_a_witness_follows_the_announced_key_and_refuses_the_old_one(seen, often, settings):
    old = log.log_key_at(10**6)
    for number in range(often):
        rotate("log")
        tick(f"after {number}", 2)
    record.ask_witnesses(again_s=0)
    assert queries.witness("w.example").problem == ""
    newest = queries.latest_checkpoint()
    assert seen.memory.last(settings.LOG_ORIGIN)[0] == newest.size
    assert seen.key_of(settings.LOG_ORIGIN) == log.log_vkey_at(newest.size)
    note = queries.cosigned_note(newest)
    assert notes.signed_by(note, [seen.vkey]) == [seen.vkey]
    stolen = notes.sign_checkpoint(
        notes.Checkpoint(settings.LOG_ORIGIN, newest.size, bytes.fromhex(newest.root)), old
    )
    url = settings.WITNESSES[0][1]
    answer = httpx2.post(url + PATH, content=write_request(newest.size, (), stolen))
    assert answer.status_code == 403


def test_a_witness_that_starts_anew_with_the_old_key_goes_on_with_the_one_it_follows(
    seen, settings
):
    """Whoever runs it need not know that the key changed."""
    told = dict(seen.logs)
    rotate("log")
    record.ask_witnesses(again_s=0)
    tick("after")
    record.ask_witnesses(again_s=0)
    again = Witness(seen.name, seen.key, told, seen.memory)
    newest = queries.latest_checkpoint()
    assert again.key_of(settings.LOG_ORIGIN) == log.log_vkey_at(newest.size)
    assert seen.memory.last(settings.LOG_ORIGIN)[0] == newest.size


def test_a_witness_takes_no_key_that_its_last_checkpoint_does_not_end_with(seen, settings):
    """A thief of the old key leads it nowhere but to what it has cosigned."""
    url, origin = settings.WITNESSES[0][1], settings.LOG_ORIGIN
    old, thief = log.log_key_at(10**6), keys.new_key()
    made = forged_rotation("log", old, thief, by=old)
    raw = signing.make_item(made, thief, idempotency="x").encode()
    fork = notes.Checkpoint(origin, 1, merkle.leaf_hash(raw))
    proof = notes.write_proof(0, [], notes.sign_checkpoint(fork, old))
    asked = [write_follow(raw, proof), write_follow(b"x", proof), b"", b"\xff", b"eA==\n\nx"]
    codes = [httpx2.post(url + FOLLOW_PATH, content=one).status_code for one in asked]
    assert codes == [409, 403, 400, 400, 404]
    assert seen.key_of(origin) == log.log_vkey_at(1)
    rotate("log")
    tick("more")
    at = log.handovers()[0]
    item = queries.entries(at - 1, at)[0]
    told = notes.write_proof(at - 1, proofs.inclusion(at - 1, at), queries.checkpoint_at(at).note)
    early = httpx2.post(url + FOLLOW_PATH, content=write_follow(item, told))
    assert early.status_code == 409, "it has not cosigned that checkpoint yet"
    record.ask_witnesses(again_s=0)
    again = httpx2.post(url + FOLLOW_PATH, content=write_follow(item, told))
    assert again.status_code == 200, "sent again, the same answer"


def test_what_a_retired_key_signs_later_is_no_evidence_against_the_log(seen, settings):
    """Else its thief could stop the log by a forged history."""
    old = log.log_key_at(10**6)
    rotate("log")
    tick("after", 2)
    forged = notes.Checkpoint(settings.LOG_ORIGIN, queries.log_size() + 5, bytes(32))
    note = notes.sign_checkpoint(forged, old)
    now = timezone.now()
    assert actions.record_evidence(vkey=seen.vkey, note=note, now=now) is None
    fresh = notes.sign_checkpoint(forged, log.log_key_at(forged.size))
    assert actions.record_evidence(vkey=seen.vkey, note=fresh, now=now) == actions.Evidence.NEW
