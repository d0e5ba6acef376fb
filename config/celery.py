"""The one Celery app. The broker is a doorbell: what must not be lost is in the database."""

import signal
from pathlib import Path

from celery import Celery
from celery.signals import beat_init, worker_ready, worker_shutting_down
from django.conf import settings

app = Celery("assay")
app.set_default()  # for every thread: else a web thread would find Celery's own empty app
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.include = ["workers.steps", "workers.dispatch", "workers.clock", "workers.record"]


@worker_ready.connect
def worker_is_ready(sender: object, **_: object) -> None:
    """Tell the supervisor, by a file, that this worker takes tasks."""
    _touch(str(getattr(sender, "hostname", "worker")).partition("@")[0])


@beat_init.connect
def beat_is_ready(**_: object) -> None:
    _touch("beat")


@worker_shutting_down.connect
def end_for_certain(**_: object) -> None:
    """A worker whose broker went first hangs in its shutdown (seen with 5.7): an alarm ends it."""
    signal.alarm(30)


def _touch(name: str) -> None:
    folder = Path(settings.RUN_FOLDER)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.ready").touch()
