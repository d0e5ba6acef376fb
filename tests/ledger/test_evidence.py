"""A witness that proves another history under our key stops the log; nothing less does."""

import io
import logging
from base64 import b64encode

import httpx2
import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import transaction

from assay import keys, merkle, messages, notes
from assay.witness import checkpoint_path
from ledger import actions, log, queries, sequencer
from ledger.actions import Evidence, witnesses
from ledger.errors import AnotherHistory
from ledger.models import Checkpoint, Message
from ledger.models import Witness as Answered
from ledger.sequencer import tiles
from workers import dispatch, record

pytestmark = pytest.mark.django_db
URL = "http://w.example"
KEY = keys.new_key()
VKEY = notes.verifier_key("w.example", notes.WITNESS_KEY, KEY.public_key().public_bytes_raw())


@pytest.fixture
def now(now):
    for word in "abc":
        grow(word, now)
    return now


@transaction.atomic
def wait(word, now):
    log.record([log.fact(messages.ClockTicked(actions.ms(now)), idempotency=word)])


def grow(word, now):
    wait(word, now)
    sequencer.sequence(holder="t", now=now)


def signed(size, *, root=bytes(32), origin=None, key=None):
    """A checkpoint of another history, by our own key when no other is given."""
    stated = notes.Checkpoint(origin or settings.LOG_ORIGIN, size, root)
    return notes.sign_checkpoint(stated, key or log.signing_key("log"))


def root_of(size):
    return merkle.root([merkle.leaf_hash(raw) for raw in queries.entries(0, size)])


def ask(answer, shown, now):
    """Ask a witness that answers so, and shows this at the address of its last checkpoint."""

    def answers(request):
        if request.method == "POST":
            return answer
        assert request.url.path == checkpoint_path(settings.LOG_ORIGIN)
        return shown if isinstance(shown, httpx2.Response) else httpx2.Response(200, text=shown)

    with httpx2.Client(transport=httpx2.MockTransport(answers)) as http:
        record.ask(VKEY, URL, http, now=now)
    return Answered.objects.get()


def conflict(size):
    return httpx2.Response(409, text=f"{size}\n", headers={"Content-Type": "text/x.tlog.size"})


# --- what is proof --------------------------------------------------------------------------------


@pytest.mark.parametrize("ahead", [-2, 0, 1, 1000])
@pytest.mark.parametrize("status", [409, 422])
def test_a_checkpoint_that_our_key_signed_for_another_history_stops_the_log(now, ahead, status):
    size = queries.log_size() + ahead
    answer = conflict(size) if status == 409 else httpx2.Response(422)
    said = ask(answer, signed(size) + "\u2014 x.example AAAA\n", now)
    assert (said.is_dispute, said.evidence) == (True, signed(size))
    wait("late", now)
    with pytest.raises(AnotherHistory) as refusal:
        sequencer.sequence(holder="t", now=now)
    assert refusal.value.facts == {"witnesses": ["w.example"]}
    assert queries.waiting_messages() == 1


def test_the_witnesss_own_line_is_kept_with_the_evidence(now):
    note = signed(99)
    line = notes.cosign(note, "w.example", KEY, time_s=1)
    said = ask(conflict(99), note + line, now)
    assert said.evidence == note + line
    assert notes.signed_by(said.evidence, [VKEY]) == [VKEY]


