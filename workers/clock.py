"""What beat does, every few seconds: deadlines move on, and nothing that is lost stays lost."""

from collections.abc import Callable, Iterable
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from competitions import queries as contests
from competitions.actions import deadline, winners
from ledger import actions as ledger_actions
from ledger.actions import ms
from licensing import queries as rights
from licensing.actions import settle_channel
from workers import dispatch, steps
from workers.doorbell import Bell

MOST_CHANNELS = 200  # in one turn


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
    winners that are no works yet; redeem what was used. The one does not hold up the other.
    """
    try:
        dispatch.follow()
    finally:
        steps.ring_for_work()
        _each(contests.unlicensed_winners(), winners.license_winners, timezone.now())
        _settle_usage(timezone.now())


def _settle_usage(now: datetime) -> None:
    """Redeem the vouchers of this site's channels, each at least once in an hour."""
    _each(rights.channels_to_settle(ms(now), limit=MOST_CHANNELS), settle_channel, now)


def _each(names: Iterable[str], step: Callable[..., object], now: datetime) -> None:
    """One that cannot move does not hold up the others; what was wrong is raised at the end."""
    broken = []
    for name in names:
        try:
            step(name, now=now)
        except Exception as error:  # noqa: BLE001 - raised below, with the name
            error.add_note(f"in {name}")
            broken.append(error)
    if broken:
        raise ExceptionGroup("what cannot move", broken)
