"""Hears the bell and wakes the hands."""

from celery import current_app
from django.apps import AppConfig
from kombu.exceptions import OperationalError

from ledger import bell


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
        current_app.send_task("workers.dispatch.follow", ignore_result=True, retry=False)
    except (OperationalError, OSError):
        return
