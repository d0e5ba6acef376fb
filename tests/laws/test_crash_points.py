"""kill -9 between any two steps: nothing is lost, doubled or reordered. docs/ledger.md 2.4.

Each case runs a job again and again in a process of its own, killed one step later every time,
until it reaches its end; after each death whoever comes next must find everything in order.
"""

from datetime import timedelta
from itertools import count

import pytest
from django.core.files.base import ContentFile
from django.db import transaction
from django.test import Client
from django.utils import timezone

from assay import keys, merkle, messages
from config.management.commands.replay import as_text
from ledger import actions, log, queries
from ledger.blobs import folder
from ledger.errors import TilesOfAnotherLog
from ledger.models import Checkpoint, Edge, Lease, Message
from ledger.sequencer import sequence, steps, tiles
from tests import factories
from tests.laws import mortal_site
from tests.laws.mortal import FOR_EVER, dies_at, post
from tests.laws.servers import BUDGETS, Servers
from tests.laws.together import assert_the_tree_is_that_of_the_log
from tests.signing import sign_order
from web.allowances import budgets
from workers import dispatch

pytestmark = pytest.mark.slow

LEAST = {
    "sequencer": 20,
    "web": 12,
    "server": 20,
    "dispatcher": 8,
}  # fewer steps: the counter sees too little
LATER = timedelta(seconds=steps.LEASE_S + 1)


@pytest.fixture
def sent(tmp_path):
    """The file that notes each task that was sent."""
    file = tmp_path / "sent"
    file.touch()
    return file


@transaction.atomic
def write(words):
    body = messages.ClockTicked(actions.ms(timezone.now()))
    fact = log.fact(body, idempotency=words)
    log.record([fact])
    return fact.id


def place_all(now):
    while sequence(holder="next", now=now):
        pass


def assert_the_tiles_are_those_of_the_log():
    """Every tile of every checkpoint is served, with the hashes of its entries."""
    raws = queries.entries(0, queries.log_size())
    leaves = [merkle.leaf_hash(raw) for raw in raws]
    for size in Checkpoint.objects.values_list("size", flat=True):
        for index, width in merkle.tile_widths(size):
            part = slice(index * merkle.TILE, index * merkle.TILE + width)
            assert tiles.hash_tile(0, index, width) == b"".join(leaves[part])
            bundle = b"".join(len(raw).to_bytes(2, "big") + raw for raw in raws[part])
            assert tiles.entries_tile(index, width) == bundle


def test_a_sequencer_killed_at_any_step_leaves_what_the_next_one_finishes(founded, sent):
    """Guards the order of its three steps, the fence, and that tiles are whole or absent."""
    words = [write(f"before/{number}") for number in range(248)]
    place_all(timezone.now())
    notes = {}
    for step in count(1):
        words += [write(f"{step}/{part}") for part in range(2)]
        now = timezone.now()
        is_dead = dies_at(step, lambda: sequence(holder="mortal", now=timezone.now()), sent)
        place_all(now + LATER)
        found = dict(Checkpoint.objects.values_list("size", "note"))
        assert notes.items() <= found.items(), "a checkpoint that was signed never changes"
        notes = found
        if not is_dead:
            break
    assert step > LEAST["sequencer"]
    ticks = Message.objects.filter(kind="clock.ticked").order_by("log_index")
    assert [*ticks.values_list("item", flat=True)] == words, "lost, doubled or reordered"
    assert queries.log_size() > merkle.TILE, "a tile became full on the way"
    assert_the_tree_is_that_of_the_log()
    assert_the_tiles_are_those_of_the_log()


def test_a_web_process_killed_at_any_step_has_taken_an_order_or_not(
    founded, replay, sent, settings
):
    """Guards that an order and its facts are one transaction, and that it may be sent again."""
    settings.BUDGETS = budgets(BUDGETS)
    for step in count(1):
        name, key = f"guest{step}", keys.new_key()
        order = sign_order(messages.AccountOpen(name), key, idempotency="open")
        raw = order.encode()
        is_dead = dies_at(step, lambda raw=raw: post(raw), sent)
        kinds = [*Message.objects.filter(cause=order.id).values_list("kind", flat=True)]
        assert kinds in ([], ["account.opened", "key.added"])
        assert Message.objects.filter(item=order.id).count() == bool(kinds)
        assert post(raw) == post(raw) == {
            "id": order.id, "kind": "account.open", "receipt": f"/log/receipt/{order.id}",
            "result": {"account": name},
        }  # fmt: skip
        assert Message.objects.filter(cause=order.id).count() == 2
        if not is_dead:
            break
    assert step > LEAST["web"]
    place_all(timezone.now() + LATER)
    report = replay()
    assert report.is_equal, as_text(report)


