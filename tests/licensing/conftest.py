"""A database whose commits are real, for tests with threads, and that is emptied afterwards."""

import pytest

from tests.laws.tampering import drop_triggers, run


@pytest.fixture
def triggers(django_db_setup, django_db_blocker):
    """What keeps rows final; put back after the tables were emptied."""
    dropped = []
    yield dropped
    with django_db_blocker.unblock():
        run(*dropped)


@pytest.fixture
def committed(triggers, transactional_db):
    """Real commits. Emptying the tables is what final rows refuse."""
    yield
    triggers += drop_triggers()
