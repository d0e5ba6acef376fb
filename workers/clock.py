"""What beat does, every few seconds: deadlines move on, and nothing that is lost stays lost."""

from collections.abc import Callable, Iterable
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from competitions import queries as contests
from competitions.actions import deadline, winners
from ledger import actions as ledger_actions
from workers import dispatch, steps
from workers.doorbell import Bell


@shared_task(base=Bell, name="workers.clock.tick")
def tick() -> None:
    """Take every step that a passed deadline asks for, competition by competition."""
    now = timezone.now()
    while ledger_actions.expire_due(now=now):
        pass
    _each(contests.competitions_due(now), deadline.advance, now)


@shared_task(base=Bell, name="workers.clock.sweep")
def sweep() -> None:
    """Do what a message asked for and nobody did: it may be lost, and the tables are not.

    Follow the log, should the bell have failed; ring for the work that nobody holds; license the
    winners that are no works yet. The one does not hold up the other.
    """
    try:
        dispatch.follow()
    finally:
        steps.ring_for_work()
        _each(contests.unlicensed_winners(), winners.license_winners, timezone.now())


def _each(competitions: Iterable[str], step: Callable[..., object], now: datetime) -> None:
    """One that cannot move does not hold up the others; what was wrong is raised at the end."""
    broken = []
    for competition in competitions:
        try:
            step(competition, now=now)
        except Exception as error:  # noqa: BLE001 - raised below, with the name
            error.add_note(f"in competition {competition}")
            broken.append(error)
    if broken:
        raise ExceptionGroup("competitions that cannot move", broken)
