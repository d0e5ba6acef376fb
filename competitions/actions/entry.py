"""A miner enters an adapter."""

from datetime import datetime

from django.db import transaction

from assay import messages
from competitions import queries
from competitions.actions import queue
from competitions.actions.moment import contest_row, next_ms
from competitions.actions.queue import Run
from competitions.errors import (
    OpeningMissing,
    OwnEntry,
    QuotaUsed,
    SubmissionClosed,
    SubmissionExists,
    TermsBelowRequired,
)
from competitions.models import Evaluation, Opening
from competitions.rules import quota
from competitions.rules.fold import fold
from competitions.rules.rows import Competition, Phase, State, Submission
from ledger import log
from ledger.rules.entry import Entry
from licensing import queries as rights
from licensing.rules.meets import shortfalls
from licensing.rules.reading import parse, read_own


def commit(order: Entry, *, now: datetime) -> Submission:
    """Enter the adapter of a signed `submission.commit`; the same order, the same submission.

    What opens its commitment was handed in before (actions/opening.py).
    raises  CompetitionUnknown, SubmissionClosed, QuotaUsed, SubmissionExists, OpeningMissing,
            TermsBelowRequired, TermsRefused, LineageRefused
    """
    return queries.entry_row(order.id) or _commit(order, now=now)


@transaction.atomic
def _commit(order: Entry, *, now: datetime) -> Submission:
    asked: messages.SubmissionCommit = order.body
    contest = contest_row(asked.competition)
    if known := queries.entry_row(order.id):
        return known
    at_ms = next_ms(contest, now)
    _check_open(contest, at_ms)
    if order.actor == contest.sponsor:
        raise OwnEntry(f"{contest.id} is your own competition.", competition=contest.id)
    _check_terms(asked, contest, owner=order.actor, now=now)
    opening = _opening(asked, owner=order.actor)
    _check_new(asked, opening, owner=order.actor)
    window, slot = _slot(contest, owner=order.actor, at_ms=at_ms)
    body = messages.SubmissionCommitted(order.id, contest.id, order.actor, window, slot, at_ms)
    queue.enqueue(contest, Run(order.id, order.actor, Evaluation.Slice.BOARD), now=now)
    Opening.objects.filter(pk=opening.pk).update(submission=order.id)
    log.record([order, log.fact(body, answers=order)], rooms=(fold,))
    made = queries.entry_row(order.id)
    assert made is not None
    return made


def _check_open(contest: Competition, at_ms: int) -> None:
    closes_ms = contest.spec.closes_at_ms
    if contest.phase == Phase.OPEN and at_ms < closes_ms:
        return
    is_late = contest.phase == Phase.OPEN
    why = "its time is over" if is_late else f"it is {contest.phase}"
    raise SubmissionClosed(
        f"{contest.id} takes no entries: {why}.",
        state=contest.phase,
        closed_at_ms=str(closes_ms),
        received_at_ms=str(at_ms),
    )


def _check_terms(
    asked: messages.SubmissionCommit, contest: Competition, *, owner: str, now: datetime
) -> None:
    read_own(asked.tags)
    short = shortfalls(parse(asked.tags), parse(contest.spec.required_tags))
    if short:
        first = short[0]
        raise TermsBelowRequired(
            f"The licence gives less than {contest.id} asks: {first.use}.",
            use=str(first.use),
            wanted=str(first.wanted),
            offered=str(first.offered),
        )
    parents = (contest.spec.base_work, contest.spec.data_work, *asked.parents)
    rights.check_parents(asked.tags, parents, owner=owner, now=now)


def _opening(asked: messages.SubmissionCommit, *, owner: str) -> Opening:
    """What its owner has handed in. raises OpeningMissing"""
    told = {"pk": asked.commitment, "owner": owner, "competition": asked.competition}
    found = Opening.objects.filter(**told).first()
    if found is None:
        raise OpeningMissing(
            f"You have handed in nothing that opens {asked.commitment:.64}.",
            next_step="First send salt and hashes to /api/submissions/openings.",
            commitment=asked.commitment,
        )
    return found


def _check_new(asked: messages.SubmissionCommit, opening: Opening, *, owner: str) -> None:
    """The same files once, whatever their salt. raises SubmissionExists"""
    for name in queries.entries_of_files(owner, opening):
        one = queries.entry_row(name)
        is_known = one is not None and not _names_more_parents(asked, one)
        if one and (is_known or one.commitment == asked.commitment):
            raise _entered(one)


def _slot(contest: Competition, *, owner: str, at_ms: int) -> tuple[int, int]:
    """The window and the lowest free slot in it. raises QuotaUsed"""
    spec = contest.spec
    mine = queries.entry_rows_of(contest.id, owner)
    window = quota.window_of(at_ms, opens_at_ms=spec.opens_at_ms, window_s=spec.window_s)
    taken = {one.slot for one in mine if one.window == window and one.slot is not None}
    slot = quota.free_slot(taken, spec.quota)
    if slot is None:
        ends_ms = quota.window_ends_ms(window, opens_at_ms=spec.opens_at_ms, window_s=spec.window_s)
        raise QuotaUsed(
            f"All {spec.quota} runs of this window are used.",
            quota=spec.quota,
            remaining=0,
            next_slot_at_ms=str(ends_ms),
        )
    return window, slot


def _names_more_parents(asked: messages.SubmissionCommit, one: Submission) -> bool:
    """A refused entry may come again with the parents that it had left out."""
    return one.state == State.REFUSED and set(asked.parents) > set(one.parents)


def _entered(one: Submission) -> SubmissionExists:
    """The same content again is answered from the record, and costs and runs nothing."""
    mine = queries.submission(one.id)
    queries.as_owners_see([mine])
    told = {"refusal_code": mine.refusal_code} if mine.refusal_code else {}
    said = f"{one.state}: {mine.refusal_cause}" if mine.refusal_cause else one.state
    return SubmissionExists(
        f"You entered these files before. That entry is {said}.",
        submission=one.id,
        state=one.state,
        **told,
    )
