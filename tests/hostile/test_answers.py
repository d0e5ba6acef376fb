"""Servers that never end their answer: a witness to the site, a site to its auditor."""

import itertools
import time

import httpx2
import pytest
from django.utils import timezone

from assay import keys, messages, notes
from audit import mirror
from ledger import actions, log, sequencer
from ledger.models import Witness as Answered
from workers import record

VKEY = notes.verifier_key(
    "w.example", notes.WITNESS_KEY, bytes.fromhex(keys.public_hex(keys.new_key()))
)
SHORT_S = 0.2


def flood():
    """Much at once, for ever."""
    return itertools.repeat(b"x" * 65_536)


def drip():
    """A byte now and then, for ever: no single read takes long."""
    while True:
        time.sleep(SHORT_S / 10)
        yield b"x"


def answering(body, status=200):
    """A transport in whose world every address answers with this body."""
    return httpx2.MockTransport(lambda _: httpx2.Response(status, content=body()))


@pytest.mark.django_db
@pytest.mark.parametrize("status", [200, 409, 422])
@pytest.mark.parametrize("body", [flood, drip])
def test_a_witness_that_never_ends_is_noted_as_silent(body, status, monkeypatch):
    now = timezone.now()
    actions.found(now=now)
    log.record([log.fact(messages.ClockTicked(actions.ms(now)), idempotency="t")])
    sequencer.sequence(holder="t", now=now)
    monkeypatch.setattr(record, "TIME_LIMIT_S", SHORT_S)
    with httpx2.Client(transport=answering(body, status)) as http:
        record.ask(VKEY, "http://w.example", http, now=now)
    said = Answered.objects.get()
    assert said.problem.startswith("It does not answer: http://w.example/")
    assert said.problem.endswith(" without an end in sight.")
    assert (said.size, said.is_dispute, said.evidence) == (0, False, "")


@pytest.mark.parametrize("body", [flood, drip])
def test_a_site_that_never_ends_stops_its_auditor_with_a_clear_error(body, monkeypatch):
    monkeypatch.setattr(mirror, "MOST_ANSWER_BYTES", 1 << 20)
    monkeypatch.setattr(mirror, "ANSWER_LIMIT_S", SHORT_S)
    site = mirror.Site("http://site.example", transport=answering(body))
    with pytest.raises(mirror.Unreachable, match="no end in sight"):
        site.about()
