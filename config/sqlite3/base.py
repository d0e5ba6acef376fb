"""Django's SQLite, and a right of way: who has waited for a while asks the others to let it in.

SQLite lets writers in by chance: whoever finds the lock taken sleeps, longer each time, and asks
again. Beside writers that never rest, one that writes all the time is late by seconds. A connection
that is `hurried` leaves it to chance for a moment only. Then it takes the right of way, and until
its transaction ends whoever is about to begin another one waits.

The right of way is a lock on a file beside the database. The kernel takes it back from a process
that dies. It is a courtesy and guards nothing: SQLite's own lock decides who writes, and whoever
has let others go for long enough, or does not know of the file, goes on to that.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.db.backends.sqlite3 import base
from django.db.utils import OperationalError

SUFFIX = "-first"
CHANCE_S = 0.2  # turns that come sooner are smaller and more, and hold up the writers
COURTESY_S = 1.0
LOOK_AGAIN_S = 0.001


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection of `django.db.backends.sqlite3` that lets a hurried one go first.

    This holds for transactions that begin with the lock, so not for those that only read.
    """

    transaction_mode: str | None
    _lane: int | None = None  # the file, open to see whether others go first
    _right_of_way: int | None = None  # the same file, opened to be the one that does
    _is_hurried = False

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
        try:
            self._begin()
        except OperationalError:
            return False
        finally:
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
