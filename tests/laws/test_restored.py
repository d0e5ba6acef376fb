"""A site that comes back from an old backup: its first look at a witness stops it, on proof."""

import io
import shutil
import sqlite3
import threading
import time
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as house_settings
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction
from django.utils import timezone

from assay import keys, messages, notes
from ledger import actions, log, queries
from ledger.errors import AnotherHistory, ReceiptNotYet
from ledger.models import Checkpoint, Message
from ledger.models import Witness as Answered
from ledger.sequencer import proofs, sequence, steps
from tests.laws.together import assert_the_tree_is_that_of_the_log
from tests.signing import sign_order
from workers import record

pytestmark = pytest.mark.usefixtures("founded")
RAW = "application/octet-stream"


class Backup:
    """A copy of the database and of the tiles beside it, as somebody took it one night."""

    def __init__(self, folder):
        self.folder = folder
        self.database = folder / "copy.sqlite3"
        self.name = f"{connection.settings_dict['NAME']}_{folder.name}"
        self._copy_tiles(self._tiles(), folder / "tiles")
        self._move(back=False)

    def restore(self):
        self._copy_tiles(self.folder / "tiles", self._tiles())
        self._move(back=True)

    def remove(self):
        if connection.vendor == "postgresql":
            with connection._nodb_cursor() as cursor:
                cursor.execute(f'DROP DATABASE IF EXISTS "{self.name}"')

    def _tiles(self):
        return Path(house_settings.STORAGES["tiles"]["OPTIONS"]["location"])

    def _copy_tiles(self, old, new):
        shutil.rmtree(new, ignore_errors=True)
        shutil.copytree(old, new)

    def _move(self, *, back):
        here = connection.settings_dict["NAME"]
        connections.close_all()
        if connection.vendor == "sqlite":
            old, new = (self.database, here) if back else (here, self.database)
            with closing(sqlite3.connect(old)) as one, closing(sqlite3.connect(new)) as other:
                one.backup(other)
            return
        old, new = (self.name, here) if back else (here, self.name)
        with connection._nodb_cursor() as cursor:
            cursor.execute(f'DROP DATABASE IF EXISTS "{new}" WITH (FORCE)')
            cursor.execute(f'CREATE DATABASE "{new}" TEMPLATE "{old}"')


@pytest.fixture
def backups(tmp_path):
    """Takes a backup; those of a server are gone afterwards."""
    taken = []

    def take():
        taken.append(Backup(tmp_path / f"backup{len(taken)}"))
        return taken[-1]

    yield take
    for one in taken:
        one.remove()


def tick(word):
    body = messages.ClockTicked(actions.ms(timezone.now()))
    with transaction.atomic():
        log.record([log.fact(body, idempotency=word)])
    while sequence(holder="site", now=timezone.now()):
        pass


def order(client, name):
    """Somebody opens an account by a signed order; its id."""
    signed = sign_order(messages.AccountOpen(name), keys.new_key(), idempotency=name)
    answer = client.post("/api/messages", signed.encode(), content_type=RAW)
    assert answer.status_code == 200, answer.content
    return signed.id


def ask_by_command():
    with pytest.raises(CommandError, match=r"log\.another_history"):
        call_command("witnesses", ask=True, stdout=io.StringIO(), stderr=io.StringIO())


def ask_later():
    """The worker's round, at a site that starts a while after its backup was taken."""
    Answered.objects.update(at_ms=actions.ms(timezone.now() - timedelta(hours=1)))
    record.ask_witnesses()


def ask_after_it_wrote_on():
    for word in ("x", "y", "z"):
        tick(word)
    record.ask_witnesses()


