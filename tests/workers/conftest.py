"""What the hands send, noted by Celery's own signal; and what they take for now."""

import pytest
from celery.signals import before_task_publish
from django.utils import timezone

from tests import factories


@pytest.fixture
def now(monkeypatch):
    """Set what the hands take for now."""

    def stand_at(seconds):
        monkeypatch.setattr(timezone, "now", lambda: factories.at(seconds))

    stand_at(30)
    return stand_at


@pytest.fixture
def sent():
    """(task, argument) of everything that was sent, in order."""
    found = []

    def note(sender, body, **_):
        arguments, _, _ = body
        found.append((sender.rpartition(".")[2], *arguments))

    before_task_publish.connect(note, weak=False)
    yield found
    before_task_publish.disconnect(note)


@pytest.fixture
def take_all(settings):
    """What a worker does with every message that waits: it is taken, and nothing is done."""

    def take():
        for file in (settings.DATA / "broker").glob("*.msg"):
            file.unlink()

    take()
    return take