def forgeries():
    """Each is shown by a witness that says that it has cosigned 999 entries of ours."""
    stranger = keys.new_key()
    big = bytes(range(32))
    yield "nothing is there", lambda: httpx2.Response(404, text="none\n")
    yield "an error with our checkpoint", lambda: httpx2.Response(500, text=signed(999))
    yield "another place that shows it", lambda: httpx2.Response(302, headers={"Location": "/x"})
    yield "an empty page", lambda: ""
    yield "bytes that are no text", lambda: httpx2.Response(200, content=b"\xff" * 99)
    yield "no signature", lambda: signed(999).partition("\n\n")[0] + "\n\n"
    yield "no blank line", lambda: signed(999).replace("\n\n", "\n")
    yield "a stranger's signature", lambda: signed(999, key=stranger)
    yield "our signature for another log", lambda: signed(999, origin="other.example/log")
    yield "our signature of another size", lambda: signed(99).replace("\n99\n", "\n999\n")
    yield (
        "our signature of another root",
        lambda: signed(999).replace(b64encode(bytes(32)).decode(), b64encode(big).decode()),
    )
    yield (
        "a false line of ours beside the true one",
        lambda: signed(999) + signed(998).partition("\n\n")[2],
    )
    yield "too long to read", lambda: signed(999) + "\u2014 x.example AAAA\n" * 9999
    yield "our newest checkpoint", lambda: queries.latest_checkpoint().note
    yield "an old one of ours", lambda: Checkpoint.objects.earliest("size").note
    yield "a true one of a size that we never signed", lambda: signed(3, root=root_of(3))
    yield "an empty log of ours", lambda: signed(0, root=merkle.EMPTY_ROOT)


@pytest.mark.parametrize(
    "shown", [make for _, make in forgeries()], ids=[n for n, _ in forgeries()]
)
@pytest.mark.parametrize(
    "answer", [lambda: conflict(999), lambda: httpx2.Response(422)], ids=["409", "422"]
)
def test_an_answer_without_proof_only_alarms(now, answer, shown):
    """Guards that whoever answers in a witness's place cannot stop the log."""
    said = ask(answer(), shown(), now)
    assert (said.is_dispute, said.evidence) == (True, "")
    grow("on", now)
    assert queries.waiting_messages() == 0


def test_a_witness_that_breaks_off_while_it_shows_only_alarms(now):
    def answers(request):
        if request.method == "POST":
            return conflict(999)
        raise httpx2.ReadError("gone")

    with httpx2.Client(transport=httpx2.MockTransport(answers)) as http:
        record.ask(VKEY, URL, http, now=now)
    assert Answered.objects.get().is_dispute
    grow("on", now)


@pytest.mark.parametrize("status", [200, 400, 403, 404, 413, 500])
def test_nothing_is_asked_for_after_another_answer(now, status):
    said = ask(httpx2.Response(status), httpx2.Response(200, text=signed(999)), now)
    assert (said.is_dispute, said.evidence) == (False, "")


def test_a_log_that_grew_while_it_asked_is_in_no_dispute(now):
    """The witness cosigned what another of our workers brought: more than we knew at first."""
    grown = []

    def answers(request):
        if request.method == "GET":
            return httpx2.Response(200, text=queries.latest_checkpoint().note)
        if not grown:
            grown.extend(grow(f"more {number}", now) for number in range(10))
        return conflict(queries.log_size())

    with httpx2.Client(transport=httpx2.MockTransport(answers)) as http:
        record.ask(VKEY, URL, http, now=now)
    said = Answered.objects.get()
    assert (said.is_dispute, said.evidence) == (False, "")
    assert said.problem == "It answers with HTTP 409."


def test_a_checkpoint_that_is_stored_while_the_evidence_waits_its_turn_is_no_proof(
    now, monkeypatch
):
    """Guards the second look under the lock: what we knew before it is old by then."""
    wait("next", now)
    raws = [*queries.entries(0, 99), bytes(Message.objects.get(log_index=None).raw)]
    root = merkle.root([merkle.leaf_hash(raw) for raw in raws])
    note = signed(len(raws), root=root)
    turn = witnesses.only_one_at_a_time

    def wait_for_turn(job):
        sequencer.sequence(holder="t", now=now)
        turn(job)

    monkeypatch.setattr(witnesses, "only_one_at_a_time", wait_for_turn)
    assert actions.record_evidence(vkey=VKEY, note=note, now=now) is None
    assert not queries.evidence_holders()


# --- what a stop is -------------------------------------------------------------------------------