@pytest.mark.parametrize("look", [ask_by_command, ask_later, ask_after_it_wrote_on])
def test_a_restored_site_places_nothing_until_a_person_settles_it(
    witness, log_key, client, backups, look
):
    """Guards the stop: without it the log goes on differently under the same name and key."""
    tick("a")
    record.ask_witnesses()
    backup = backups()
    for word in ("b", "c"):
        tick(word)
        record.ask_witnesses()
    lost = queries.log_size()
    backup.restore()
    assert Answered.objects.get().size == queries.log_size() == lost - 2

    look()
    said = Answered.objects.get()
    assert notes.read_checkpoint(said.evidence, log_key).size == lost
    assert notes.signed_by(said.evidence, [witness.vkey]) == [witness.vkey]
    size, signed = queries.log_size(), Checkpoint.objects.count()

    items = [order(client, name) for name in ("ada", "bob")]
    for _ in range(3):
        with pytest.raises(AnotherHistory, match=r"w\.example"):
            sequence(holder="site", now=timezone.now())
        record.ask_witnesses()
    assert (queries.log_size(), Checkpoint.objects.count()) == (size, signed)
    for item in items:
        with pytest.raises(ReceiptNotYet):
            proofs.receipt(item)
        assert client.get(f"/log/receipt/{item}").status_code == 404
    assert client.get("/healthz").status_code == 503

    call_command("witnesses", settle="w.example", stdout=io.StringIO())
    while sequence(holder="site", now=timezone.now()):
        record.ask_witnesses()
    assert client.get("/healthz").status_code == 200
    assert all(client.get(f"/log/receipt/{item}").status_code == 200 for item in items)
    assert list(Message.objects.order_by("log_index")) == list(Message.objects.order_by("id"))
    assert_the_tree_is_that_of_the_log()


def test_a_site_that_comes_back_with_all_it_had_goes_on(witness, backups):
    """The cure of a dispute: the newest database again, and nothing has to be settled."""
    tick("a")
    record.ask_witnesses()
    old = backups()
    tick("b")
    record.ask_witnesses()
    whole = backups()
    old.restore()
    ask_by_command()
    whole.restore()
    call_command("witnesses", ask=True, stdout=io.StringIO())
    tick("c")
    record.ask_witnesses()
    assert not Answered.objects.get().is_dispute
    assert Answered.objects.get().size == queries.log_size()
    assert_the_tree_is_that_of_the_log()


def prove():
    """A witness shows a checkpoint of another history under our key."""
    vkey = notes.verifier_key("w.example", notes.WITNESS_KEY, bytes(32))
    stated = notes.Checkpoint(house_settings.LOG_ORIGIN, 9999, bytes(32))
    note = notes.sign_checkpoint(stated, log.signing_key("log"))
    assert actions.record_evidence(vkey=vkey, note=note, now=timezone.now())


def test_evidence_waits_for_the_step_that_began_before_it(crowd, monkeypatch):
    """Guards the turn that they take: else a place is given after the refusal began."""
    tick("a")
    give, is_in, may_go, found = steps._give_indexes, threading.Event(), threading.Event(), []

    def give_slowly(ids, *, start):
        is_in.set()
        assert may_go.wait(600)
        give(ids, start=start)

    def one(number):
        if number == 0:
            with suppress(AnotherHistory):  # its step 3 may come before or after
                tick("late")
            return
        assert is_in.wait(600)
        threading.Timer(0.5, may_go.set).start()
        prove()
        found.append((may_go.is_set(), queries.log_size(), Checkpoint.objects.count()))

    monkeypatch.setattr(steps, "_give_indexes", give_slowly)
    assert crowd(one, size=2) == []
    assert found == [(True, queries.log_size(), Checkpoint.objects.count())]


def test_many_who_sequence_place_nothing_after_the_evidence_is_stored(crowd):
    tick("a")
    found = []

    def one(number):
        if number == 0:
            time.sleep(0.1)
            prove()
            found.append((queries.log_size(), Checkpoint.objects.count()))
            return
        for step in range(25):
            with suppress(AnotherHistory):
                tick(f"{number}/{step}")

    assert crowd(one) == []
    assert found == [(queries.log_size(), Checkpoint.objects.count())]
    assert queries.waiting_messages() > 0
    actions.settle_dispute("w.example")
    while sequence(holder="site", now=timezone.now() + timedelta(minutes=1)):
        pass
    assert_the_tree_is_that_of_the_log()
