"""A miner asks for the full run of an eliminated entry."""

from datetime import datetime

from django.db import transaction

from assay import messages
from assay.wire import Nano
from competitions import queries
from competitions.actions import queue
from competitions.actions.moment import contest_row, next_ms
from competitions.actions.queue import Run
from competitions.errors import (
    DepositDiffers,
    NotEliminated,
    NotOwner,
    SubmissionClosed,
    SubmissionUnknown,
)
from competitions.models import Evaluation
from competitions.rules import escrow
from competitions.rules.entries import ON_DEPOSIT
from competitions.rules.fold import fold
from competitions.rules.rows import Competition, Phase, State, Submission
from competitions.rules.spec import deposit_nano
from ledger import log
from ledger.rules.entry import Entry


@transaction.atomic
def resume(order: Entry, *, now: datetime) -> Submission:
    """Run an eliminated entry in full against a deposit; the same order, the same submission.

    order   submission.resume of the entry's owner
    raises  SubmissionUnknown, NotOwner, NotEliminated, SubmissionClosed, DepositDiffers, Overdrawn
    """
    entry = queries.entry_row(order.body.submission)
    if entry is None:
        raise SubmissionUnknown("There is no such submission.", submission=order.body.submission)
    contest = contest_row(entry.competition)
    entry = queries.entry_row(entry.id)
    assert entry is not None
    if log.find(order.id):
        return entry
    at_ms = next_ms(contest, now)
    _check(order, entry, contest, at_ms=at_ms)
    lines = (escrow.deposit(contest, entry),)
    body = messages.SubmissionResumed(entry.id, contest.id, ON_DEPOSIT, lines, at_ms)
    queue.enqueue(contest, Run(entry.id, entry.owner, Evaluation.Slice.BOARD), now=now)
    log.record([order, log.fact(body, answers=order)], rooms=(fold,))
    made = queries.entry_row(entry.id)
    assert made is not None
    return made


def resume_for(owner: str, submission: str, *, now: datetime) -> Entry:
    """Ask in the operator's words for a web user. returns the order; raises as resume"""
    entry = queries.entry_row(submission)
    if entry is None:
        raise SubmissionUnknown("There is no such submission.", submission=submission)
    wanted_nano = deposit_nano(queries.competition_row(entry.competition).spec)
    body = messages.SubmissionResume(submission, Nano(wanted_nano))
    order = log.order_for(owner, body, idempotency=f"resume/{submission}")
    resume(order, now=now)
    return order


def _check(order: Entry, entry: Submission, contest: Competition, *, at_ms: int) -> None:
    if entry.owner != order.actor:
        raise NotOwner("The entry is not yours.", submission=entry.id)
    if entry.state != State.ELIMINATED:
        raise NotEliminated(f"The entry is {entry.state}.", submission=entry.id, state=entry.state)
    if contest.phase != Phase.OPEN or at_ms >= contest.spec.closes_at_ms:
        raise SubmissionClosed(
            f"{contest.id} is not open any more.",
            state=contest.phase,
            closed_at_ms=str(contest.spec.closes_at_ms),
            received_at_ms=str(at_ms),
        )
    wanted_nano = deposit_nano(contest.spec)
    if order.body.deposit_nano != wanted_nano:
        raise DepositDiffers(
            f"The deposit is {wanted_nano} nano-tokens.",
            wanted_nano=str(wanted_nano),
            found_nano=str(order.body.deposit_nano),
        )
