"""Steps of competitions, and bells for the bench: quick to load, unlike what the bench does.

All may run twice; the database decides who counts.
"""

from celery import shared_task
from django.utils import timezone

from competitions import queries
from competitions.actions import deadline, winners
from workers import doorbell


@shared_task
def move_contest(competition: str) -> None:
    """Take the steps that a competition can take now."""
    deadline.advance(competition, now=timezone.now())


@shared_task
def license_winners(competition: str) -> None:
    """Make every winning adapter a licensed work."""
    winners.license_winners(competition, now=timezone.now())


def ring_for_work() -> None:
    """Ring for the work that nobody holds; whoever leases it first does it."""
    now = timezone.now()
    if queries.previews_waiting(now).exists():
        doorbell.ring("workers.tasks.preview_next")
    if queries.drafts_waiting(now).exists():
        doorbell.ring("workers.tasks.prepare_next")
    if queries.evaluations_waiting(now).exists():
        doorbell.ring("workers.tasks.score_next")
