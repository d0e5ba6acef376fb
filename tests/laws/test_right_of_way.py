"""Writers on SQLite: a hurried one goes before the others, and no dead or slow one stops them."""

import fcntl
import multiprocessing
import os
import signal
import sqlite3
import threading
import time
from contextlib import contextmanager, nullcontext

import pytest
from django.db import connection, connections, transaction
from django.db.utils import OperationalError
from django.utils import timezone

from config.sqlite3 import base
from config.sqlite3.base import CHANCE_S, COURTESY_S, SUFFIX
from ledger.sequencer import sequence

FORK = multiprocessing.get_context("fork")
ALIAS, TIMEOUT_S, LONG_S = "aside", 600.0, 600.0


class Place:
    """A database aside, with one table that shows in which order its writers came."""

    def __init__(self, file):
        self.file = file

    @property
    def connection(self):
        """That of this thread."""
        return connections[ALIAS]

    def write(self, name):
        with transaction.atomic(using=ALIAS):
            self.insert(name)

    def insert(self, name):
        with self.connection.cursor() as cursor:
            cursor.execute("INSERT INTO came (name) VALUES (%s)", [name])

    def came(self):
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT name FROM came ORDER BY rowid")
            return [name for (name,) in cursor.fetchall()]


@pytest.fixture
def place(tmp_path, django_db_blocker):
    """A file like the default database of a site without DATABASE_URL."""
    with django_db_blocker.unblock(), aside(tmp_path / "aside.db") as made:
        with made.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE came (name text)")
        yield made


@contextmanager
def aside(file):
    told = {"timeout": TIMEOUT_S, "transaction_mode": "IMMEDIATE"}
    told["init_command"] = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
    one = {"ENGINE": "config.sqlite3", "NAME": str(file), "OPTIONS": told}
    connections.databases[ALIAS] = connections.configure_settings({"default": one})["default"]
    try:
        yield Place(file)
    finally:
        connections[ALIAS].close()
        del connections[ALIAS], connections.databases[ALIAS]


@contextmanager
def busy(place, until, name="busy"):
    """Another writer in its transaction until the event."""
    inside = threading.Event()

    def stay():
        with transaction.atomic(using=ALIAS):
            place.insert(name)
            inside.set()
            until.wait(LONG_S)
        place.connection.close()

    with running(stay):
        assert inside.wait(LONG_S)
        yield
        until.set()


@contextmanager
def running(*jobs):
    threads = [threading.Thread(target=job, daemon=True) for job in jobs]
    for one in threads:
        one.start()
    yield
    for one in threads:
        one.join(LONG_S)
        assert not one.is_alive()


def is_taken(file):
    """Whether somebody has the right of way."""
    lane = os.open(f"{file}{SUFFIX}", os.O_RDONLY | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lane, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lane)
    return False


@contextmanager
def in_the_way(place):
    """Somebody has the right of way and does nothing with it."""
    lane = os.open(f"{place.file}{SUFFIX}", os.O_RDONLY | os.O_CREAT, 0o600)
    fcntl.flock(lane, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lane)


def wait_for(fact):
    end = time.monotonic() + LONG_S
    while not fact():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def test_a_hurried_writer_goes_before_all_that_come_after_it_has_waited(place, monkeypatch):
    monkeypatch.setattr(base, "COURTESY_S", 10**6)  # however busy the machine is
    done = threading.Event()

    def hurry():
        with place.connection.hurried():
            place.write("hurried")
        place.connection.close()

    def others():
        wait_for(lambda: is_taken(place.file))
        place.write("other")
        place.connection.close()

    def release():
        wait_for(lambda: is_taken(place.file))
        time.sleep(0.25)  # the others ask again and again meanwhile
        done.set()

    with busy(place, done), running(hurry, release, *[others] * 6):
        pass
    assert place.came() == ["busy", "hurried"] + ["other"] * 6
    assert not is_taken(place.file)


def test_who_finds_the_database_free_takes_no_right_of_way(place):
    with place.connection.hurried(), transaction.atomic(using=ALIAS):
        assert not is_taken(place.file)
        place.insert("hurried")
    assert place.came() == ["hurried"]


def hurry_for_ever(place, begin, inside):
    begin.wait(LONG_S)
    with place.connection.hurried(), transaction.atomic(using=ALIAS):
        place.insert("killed")
        inside.set()
        time.sleep(LONG_S)


