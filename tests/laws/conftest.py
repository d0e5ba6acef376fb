"""Commits that are real, a house that is founded, and a scratch database to replay into."""

import shutil

import pytest
from django.utils import timezone

from config import scratch
from config.replay import replay_into
from ledger.actions import found


@pytest.fixture
def founded(transactional_db):
    """A house with its keys and accounts."""
    found(now=timezone.now())


@pytest.fixture(scope="session")
def blank(tmp_path_factory, django_db_setup, django_db_blocker):
    """A scratch database that was never written to: the migrations take seconds."""
    file = tmp_path_factory.mktemp("scratch") / "blank.db"
    with django_db_blocker.unblock():
        scratch.make(file)
    return file


@pytest.fixture
def replay(blank, tmp_path, django_db_blocker):
    """replay(told=...) -> the report of a replay into a fresh copy of the blank database."""

    def run(told=lambda *_: None):
        file = tmp_path / "scratch.db"
        shutil.copy(blank, file)
        with django_db_blocker.unblock():  # the two databases of a replay are none of the test's
            return replay_into(file, told)

    return run
