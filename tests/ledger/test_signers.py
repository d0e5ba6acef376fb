"""Keys that are remembered decide nothing that the table does not say."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from assay import keys, messages
from ledger import actions, log
from ledger.errors import SignerRefused
from ledger.log import signers
from ledger.models import Key, Message
from tests.factories import NOW

AT_MS = 1_800_000_000_000


@pytest.fixture(autouse=True)
def house(db):
    signers._known.clear()
    actions.found(now=NOW)


def tick(word):
    with transaction.atomic():
        log.record([log.fact(messages.ClockTicked(AT_MS), idempotency=word)])


def operators():
    return Key.objects.filter(role="operator")


def test_the_second_message_of_a_signer_reads_no_key():
    """Guards the speed of an append: the row of a key never changes."""
    signers._known.clear()
    asked = []
    for word in ("one", "two"):
        with CaptureQueriesContext(connection) as told:
            tick(word)
        asked.append([one["sql"] for one in told if one["sql"].startswith("SELECT")])
    first, second = asked
    assert any("ledger_key" in sql for sql in first)
    assert second == []


def test_a_key_that_is_gone_signs_nothing_more_and_nothing_is_written():
    """Guards against a database that was exchanged under a running site."""
    tick("before")
    count = Message.objects.count()
    operators().delete()
    for word in ("after", "again"):
        with pytest.raises(SignerRefused):
            tick(word)
    assert Message.objects.count() == count


@pytest.mark.parametrize("other", [{"role": "evaluator"}, {"account": "evaluators"}])
def test_a_key_that_is_another_in_the_table_is_refused_and_forgotten(other):
    tick("before")
    operators().update(**other)
    with pytest.raises(SignerRefused):
        tick("after")
    assert signers._known == {}


def test_what_is_remembered_is_bounded(monkeypatch):
    monkeypatch.setattr(signers, "MOST_KEYS", 1)
    tick("one")
    evaluator = log.signing_key("evaluator").public_key().public_bytes_raw().hex()
    key = log.Tables().get(type(next(iter(signers._known.values()))), evaluator)
    signers._remember(key)
    assert list(signers._known) == [evaluator]
    tick("two")


def test_a_key_made_ready_signs_as_the_key_does():
    for key in (keys.new_key(), keys.new_key()):
        ready = keys.signer(key)
        assert ready.sign(b"words") == key.sign(b"words")
        assert ready.name == keys.public_hex(key)
