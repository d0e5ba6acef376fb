"""The whole routing table: which message asks for which work."""

import os
import socket
from collections.abc import Mapping

from celery import Task, shared_task
from django.utils import timezone

from competitions import queries as contests
from ledger import actions, bell, queries, sequencer
from workers import tasks

ROUTES: Mapping[str, tuple[Task, str]] = {
    "submission.committed": (tasks.score_entries, "competition"),
    "submission.scored": (tasks.move_contest_of, "submission"),
    "submission.eliminated": (tasks.move_contest_of, "submission"),
    "submission.resumed": (tasks.score_entries, "competition"),
    "submission.refused": (tasks.move_contest_of, "submission"),
    "submission.failed": (tasks.move_contest_of, "submission"),
    "competition.closed": (tasks.move_contest, "competition"),
    "competition.verifying": (tasks.score_entries, "competition"),
    "submission.final_scored": (tasks.move_contest_of, "submission"),
    "baseline.scored": (tasks.move_contest, "competition"),
    "competition.settled": (tasks.license_winners, "competition"),
}
MOST_AT_ONCE = 500


@shared_task(name="workers.dispatch.follow")
def follow() -> int:
    """Sequence what waits, then send one task for each new message. Rung by the bell and by beat.

    It looks until nothing waits: whoever appends while an earlier message waits rings no bell.
    The bookmark moves after the sends: a crash in between sends twice, never not at all.
    """
    while sequencer.sequence(holder=holder(), now=timezone.now()):
        pass
    start = queries.next_index("dispatch")
    messages = list(queries.messages_from(start, limit=MOST_AT_ONCE))
    for message in messages:
        if route := ROUTES.get(message.kind):
            task, subject = route
            task.delay(queries.subject_of(message, subject))
    if messages:
        last = messages[-1].log_index
        assert last is not None, "messages_from gives sequenced messages"
        actions.advance("dispatch", old=start, new=last + 1)
    if contests.drafts_waiting(timezone.now()).exists():  # a request is no message of the log
        tasks.prepare_drafts.delay()
    if queries.waiting_messages():  # it came while the last turn ended, and its bell was not rung
        bell.ring()
    return len(messages)


def holder() -> str:
    """Who this process is, for leases."""
    return f"{socket.gethostname()}/{os.getpid()}"
