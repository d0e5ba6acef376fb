"""A miner enters an adapter."""

from datetime import datetime

from django.db import transaction

from assay import messages
from competitions import queries
from competitions.actions import queue
from competitions.actions.moment import contest_row, next_ms
from competitions.errors import (
    OwnEntry,
    QuotaUsed,
    SubmissionClosed,
    SubmissionExists,
    SubmissionTooLarge,
    TermsBelowRequired,
)
from competitions.models import Evaluation
from competitions.rules import quota
from competitions.rules.fold import fold
from competitions.rules.rows import Competition, Phase, State, Submission
from evaluator.intake.files import MOST_CONFIG_BYTES
from ledger import log
from ledger import queries as ledger_queries
from ledger.rules.entry import Entry
from licensing import queries as rights
from licensing.rules.meets import shortfalls
from licensing.rules.reading import parse, read_own


def commit(order: Entry, *, now: datetime) -> Submission:
    """Enter the adapter of a signed `submission.commit`; the same order, the same submission.

    raises  CompetitionUnknown, SubmissionClosed, QuotaUsed, SubmissionExists, BlobUnknown,
            SubmissionTooLarge, TermsBelowRequired, TermsRefused, LineageRefused
    """
    if known := queries.entry_row(order.id):
        return known
    contest = queries.competition_row(order.body.competition)
    _check_files(order, most_bytes=queries.adapter_limit_bytes(contest))
    return _commit(order, now=now)


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
    window, slot = _slot(contest, asked, owner=order.actor, at_ms=at_ms)
    body = messages.SubmissionCommitted(order.id, contest.id, order.actor, window, slot, at_ms)
    queue.enqueue(contest, order.id, Evaluation.Slice.BOARD, owner=order.actor, now=now)
    log.record([order, log.fact(body, answers=order)], rooms=(fold,))
    made = queries.entry_row(order.id)
    assert made is not None
    return made


def _check_files(order: Entry, *, most_bytes: int) -> None:
    limits = {
        order.body.config_sha256: MOST_CONFIG_BYTES,
        order.body.tensors_sha256: most_bytes,
    }
    for name, limit_bytes in limits.items():
        blob = ledger_queries.named_blob(name, account=order.actor)
        if blob.size_bytes > limit_bytes:
            raise SubmissionTooLarge(
                f"A file of {blob.size_bytes} bytes passes the limit of {limit_bytes}.",
                limit_bytes=limit_bytes,
                found_bytes=blob.size_bytes,
            )


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


def _slot(
    contest: Competition, asked: messages.SubmissionCommit, *, owner: str, at_ms: int
) -> tuple[int, int]:
    """The window and the lowest free slot in it. raises QuotaUsed, SubmissionExists"""
    spec = contest.spec
    mine = queries.entry_rows_of(contest.id, owner)
    files = (asked.config_sha256, asked.tensors_sha256)
    for one in mine:
        is_same = (one.config_sha256, one.tensors_sha256) == files
        if is_same and not _names_more_parents(asked, one):
            raise _entered(one)
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
