"""Hears the bell and wakes the hands."""

from django.apps import AppConfig

from ledger import bell
from workers import doorbell

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
    doorbell.ring(FOLLOW)
