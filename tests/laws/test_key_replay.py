"""A log in which every key of the house was exchanged replays to the tables, checkpoint by key."""

from io import StringIO

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone

from assay import messages
from ledger import actions, log
from ledger.models import Checkpoint, Key
from ledger.sequencer import sequence


@pytest.fixture
def keys_of_its_own(settings, tmp_path):
    """A folder of keys that no other test uses."""
    settings.KEYS_FOLDER = tmp_path / "keys"


def place_all():
    while sequence(holder="law", now=timezone.now()):
        pass


def test_a_replay_follows_every_rotation(keys_of_its_own, founded, replay):
    """Guards the key of each checkpoint, and that a key's end is a row of the fold."""
    place_all()
    for turn, role in enumerate(("log", "operator", "log", "evaluator", "operator")):
        call_command("rotate_key", role, stdout=StringIO())
        with transaction.atomic():
            body = messages.ClockTicked(actions.ms(timezone.now()))
            log.record([log.fact(body, idempotency=str(turn))])
        place_all()
    report = replay()
    assert report.is_equal, (report.damage, report.differences)
    assert report.checkpoints == Checkpoint.objects.count() > 5
    Key.objects.filter(role="operator").exclude(revoked_by="").update(revoked_by="")
    assert not replay().is_equal
