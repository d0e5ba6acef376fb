"""Django's SQLite, and a right of way: who has waited for a while asks the others to let it in.

SQLite lets writers in by chance: whoever finds the lock taken sleeps, longer each time, and asks
again. Beside writers that never rest, one that writes all the time is late by seconds. A connection
that is `hurried` leaves it to chance for a moment only. Then it takes the right of way, and until
its transaction ends whoever is about to begin another one waits.

The right of way is a lock on a file beside the database. The kernel takes it back from a process
that dies. It is a courtesy and guards nothing: SQLite's own lock decides who writes, and whoever
has let others go for long enough, or does not know of the file, goes on to that.

Whoever is not hurried may still wait for longer than SQLite itself does. "database is locked" helps
no user, and nothing was done yet: so it is tried again, with the right of way, and the log says so.
"""

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

SUFFIX = "-first"
CHANCE_S = 0.2  # turns that come sooner are smaller and more, and hold up the writers
COURTESY_S = 1.0
LOOK_AGAIN_S = 0.001
PATIENCE_S = 600.0  # for a writer that hangs; SQLite's own timeout comes many times before

_LOG = logging.getLogger(__name__)


class Cursor(base.SQLiteCursorWrapper):
    """Tries again what only met a lock, as long as no transaction has begun."""

    def __init__(self, raw: sqlite3.Connection, owner: "DatabaseWrapper") -> None:
        super().__init__(raw)
        self._owner = owner

    def execute(self, query: str, params: Any = None) -> Any:
        return self._owner.patiently(lambda: super(Cursor, self).execute(query, params))


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of `django.db.backends.sqlite3` that lets a hurried one go first.

    This holds for transactions that begin with the lock, so not for those that only read.
    """

    transaction_mode: str | None
    _lane: int | None = None  # the file, open to see whether others go first
    _right_of_way: int | None = None  # the same file, opened to be the one that does
    _is_hurried = False
    _is_patient = True

    def create_cursor(self, name: str | None = None) -> Cursor:  # noqa: ARG002 - SQLite has no names
        made: Cursor = self.connection.cursor(factory=lambda raw: Cursor(raw, self))
        return made

    def patiently(self, statement: Callable[[], Any]) -> Any:
        """Run a statement; one that found the database locked is tried again, and that is said.

        raises sqlite3.OperationalError at once inside a transaction, and after PATIENCE_S
        """
        try:
            return statement()
        except sqlite3.OperationalError as error:
            if not self._may_try_again(error):
                raise
        with self._before_others():
            return self._try_again(statement, time.monotonic())

    def _try_again(self, statement: Callable[[], Any], since_s: float) -> Any:
        while True:
            waited_s = time.monotonic() - since_s
            _LOG.warning("The database is locked. A writer tries again, for %.0f s now.", waited_s)
            try:
                return statement()
            except sqlite3.OperationalError as error:
                if not self._may_try_again(error) or waited_s > PATIENCE_S:
                    raise

    @contextmanager
    def _before_others(self) -> Iterator[None]:
        """The right of way for one statement, where there is one and this has it not yet."""
        if self._right_of_way is not None or self.is_in_memory_db():
            yield
            return
        lane = self._open()
        try:
            _took(lane, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lane)

    def _may_try_again(self, error: sqlite3.OperationalError) -> bool:
        is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
        return is_busy and self._is_patient and not self.connection.in_transaction

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """For one short transaction that must not wait for long, however many others write."""
        self._is_hurried = True
        try:
            yield
        finally:
            self._is_hurried = False
            if self._right_of_way is not None:
                os.close(self._right_of_way)
                self._right_of_way = None

    def close(self) -> None:
        super().close()
        if self._lane is not None:
            os.close(self._lane)
            self._lane = None

    def _start_transaction_under_autocommit(self) -> None:
        if self.transaction_mode == "IMMEDIATE" and not self.is_in_memory_db():
            if self._is_hurried and self._began_by_chance():
                return
            self._go_or_let_go()
        self._begin()

    def _began_by_chance(self) -> bool:
        self._wait_at_most(CHANCE_S)
        self._is_patient = False
        try:
            self._begin()
        except OperationalError:
            return False
        finally:
            self._is_patient = True
            self._wait_at_most(self.settings_dict["OPTIONS"]["timeout"])
        return True

    def _begin(self) -> None:
        super()._start_transaction_under_autocommit()  # type: ignore[misc]  # the stubs lack it

    def _wait_at_most(self, seconds: float) -> None:
        self.connection.execute(f"PRAGMA busy_timeout = {round(1000 * seconds)}")

    def _go_or_let_go(self) -> None:
        if self._is_hurried:
            self._right_of_way = self._open()
            _took(self._right_of_way, fcntl.LOCK_EX)
            return
        if self._lane is None:
            self._lane = self._open()
        if _took(self._lane, fcntl.LOCK_SH):
            fcntl.flock(self._lane, fcntl.LOCK_UN)

    def _open(self) -> int:
        return os.open(f"{self.settings_dict['NAME']}{SUFFIX}", os.O_RDONLY | os.O_CREAT, 0o600)


def _took(lane: int, kind: int) -> bool:
    """Whether the file is locked now. False: others had it for as long as courtesy goes."""
    end = time.monotonic() + COURTESY_S
    while time.monotonic() < end:
        try:
            fcntl.flock(lane, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOOK_AGAIN_S)
        else:
            return True
    return False
