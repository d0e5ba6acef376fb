"""A database whose commits are real, for tests with threads, and that is emptied afterwards."""

import pytest
from django.db import connection

FIND = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name"


@pytest.fixture
def triggers(django_db_setup, django_db_blocker):
    """What keeps rows final; put back after the tables were emptied."""
    dropped = {}
    yield dropped
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for sql in dropped.values():
            cursor.execute(sql)


@pytest.fixture
def committed(triggers, transactional_db):
    """Real commits. SQLite empties tables row by row, which final rows would refuse."""
    yield
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            triggers |= dict(cursor.execute(FIND).fetchall())
            for name in triggers:
                cursor.execute(f"DROP TRIGGER {name}")
