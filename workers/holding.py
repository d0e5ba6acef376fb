"""A lease is renewed while its work runs: a thread says so again and again until the work ends.

So a lease may be short, and the work as long as it takes: a worker that dies is replaced soon, and
one that lives keeps what it has. A run cannot hang: its own limits end it (workers/limits.py).
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, connections

from competitions.errors import StaleAttempt

TIMES_A_LEASE = 3
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Lease:
    """Work that is ours for a while.

    renew  makes the lease `lasts_s` long again; raises StaleAttempt when it is another's by now
    """

    renew: Callable[[], None]
    lasts_s: float


@contextmanager
def held(lease: Lease) -> Iterator[None]:
    """Renew the lease three times in its length while the block runs.

    Once it is another's it is not asked for again: what the block's caller writes down is refused.
    Whatever forks in the block does so beside a thread that waits nearly always, and whose few
    locks (the database's) are not needed between fork and exec.
    """
    is_over = threading.Event()
    thread = threading.Thread(target=_beat, args=(lease, is_over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def _beat(lease: Lease, is_over: threading.Event) -> None:
    try:
        while not is_over.wait(lease.lasts_s / TIMES_A_LEASE):
            _renew(lease, is_over)
    finally:
        connections.close_all()


def _renew(lease: Lease, is_over: threading.Event) -> None:
    """A database that is away for a moment is asked again; a lease that is lost is lost."""
    try:
        lease.renew()
    except StaleAttempt:
        is_over.set()
    except DatabaseError as error:
        _LOG.warning("the lease was not renewed: %s", error)
