"""The sequencer: every committed message gets one place, and no reader skips one."""

import threading
from datetime import timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from assay import messages
from ledger import actions, log, queries
from ledger.models import Checkpoint, Lease, Message
from ledger.sequencer import sequence, steps
from tests.laws.together import assert_the_tree_is_that_of_the_log

WRITERS, EACH = 8, 12


@transaction.atomic
def write(word):
    body = messages.ClockTicked(actions.ms(timezone.now()))
    log.record([log.fact(body, idempotency=word)])


def place_all():
    while sequence(holder="site", now=timezone.now() + timedelta(days=1)):
        pass


def test_eight_writers_and_eight_sequencers_make_one_dense_log(founded, crowd):
    """Guards the lease's row lock: without it two sequencers give the same indexes."""

    def write_and_sequence(number):
        for turn in range(EACH):
            write(f"{number}/{turn}")
            if turn % 3 == 0:
                sequence(holder=f"site{number}", now=timezone.now() + timedelta(hours=number))

    assert crowd(write_and_sequence, size=WRITERS) == []
    place_all()
    assert Message.objects.filter(kind="clock.ticked").count() == WRITERS * EACH
    assert_the_tree_is_that_of_the_log()


def test_the_messages_of_one_action_keep_their_order(founded):
    now = timezone.now()
    for name in ("ada", "bob"):
        actions.open_account_for(name, now=now)
    place_all()
    kinds = [row.kind for row in queries.messages_from(5, limit=9)]
    assert kinds == ["account.open", "account.opened"] * 2


def test_a_batch_larger_than_the_limit_takes_several_turns(founded):
    now = timezone.now()
    assert [sequence(holder="site", now=now, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert_the_tree_is_that_of_the_log()


def test_another_holder_waits_until_the_lease_is_over(founded):
    """Guards the condition on `until`: a second holder must not sequence beside the first."""
    now = timezone.now()
    paused = steps._place(holder="one", now=now, limit=1)
    assert paused.placed == 1
    assert sequence(holder="two", now=now + timedelta(seconds=9), limit=1) == 0
    assert sequence(holder="two", now=now + timedelta(seconds=11), limit=1) == 1
    steps._publish(paused)
    assert [one.size for one in Checkpoint.objects.all()] == [2], "its fence is stale"
    assert Lease.objects.get(job="sequencer").holder == "two"
    assert sequence(holder="three", now=now + timedelta(seconds=12), limit=1) == 1


def test_a_sequencer_that_dies_before_its_commit_leaves_nothing_behind(founded):
    with transaction.atomic():
        assert sequence(holder="site", now=timezone.now()) == 5
        transaction.set_rollback(True)
    assert (queries.waiting_messages(), Checkpoint.objects.count()) == (5, 0)
    place_all()
    assert_the_tree_is_that_of_the_log()


@pytest.mark.postgres
def test_a_writer_that_commits_late_is_not_skipped(founded):
    """Guards that readers follow the log index: by row id the early row would be lost for ever."""
    place_all()
    start = queries.log_size()
    written, go_on = threading.Event(), threading.Event()

    def write_slowly():
        with transaction.atomic():
            write("early")
            written.set()
            assert go_on.wait(600)
        connections.close_all()

    slow = threading.Thread(target=write_slowly, daemon=True)
    slow.start()
    assert written.wait(600)
    write("late")
    place_all()
    seen = [row.pk for row in queries.messages_from(start, limit=9)]
    go_on.set()
    slow.join(600)
    place_all()
    seen += [row.pk for row in queries.messages_from(start + len(seen), limit=9)]
    assert len(seen) == 2
    assert seen[0] > seen[1], "the late one has its place first, and the early one is still read"
    assert_the_tree_is_that_of_the_log()
