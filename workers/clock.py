"""What beat does, every few seconds: deadlines move on, and nothing that is lost stays lost."""

from celery import shared_task
from django.utils import timezone

from competitions import queries as contests
from competitions.actions import deadline
from ledger import actions as ledger_actions
from workers import dispatch, tasks


@shared_task(name="workers.clock.tick")
def tick() -> None:
    """Take every step that a passed deadline asks for, competition by competition.

    One that cannot move does not hold up the others; what was wrong is raised at the end.
    """
    now, broken = timezone.now(), []
    while ledger_actions.expire_due(now=now):
        pass
    for competition in contests.competitions_moving():
        try:
            deadline.advance(competition, now=now)
        except Exception as error:  # noqa: BLE001 - raised below, with the name
            error.add_note(f"in competition {competition}")
            broken.append(error)
    if broken:
        raise ExceptionGroup("competitions that cannot move", broken)


@shared_task(name="workers.clock.sweep")
def sweep() -> None:
    """Follow the log, should the bell have failed, and send again the work that nobody holds.

    The one does not hold up the other.
    """
    try:
        dispatch.follow()
    finally:
        tasks.send_waiting()
