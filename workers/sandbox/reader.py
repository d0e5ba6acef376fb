"""The reader of a sponsor's files, locked up: it parses what a stranger sends.

It needs its files, a folder to write into, and the base's tokenizer; it gets those, and neither the
network, the host's files, nor the site's data. Where there is no bubblewrap it runs with limits
alone, and `Read.is_jailed` says so.

What it leaves behind is a stranger's too: `taken` opens plain files only, never through a link.
"""

import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from workers.sandbox import bubblewrap, cgroups, protocol, seccomp, slots
from workers.sandbox.bubblewrap import View
from workers.sandbox.levels import PROJECT, Level
from workers.sandbox.runner import ENVIRONMENT, place_for

MOST_FILE_BYTES = 1 << 30
INSIDE = {**ENVIRONMENT, "HOME": "/tmp"}  # noqa: S108 - the jail's own


@dataclass(frozen=True)
class Allowance:
    """What one reading may use: seconds on the wall, bytes of memory."""

    wall_s: float
    memory_bytes: int


@dataclass(frozen=True)
class Read:
    """How it ended, and what it said."""

    exit_code: int
    said: str
    noise: str
    is_jailed: bool


class NotPlain(Exception):
    """The reader left something else than a plain file of a sensible size."""


def run_reader(
    words: Sequence[str], folder: Path, allowed: Allowance, *, read_only: Sequence[Path] = ()
) -> Read:
    """Run this interpreter with `words`, able to write into `folder` alone.

    folder     its files become the jail's own while it runs
    read_only  folders besides interpreter and rooms
    raises     subprocess.TimeoutExpired; OSError when it cannot be started
    """
    if bubblewrap.why_not():
        return _run([sys.executable, *words], allowed, _limits(allowed, has_group=False))
    with ExitStack() as stack:
        place = place_for(Level.SECCOMP)  # a cgroup when there is one
        group = cgroups.Cgroup(place, allowed.memory_bytes) if place else None
        if group is not None:
            stack.callback(group.close)
        view = View(read_only=tuple(read_only), writable=(folder,))
        slot = slots.take_slot()
        stack.callback(slot.release)
        _give(folder, slot.uid)
        policy = protocol.sealed_memory("filter", seccomp.read_filter(seccomp.ROUND_FRESH).code)
        stack.callback(os.close, policy)
        os.lseek(policy, 0, os.SEEK_SET)
        walls = [*bubblewrap.walls(view, INSIDE), "--seccomp", str(policy)]
        limit = _limits(allowed, has_group=group is not None)
        become = bubblewrap.become(view, slot.uid, group)

        def prepare() -> None:
            limit()
            become()

        return _run([*walls, sys.executable, *words], allowed, prepare, policy)


def taken(folder: Path, name: str, limit_bytes: int = MOST_FILE_BYTES) -> bytes:
    """The bytes of a plain file that the reader left.

    raises NotPlain for a link, in the folder's place too, a pipe, a second name, too many bytes, or
           when it is not there
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with ExitStack() as stack:
        try:
            inside = os.open(folder, flags | os.O_DIRECTORY)
            stack.callback(os.close, inside)
            handle = os.open(name, flags, dir_fd=inside)
            stack.callback(os.close, handle)
        except OSError as error:  # also ELOOP: a link
            raise NotPlain(f"{name}: {error.strerror}") from error
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_size > limit_bytes:
            raise NotPlain(f"{name} is no plain file of at most {limit_bytes} bytes")
        return protocol.read_whole(handle)


def _run(
    command: Sequence[str], allowed: Allowance, prepare: Callable[[], None], *passed: int
) -> Read:
    done = subprocess.run(
        command,
        check=False,
        cwd=PROJECT,
        env=INSIDE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=allowed.wall_s,
        pass_fds=passed,
        preexec_fn=prepare,
    )
    return Read(done.returncode, done.stdout, done.stderr, is_jailed=bool(passed))


def _limits(allowed: Allowance, *, has_group: bool) -> Callable[[], None]:
    def limit() -> None:
        most = {resource.RLIMIT_CORE: 0, resource.RLIMIT_FSIZE: MOST_FILE_BYTES}
        if not has_group:
            most[resource.RLIMIT_AS] = allowed.memory_bytes
        for what, amount in most.items():
            hard = resource.getrlimit(what)[1]
            allows = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
            resource.setrlimit(what, (allows, allows))

    return limit


def _give(folder: Path, uid: int) -> None:
    """Root hands folder and files over; an ordinary user's are his own."""
    if os.geteuid() != 0:
        return
    for path in (folder, *folder.iterdir()):
        os.chown(path, uid, uid, follow_symlinks=False)