def test_a_server_killed_while_an_order_is_in_flight_has_taken_it_or_not(founded, replay):
    """The same of uvicorn and config.asgi, by a socket: whoever sends again loses nothing."""
    wanted = []
    with Servers() as servers:
        server = servers.next()
        for step in count(1):
            order = sign_order(messages.AccountOpen(f"a{step}"), keys.new_key(), idempotency="open")
            mortal_site.STEPS.write_text(str(step))
            first = server.send(order.encode())
            is_dead = server.is_dead()
            facts = Message.objects.filter(cause=order.id).order_by("id")
            assert [*facts.values_list("kind", flat=True)] in ([], ["account.opened", "key.added"])
            assert Message.objects.filter(item=order.id).count() == facts.exists()
            assert facts.exists() if first else is_dead, "what is answered is there"
            server = servers.next() if is_dead else server
            second, third = (server.send(order.encode()) for _ in range(2))
            assert second == third == (first or second)
            assert (second["id"], second["receipt"]) == (order.id, f"/log/receipt/{order.id}")
            wanted += [order.id, *facts.values_list("item", flat=True)]
            assert len(wanted) == 3 * step
            if not is_dead:
                break
    assert step > LEAST["server"]
    place_all(timezone.now() + LATER)
    placed = Message.objects.filter(log_index__gte=5).order_by("log_index")
    assert [*placed.values_list("item", flat=True)] == wanted, "lost, doubled or reordered"
    assert Client().get(second["receipt"]).status_code == 200
    report = replay()
    assert report.is_equal, as_text(report)


def test_a_dispatcher_killed_at_any_step_sends_every_task_in_order(founded, sent):
    """Guards that the bookmark moves after the sends: the other way round a task is lost."""
    place_all(factories.NOW)
    wanted = []
    for step in count(1):
        factories.competition(f"docs-{step}", f"sponsor-{step}", quota=1000)
        factories.scored("miner", f"docs-{step}", number=step)
        wanted.append(f"move_contest docs-{step}")
        place_all(timezone.now() + LATER * step)
        is_dead = dies_at(step, dispatch.follow, sent)
        dies_at(FOR_EVER, dispatch.follow, sent)
        if not is_dead:
            break
    assert step > LEAST["dispatcher"]
    told = [line for line in sent.read_text().splitlines() if line.startswith("move_contest")]
    assert list(dict.fromkeys(told)) == wanted, "lost or reordered"
    assert queries.next_index("dispatch") == queries.log_size()


# --- the table of crashes, row by row -------------------------------------------------------------


def test_a_message_that_was_committed_and_not_placed_is_placed(founded):
    item = write("alone")
    assert log.index_of(item) is None
    place_all(timezone.now())
    assert log.index_of(item) == queries.log_size() - 1


def test_indexes_without_tiles_are_published_by_the_next_holder_once_the_lease_is_over(founded):
    now = timezone.now()
    assert steps._place(holder="dead", now=now, limit=4096).placed == 5
    assert (Edge.objects.get().tiled_size, Checkpoint.objects.count()) == (0, 0)
    assert sequence(holder="next", now=now) == 0
    assert Checkpoint.objects.count() == 0, "the lease is another's"
    sequence(holder="next", now=now + LATER)
    assert (Edge.objects.get().tiled_size, Checkpoint.objects.get().size) == (5, 5)
    assert_the_tiles_are_those_of_the_log()


def test_tiles_without_a_checkpoint_are_written_again_with_the_same_bytes(founded):
    now = timezone.now()
    turn = steps._place(holder="dead", now=now, limit=4096)
    tiles.grow(0, turn.size, queries.entries)
    before = tiles.hash_tile(0, 0, 5)
    sequence(holder="next", now=now + LATER)
    assert tiles.hash_tile(0, 0, 5) == before
    assert_the_tree_is_that_of_the_log()


def test_a_checkpoint_signed_twice_is_the_same_text(founded):
    """Guards against a split view: the signature must not depend on when it is made."""
    turn = steps._place(holder="dead", now=timezone.now(), limit=4096)
    tiles.grow(0, turn.size, queries.entries)
    notes = set()
    for _ in range(2):
        with transaction.atomic():
            steps._publish(turn)
            notes.add(Checkpoint.objects.get().note)
            transaction.set_rollback(True)
    assert len(notes) == 1


def test_a_holder_that_wakes_up_late_writes_nothing(founded):
    now = timezone.now()
    late = steps._place(holder="late", now=now, limit=2)
    sequence(holder="next", now=now + LATER)
    before = [*Checkpoint.objects.values()], Edge.objects.get().tiled_size
    steps._publish(late)
    assert ([*Checkpoint.objects.values()], Edge.objects.get().tiled_size) == before
    assert Lease.objects.get(job=steps.JOB).holder == "next"


def test_a_database_from_an_old_backup_is_not_signed_over_the_tiles_of_the_newer_one(founded):
    """Guards the written-once rule: the same size with other entries would be a split view."""
    write("will be lost")
    place_all(timezone.now())
    with transaction.atomic():
        write("other history")
        place_all(timezone.now())
        transaction.set_rollback(True)  # the backup is older than the tiles
    write("written after the restore")
    with pytest.raises(TilesOfAnotherLog, match="of another log"):
        place_all(timezone.now() + LATER)
    assert Checkpoint.objects.order_by("size").last().size == 6


def test_half_a_file_is_never_under_the_name_of_a_tile(founded, monkeypatch, tmp_path):
    """Guards that a tile is renamed into place once it is on the disk."""
    kept = folder.FolderStorage(location=tmp_path, allow_overwrite=True)

    def power_cut(_):
        raise OSError("no power")

    monkeypatch.setattr(folder.os, "fsync", power_cut)
    with pytest.raises(OSError, match="no power"):
        kept.save("tile/0/000", ContentFile(b"x" * 100))
    assert not kept.exists("tile/0/000")
