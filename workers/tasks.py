"""The tasks: three to ten lines each. All may run twice; the database decides who counts."""

from celery import shared_task
from django.utils import timezone

from competitions import queries
from competitions.actions import deadline, drafts, previews, score
from competitions.errors import StaleAttempt
from workers import bench, preparation, previewing, scoring


@shared_task(acks_late=True, reject_on_worker_lost=True)
def score_evaluation(evaluation: int) -> None:
    """Score one entry, or the baseline, on one slice, in the sandbox.

    A worker whose sandbox is weaker than the competition asks leaves it to others.
    """
    if not bench.can_hold(queries.least_level(evaluation)):
        return
    fence = score.lease_evaluation(evaluation=evaluation, now=timezone.now())
    if fence is None:
        return
    try:
        scoring.score(evaluation, fence)
    except StaleAttempt:
        return


@shared_task(acks_late=True, reject_on_worker_lost=True)
def prepare_draft(draft: str) -> None:
    """Pin a sponsor's task and measure its baseline in the sandbox, where it is strong enough."""
    if not bench.can_hold(queries.least_level_of_draft(draft)):
        return
    fence = drafts.lease_preparation(draft=draft, now=timezone.now())
    if fence is None:
        return
    try:
        preparation.prepare(draft, fence)
    except StaleAttempt:
        return


@shared_task(acks_late=True, reject_on_worker_lost=True)
def preview_draft(draft: str) -> None:
    """Read a sponsor's files, in a jail, for what is shown before anything runs."""
    fence = previews.lease(draft=draft, now=timezone.now())
    if fence is None:
        return
    try:
        previewing.preview(draft, fence)
    except StaleAttempt:
        return


@shared_task
def preview_drafts() -> None:
    """Send the previews that nobody holds."""
    for found in queries.previews_waiting(timezone.now()):
        preview_draft.delay(found.pk)


@shared_task
def prepare_drafts() -> None:
    """Send the preparations that nobody holds."""
    for draft in queries.drafts_waiting(timezone.now()):
        prepare_draft.delay(draft.pk)


@shared_task
def score_entries(competition: str) -> None:
    """Send the scoring work of a competition that nobody holds."""
    for work in queries.evaluations_waiting(timezone.now()).filter(competition=competition):
        score_evaluation.delay(work.pk)


@shared_task
def move_contest(competition: str) -> None:
    """Take the steps that a competition can take now."""
    deadline.advance(competition, now=timezone.now())


@shared_task
def move_contest_of(submission: str) -> None:
    """The same, for the competition of an entry."""
    deadline.advance(queries.submission(submission).competition, now=timezone.now())


@shared_task(acks_late=True)
def license_winners(competition: str) -> None:
    """Make every winning adapter a licensed work."""
    deadline.license_winners(competition, now=timezone.now())


def send_waiting() -> None:
    """Send again all work that nobody holds; whoever leases it first does it."""
    now = timezone.now()
    for found in queries.previews_waiting(now):
        preview_draft.delay(found.pk)
    for draft in queries.drafts_waiting(now):
        prepare_draft.delay(draft.pk)
    for work in queries.evaluations_waiting(now):
        score_evaluation.delay(work.pk)