def test_the_first_evidence_stays_until_it_is_settled_and_is_then_no_news(now):
    """Guards that an old proof, played again by anybody, cannot stop the log once more."""
    first, second = signed(99), signed(100)
    assert actions.record_evidence(vkey=VKEY, note=first, now=now) == Evidence.NEW
    assert actions.record_evidence(vkey=VKEY, note=second, now=now) == Evidence.KEPT
    ask(httpx2.Response(500), "", now)
    said = Answered.objects.get()
    assert (said.evidence, "99 entries" in said.problem) == (first, True)
    assert actions.settle_dispute("w.example")
    assert not actions.settle_dispute("w.example")
    said = ask(conflict(99), first, now)
    assert (said.is_dispute, said.evidence, said.settled) == (False, "", first)
    assert "settled" in said.problem
    other = notes.verifier_key("v.example", notes.WITNESS_KEY, bytes(32))
    assert actions.record_evidence(vkey=other, note=first, now=now) == Evidence.SETTLED
    assert not queries.evidence_holders()
    assert actions.record_evidence(vkey=VKEY, note=second, now=now) == Evidence.NEW
    assert actions.settle_dispute("w.example")
    assert actions.record_evidence(vkey=VKEY, note=first, now=now) == Evidence.SETTLED


def test_an_alarm_after_a_settled_dispute_does_not_stop_the_log_again(now):
    actions.record_evidence(vkey=VKEY, note=signed(99), now=now)
    actions.settle_dispute("w.example")
    said = ask(conflict(99), httpx2.Response(503), now)
    assert said.is_dispute
    grow("on", now)


def test_evidence_that_comes_while_tiles_are_written_lets_no_checkpoint_be_signed(now, monkeypatch):
    """Guards the second look: step 1 was over before the witness was asked."""
    grown = tiles.grow

    def grow_and_be_told(*sizes):
        grown(*sizes)
        actions.record_evidence(vkey=VKEY, note=signed(99), now=now)

    before = queries.latest_checkpoint()
    wait("late", now)
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(tiles, "grow", grow_and_be_told)
        with pytest.raises(AnotherHistory):
            sequencer.sequence(holder="t", now=now)
    with pytest.raises(AnotherHistory):
        sequencer.sequence(holder="t", now=now)
    assert queries.latest_checkpoint() == before
    actions.settle_dispute("w.example")
    assert sequencer.sequence(holder="t", now=now) == 0
    assert queries.latest_checkpoint().size == queries.log_size() == before.size + 1


def test_a_stopped_log_is_told_on_every_page_that_tells_its_state(now, client):
    assert client.get("/healthz").json()["sequencing"] == "ok"
    actions.record_evidence(vkey=VKEY, note=signed(99), now=now)
    wait("late", now)
    answer = client.get("/healthz")
    told = answer.json()
    assert (answer.status_code, told["database"], told["sequencing"]) == (503, "ok", "refused")
    assert told["refusal"]["code"] == "log.another_history"
    assert "--settle NAME" in told["refusal"]["next"]
    assert (told["waiting"], told["witness_disputes"]) == (1, ["w.example"])
    page = client.get("/log/").content.decode()
    assert "No message gets a place now." in page
    assert signed(99).split("\n")[2] in page.replace("&#x2B;", "+")
    out = io.StringIO()
    with pytest.raises(CommandError, match=r"log\.another_history: w\.example"):
        call_command("witnesses", stdout=out)
    assert signed(99) in out.getvalue()


def test_the_worker_tells_a_refusal_once_and_once_that_it_is_over(now, monkeypatch, caplog):
    monkeypatch.setattr(dispatch.bell, "ring", lambda: pytest.fail("nobody can do anything"))
    monkeypatch.setattr(dispatch, "_told", [])
    caplog.set_level(logging.WARNING)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            ask(conflict(99), signed(99), now)
        assert len(caplog.records) == 1
        for number in range(3):
            wait(f"late {number}", now)
            dispatch.follow()
        assert len(caplog.records) == 2
        actions.settle_dispute("w.example")
        for number in range(3):
            wait(f"later {number}", now)
            dispatch.follow()
        assert len(caplog.records) == 3
    assert [one.levelname for one in caplog.records] == ["ERROR", "ERROR", "WARNING"]
    assert "log.another_history" in caplog.records[1].getMessage()
    assert queries.waiting_messages() == 0
