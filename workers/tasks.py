"""What the bench does, in a worker of its own: these load the whole scale. Each may run twice."""

import time
from contextlib import suppress

from celery import shared_task
from django.utils import timezone

from competitions import queries
from competitions.actions import drafts, previews, queue
from competitions.errors import StaleAttempt
from workers import bench, doorbell, identity, preparation, previewing, scoring
from workers.doorbell import Bell
from workers.steps import ring_for_work

ASIDE_S = 1.0  # in which another worker takes the bell


@shared_task(base=Bell, reject_on_worker_lost=True)
def score_next() -> None:
    """Score the run whose turn it is: one entry, or the baseline, on one slice, in the sandbox.

    Whoever begins rings for the next: so one that waits keeps every worker at work. A worker whose
    sandbox is weaker than a competition asks, or that has not what its base needs, leaves its
    entries to others. So does one that has done the other run of a final score: it rings, and
    steps aside for who hears it.
    """
    now, runs_generic = timezone.now(), bench.runs_generic()
    levels = bench.levels_held()
    if not levels or not (levels := identity.levels_of_mine(levels)):
        return
    me = identity.me().public
    mine = queue.claim(worker=me, levels=levels, now=now, runs_generic=runs_generic)
    if mine is not None:
        _score(*mine)
    elif queries.waits_for_another(me, now):
        doorbell.ring("workers.tasks.score_next")
        time.sleep(ASIDE_S)
    elif not runs_generic and queries.evaluations_waiting(now).filter(is_generic=True).exists():
        bench.say_left_to_others()


def score_evaluation(evaluation: int) -> bool:
    """Score this one, unless another worker has it or it is done: then False."""
    identity.levels_of_mine(bench.levels_held())
    worker = identity.me().public
    fence = queue.lease(evaluation=evaluation, worker=worker, now=timezone.now())
    if fence is None:
        return False
    _score(evaluation, fence)
    return True


def _score(evaluation: int, fence: int) -> None:
    ring_for_work()
    with suppress(StaleAttempt):
        scoring.score(evaluation, fence)
    ring_for_work()


@shared_task(base=Bell, reject_on_worker_lost=True)
def prepare_next() -> None:
    """Pin a sponsor's task and measure its baseline in the sandbox, where it is strong enough."""
    for draft in queries.drafts_waiting(timezone.now()).order_by("updated_at"):
        least = queries.least_level_of_draft(draft.pk)
        is_mine = bench.can_hold(least) and bench.can_compute(str(draft.fields.get("base")))
        if is_mine and prepare_draft(draft.pk):
            return


def prepare_draft(draft: str) -> bool:
    """Prepare this one, unless another worker has it or it is done: then False."""
    fence = drafts.lease_preparation(draft=draft, now=timezone.now())
    if fence is None:
        return False
    ring_for_work()
    with suppress(StaleAttempt):
        preparation.prepare(draft, fence)
    return True


@shared_task(base=Bell, reject_on_worker_lost=True)
def preview_next() -> None:
    """Read a sponsor's files, in a jail, for what is shown before anything runs."""
    for found in queries.previews_waiting(timezone.now()):
        if preview_draft(found.pk):
            return


def preview_draft(draft: str) -> bool:
    """Read the files of this one, unless another worker has it or it is done: then False."""
    fence = previews.lease(draft=draft, now=timezone.now())
    if fence is None:
        return False
    ring_for_work()
    with suppress(StaleAttempt):
        previewing.preview(draft, fence)
    return True
