"""Who this process is among the workers: a key of its own, which the log knows."""

import fcntl
import logging
import os
import platform
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import IO, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.utils import timezone

from assay import keys
from assay.runs import worker_words
from competitions import queries
from competitions.actions import crew
from competitions.actions.crew import Applicant
from workers.sandbox.levels import Level

_LOG = logging.getLogger(__name__)


class Identity(NamedTuple):
    """A worker's key. lock: an open file that keeps it from every other process"""

    name: str
    key: Ed25519PrivateKey
    lock: IO[str]

    @property
    def public(self) -> str:
        return keys.public_hex(self.key)


def me() -> Identity:
    """The key of this process; made at its first start, and the same at every later one."""
    return _of_process(os.getpid())


def levels_of_mine(held: list[str]) -> list[str]:
    """Of the sandbox levels that are held here, those of this process's key in the log.

    A key that is new is registered, with the strongest of them. None when it was retired: the log
    of this process tells why.
    """
    mine = me()
    known = queries.worker(mine.public)
    if known is None and held:
        device, level = f"cpu/{platform.machine()}", held[-1]
        words = worker_words(mine.name, mine.public, device, level)
        signature = mine.key.sign(words).hex()
        one = Applicant(mine.public, mine.name, device, level, signature)
        crew.register(one, now=timezone.now())
        return held
    if known is None:
        return []
    if known.retired_ms is not None:
        _LOG.error("%s is retired and takes no work: %s", known.name, known.reason)
        return []
    return [one for one in held if Level(one) <= Level(known.sandbox_level)]


def signed(words: bytes, *, worker: str) -> str:
    """What this process says of its own run. worker: whose lease it was"""
    mine = me()
    assert mine.public == worker, "a process signs what it has run"
    return mine.key.sign(words).hex()


@lru_cache(1)
def _of_process(_pid: int) -> Identity:
    """The first key that no other process of this host has: two processes are two workers."""
    folder = Path(settings.KEYS_FOLDER)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for number in count(1):
        lock = (folder / f"worker-{number}.lock").open("a")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        name = f"worker-{number}"
        return Identity(name, keys.read_or_make_key(folder / f"{name}.key"), lock)
    raise AssertionError("numbers do not end")
