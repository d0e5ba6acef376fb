"""The whole routing table: which message asks for which work."""

import logging
import os
import socket
from collections.abc import Mapping

from celery import shared_task
from django.utils import timezone

from competitions import queries as contests
from ledger import actions, bell, queries, sequencer
from ledger.errors import AnotherHistory
from workers import doorbell
from workers.doorbell import Bell

# Task, and the field of the message that leads to its competition; a bell needs none.
ROUTES: Mapping[str, tuple[str, str]] = {
    "submission.committed": ("workers.tasks.score_next", ""),
    "submission.scored": ("workers.steps.move_contest", "submission"),
    "submission.eliminated": ("workers.steps.move_contest", "submission"),
    "submission.resumed": ("workers.tasks.score_next", ""),
    "submission.refused": ("workers.steps.move_contest", "submission"),
    "competition.closed": ("workers.steps.move_contest", "competition"),
    "results.opened": ("workers.steps.move_contest", "competition"),
    "competition.verifying": ("workers.tasks.score_next", ""),
    "submission.final_scored": ("workers.steps.move_contest", "submission"),
    "baseline.scored": ("workers.steps.move_contest", "competition"),
    "competition.settled": ("workers.steps.license_winners", "competition"),
}
MOST_AT_ONCE = 500

_LOG = logging.getLogger(__name__)
_told: list[str] = []  # the refusal that the log of this process tells; empty when there is none


@shared_task(base=Bell, name="workers.dispatch.follow")
def follow() -> int:
    """Sequence what waits, then send the tasks that the new messages ask for, each once.

    Rung by the bell and by the sweep. It looks until nothing waits: whoever appends while an
    earlier message waits rings no bell.
    The bookmark moves after the sends: a crash in between sends twice, never not at all.
    """
    is_placed = _place()
    start = queries.next_index("dispatch")
    messages = list(queries.messages_from(start, limit=MOST_AT_ONCE))
    routed = [(message, *ROUTES[message.kind]) for message in messages if message.kind in ROUTES]
    asked = [
        (task, _competition(queries.subject_of(message, field), field) if field else "")
        for message, task, field in routed
    ]
    for task, competition in dict.fromkeys(asked):
        doorbell.send(task, *filter(None, [competition]))
    if messages:
        last = messages[-1].log_index
        assert last is not None, "messages_from gives sequenced messages"
        actions.advance("dispatch", old=start, new=last + 1)
    now = timezone.now()
    if contests.previews_waiting(now).exists():  # a request is no message of the log
        doorbell.send("workers.tasks.preview_next")
    if contests.drafts_waiting(now).exists():
        doorbell.send("workers.tasks.prepare_next")
    if is_placed and queries.waiting_messages():
        bell.ring()  # for what came while the last turn ended: its bell was not rung
    return len(messages)


def _competition(subject: str, field: str) -> str:
    """The competition that a message is about, or that its entry is in."""
    return contests.submission(subject).competition if field == "submission" else subject


def _place() -> bool:
    """Sequence until nothing waits. False: the sequencer cannot, and what it placed is still sent.

    Whatever is wrong with it, a full disk or one odd message, work that has its place is done.

    The log of this process tells when a refusal begins and when it is over, not each turn of it.
    """
    try:
        while sequencer.sequence(holder=holder(), now=timezone.now()):
            if _told:
                _told.clear()
                _LOG.warning("The sequencer goes on.")
    except AnotherHistory as error:
        _tell(f"{error.code}: {error} {error.next_step}")
        return False
    except Exception as error:  # noqa: BLE001 - told aloud; the work that has its place goes on
        _tell(f"The sequencer stops: {type(error).__name__}: {error}")
        return False
    return True


def _tell(refusal: str) -> None:
    """Once for each refusal; with the way to the line that made it, when there is one."""
    if [refusal] != _told:
        _told[:] = [refusal]
        _LOG.error(refusal, exc_info=True)


def holder() -> str:
    """Who this process is, for leases."""
    return f"{socket.gethostname()}/{os.getpid()}"