def test_a_killed_process_leaves_the_right_of_way_and_nothing_else(place):
    done, begin, inside = threading.Event(), FORK.Event(), FORK.Event()
    place.connection.close()  # SQLite does not carry one over into another process
    hurried = FORK.Process(target=hurry_for_ever, args=(place, begin, inside))
    hurried.start()
    with busy(place, done):
        begin.set()
        wait_for(lambda: is_taken(place.file))
    assert inside.wait(LONG_S)
    assert is_taken(place.file)
    os.kill(hurried.pid, signal.SIGKILL)
    hurried.join(LONG_S)
    assert not is_taken(place.file)
    place.write("after")
    assert place.came() == ["busy", "after"]


def test_who_stands_in_the_way_for_long_is_passed(place):
    """The file guards nothing: a stopped process that has it costs others a moment, not a stop."""
    with in_the_way(place):
        began = time.monotonic()
        place.write("patient")
        assert time.monotonic() - began >= COURTESY_S
        with place.connection.hurried():
            place.write("hurried")
    assert place.came() == ["patient", "hurried"]


@pytest.mark.parametrize("hurry", [True, False])
def test_who_waits_beyond_all_patience_is_told_so(place, hurry, monkeypatch):
    monkeypatch.setattr(base, "PATIENCE_S", 0.0)
    done = threading.Event()
    place.connection.close()
    place.connection.settings_dict["OPTIONS"]["timeout"] = 2 * CHANCE_S
    with busy(place, done):
        with (
            pytest.raises(OperationalError, match="database is locked"),
            place.connection.hurried() if hurry else nullcontext(),
        ):
            place.write("late")
        assert not is_taken(place.file)
    place.write("after")
    assert place.came() == ["busy", "after"]


def test_who_only_reads_does_not_wait(place, monkeypatch):
    monkeypatch.setattr(base, "COURTESY_S", 10**6)  # who waits hangs
    place.write("first")
    place.connection.transaction_mode = "DEFERRED"  # as in the snapshot of a replay
    with in_the_way(place), transaction.atomic(using=ALIAS):
        assert place.came() == ["first"]


def test_a_database_in_memory_has_no_file_beside_it(tmp_path, monkeypatch, django_db_blocker):
    monkeypatch.chdir(tmp_path)
    with django_db_blocker.unblock(), aside(":memory:") as made, made.connection.hurried():
        with made.connection.cursor() as cursor:
            cursor.execute("CREATE TABLE came (name text)")
        made.write("one")
        assert made.came() == ["one"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL lets writers in by turns")
def test_the_sequencer_is_hurried(founded):
    """A writer that is in its transaction sees that the sequencer asks to go before the others."""
    file, done, placed = connection.settings_dict["NAME"], threading.Event(), []

    def stay():
        with transaction.atomic():
            inside.set()
            done.wait(LONG_S)
        connection.close()

    def place_all():
        inside.wait(LONG_S)
        placed.append(sequence(holder="site", now=timezone.now()))
        connection.close()

    inside = threading.Event()
    with running(stay, place_all):
        wait_for(lambda: is_taken(file))
        done.set()
    assert placed[0] > 0
    assert not is_taken(file)


@pytest.mark.parametrize("is_atomic", [True, False])
def test_a_writer_that_waits_longer_than_sqlite_does_tries_again_and_says_so(
    place, caplog, is_atomic
):
    """Guards that "database is locked" reaches no user. It is let go once that was said twice."""
    holder = sqlite3.connect(place.file, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    errors = []

    def write():
        try:
            place.connection.ensure_connection()
            place.connection.connection.execute("PRAGMA busy_timeout = 50")
            (place.write if is_atomic else place.insert)("patient")
        except OperationalError as error:
            errors.append(error)
        finally:
            place.connection.close()

    writer = threading.Thread(target=write)
    with caplog.at_level("WARNING"):
        writer.start()
        while writer.is_alive() and len(caplog.records) < 2:
            time.sleep(0.01)
        holder.execute("COMMIT")
        writer.join()
    holder.close()
    assert errors == []
    assert "The database is locked. A writer tries again" in caplog.text
    assert place.came() == ["patient"]


def test_a_lock_met_inside_a_transaction_is_not_tried_again(place):
    """What was done before it in the transaction would be done on a state that nobody saw."""
    assert place.connection.ensure_connection() is None
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    with transaction.atomic(using=ALIAS):
        assert not place.connection._may_try_again(error)
    assert place.connection._may_try_again(error)
