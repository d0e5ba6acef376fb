"""What an entry's commitment holds comes in beside the order, and stays out of the log."""

from datetime import datetime, timedelta

from django.db import transaction

from assay import messages
from assay.commitment import commitment_of
from assay.messages import Opening
from assay.wire import changed
from competitions import models, queries
from competitions.actions.moment import contest_row, next_ms
from competitions.errors import (
    FoldRefused,
    NotOwner,
    OpeningEarly,
    OpeningWrong,
    SubmissionTooLarge,
    SubmissionUnknown,
)
from competitions.rules.entries import opens
from competitions.rules.fold import fold
from competitions.rules.rows import Competition, Submission
from competitions.rules.visibility import SECRET_PHASES
from evaluator.intake.files import MOST_CONFIG_BYTES
from ledger import log
from ledger import queries as ledger_queries
from ledger.rules.entry import Entry
from web import budgets

KEPT_UNUSED = timedelta(days=1)  # from an opening to the order that commits it


def hand_in(*, owner: str, competition: str, opening: Opening, now: datetime) -> str:
    """Keep what a commitment of this owner holds; the answer is the commitment.

    Its files are named by possession: only who has sent them, or what is public, may be named. The
    same again changes nothing; when it was lost here, it is back.
    raises CompetitionUnknown, BlobUnknown, SubmissionTooLarge, OpeningsHeld
    """
    contest = queries.competition_row(competition)
    _check_files(opening, contest, owner=owner)
    commitment = commitment_of(owner, contest.id, opening)
    _keep(commitment, contest, owner, opening, now=now)
    return commitment


def keep_adapter(submission: str, adapter_sha256: str) -> None:
    """Remember the canonical adapter of an entry; it is the same in each of its runs.

    raises FoldRefused for another one
    """
    known = models.Opening.objects.filter(submission=submission)
    known.filter(adapter_sha256="").update(adapter_sha256=adapter_sha256)
    if known.exclude(adapter_sha256=adapter_sha256).exists():
        raise FoldRefused("The run is of another adapter.", reason="another adapter")


def sweep_openings(*, now: datetime) -> int:
    """Forget what nobody has committed a day after it came in. returns how many"""
    stale = models.Opening.objects.filter(submission="", at__lt=now - KEPT_UNUSED)
    return stale.delete()[0]


@transaction.atomic
def _keep(
    commitment: str, contest: Competition, owner: str, opening: Opening, *, now: datetime
) -> None:
    if models.Opening.objects.filter(pk=commitment).exists():
        return
    entered = queries.entry_committed_by(commitment)
    if not entered:
        budgets.turn("openings", account=owner)
        budgets.need_room("openings", queries.openings_without_an_entry(owner))
    models.Opening.objects.get_or_create(
        pk=commitment,
        defaults={
            "competition": contest.id,
            "owner": owner,
            "submission": entered,
            "salt": opening.salt,
            "config_sha256": opening.config_sha256,
            "tensors_sha256": opening.tensors_sha256,
            "at": now,
        },
    )


def _check_files(opening: Opening, contest: Competition, *, owner: str) -> None:
    """raises BlobUnknown, SubmissionTooLarge"""
    limits = {
        opening.config_sha256: MOST_CONFIG_BYTES,
        opening.tensors_sha256: queries.adapter_limit_bytes(contest),
    }
    for name, limit_bytes in limits.items():
        blob = ledger_queries.named_blob(name, account=owner)
        if blob.size_bytes > limit_bytes:
            raise SubmissionTooLarge(
                f"A file of {blob.size_bytes} bytes passes the limit of {limit_bytes}.",
                limit_bytes=limit_bytes,
                found_bytes=blob.size_bytes,
            )


@transaction.atomic
def open_entry(order: Entry, *, now: datetime) -> Submission:
    """Open the own entry in the log, after the close; the same order, the same submission.

    order   submission.open of the entry's owner
    raises  SubmissionUnknown, NotOwner, OpeningEarly, OpeningWrong
    """
    asked: messages.SubmissionOpen = order.body
    entry = queries.entry_row(asked.submission)
    if entry is None:
        raise SubmissionUnknown("There is no such submission.", submission=asked.submission)
    contest = contest_row(entry.competition)
    entry = queries.entry_row(entry.id)
    assert entry is not None
    if entry.opening == asked.opening:
        return entry
    if entry.owner != order.actor:
        raise NotOwner("The entry is not yours.", submission=entry.id)
    if contest.phase in SECRET_PHASES:
        raise OpeningEarly(f"{contest.id} is {contest.phase}.", submission=entry.id,
                           state=contest.phase)  # fmt: skip
    if not opens(entry, asked.opening):
        raise OpeningWrong("That does not open its commitment.", submission=entry.id)
    at_ms = next_ms(contest, now)
    _keep(entry.commitment, contest, entry.owner, asked.opening, now=now)
    body = messages.SubmissionOpened(entry.id, contest.id, asked.opening, at_ms)
    log.record([order, log.fact(body, answers=order)], rooms=(fold,))
    return changed(entry, opening=asked.opening)
