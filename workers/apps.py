"""Hears the bell and wakes the hands."""

from celery import current_app
from django.apps import AppConfig

from ledger import bell
from workers.doorbell import BROKER_DOWN, EXPIRES_S, is_waiting

FOLLOW = "workers.dispatch.follow"


class WorkersConfig(AppConfig):
    """No tables; hears the bell."""

    name = "workers"

    def ready(self) -> None:
        bell.rung.connect(wake, dispatch_uid="wake the hands")


def wake(**_: object) -> None:
    """Tell the hands to look. By name, so that nothing above the tables is imported.

    A broker that is down costs time, not work: the sweep finds everything within seconds.
    """
    try:
        if not is_waiting(FOLLOW):
            current_app.send_task(FOLLOW, expires=EXPIRES_S, ignore_result=True, retry=False)
    except BROKER_DOWN:
        return
