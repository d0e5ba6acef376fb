"""What beat does, every few seconds: deadlines move on, and nothing that is lost stays lost."""

from celery import shared_task
from django.utils import timezone

from competitions import queries as contests
from competitions.actions import deadline
from ledger import actions as ledger_actions
from workers import dispatch, tasks


@shared_task(name="workers.clock.tick")
def tick() -> None:
    """Take every step that a passed deadline asks for, competition by competition."""
    now = timezone.now()
    ledger_actions.expire_due(now=now)
    for competition in contests.competitions_moving():
        deadline.advance(competition, now=now)


@shared_task(name="workers.clock.sweep")
def sweep() -> None:
    """Follow the log, should the bell have failed, and send again the work that nobody holds."""
    dispatch.follow()
    tasks.send_waiting()
