"""One command, one supervisor: the broker, and when it answers web, three workers, beat together.

A dead child is started again (after 1, 2, 4 ... 30 s); stopping goes the other way round; when the
supervisor itself is killed with -9, the kernel ends its children (Linux: a death signal each).
Start children from the main thread only: the death signal follows the thread that made them.
"""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from assay.errors import AssayError
from workers import logs, modes

PR_SET_PDEATHSIG = 1
LONGEST_PAUSE_S, FORGIVEN_AFTER_S = 30, 60
FAILS_AT_START = 3
LOOK_S = 0.05
TELL_S = 5.0
LAST_WORDS_BYTES = 1500
_LIBC = ctypes.CDLL(None, use_errno=True)


class AlreadyRunning(AssayError):
    """Another supervisor works in this data folder. Facts: folder, pid."""

    code, status = "supervisor.already_running", 409
    next_step = "Stop the other one first, or choose another folder with ASSAY_DATA."


class ChildFailed(AssayError):
    """A part of the site did not become ready. Facts: name, log, said."""

    code, status = "supervisor.child_failed", 503
    next_step = "Read its log; the last lines say why."


@dataclass(frozen=True)
class Child:
    """One process of the site.

    is_ready       whether it answers; asked again and again until it does
    stop_s         how long it may take to end after SIGTERM
    orphan_signal  what the kernel sends it when the supervisor dies
    start_s        how long it may take to be ready, on a machine that is busy with other things
    is_first       the children after it start when it is ready, and it stops after them; those
                   between two of this kind start and stop together
    """

    name: str
    command: tuple[str, ...]
    is_ready: Callable[[], bool]
    stop_s: int
    orphan_signal: signal.Signals = signal.SIGTERM
    start_s: int = 600
    is_first: bool = False


@dataclass(frozen=True)
class Plan:
    """The children in starting order, and what they find.

    data   folder of logs (data/log), ready files and lock (data/run)
    cwd    where they start
    notes  what a person should know, one line each: what is absent and what it would add
    """

    data: Path
    cwd: Path
    children: tuple[Child, ...]
    environment: Mapping[str, str]
    address: str
    notes: tuple[str, ...] = ()

    @property
    def run_folder(self) -> Path:
        """Lock, sockets and the files by which workers say that they are ready."""
        return self.data / "run"


@dataclass
class _Running:
    child: Child
    process: subprocess.Popen[bytes]
    started_s: float
    fails: int = 0
    again_s: float | None = None


class Supervisor:
    """Keeps a plan running. Use as a context manager, or call start, tend and stop."""

    def __init__(self, plan: Plan, say: Callable[[str], None] = lambda _: None) -> None:
        """say  takes one line for a person, as things happen"""
        self._plan, self._say = plan, say
        self._running: list[_Running] = []
        self._lock: IO[str] | None = None
        self._is_asked_to_stop = False

    def __enter__(self) -> Self:
        """Start; when that fails, stop what has started."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start the children, side by side where no one waits for another.

        raises AlreadyRunning, ChildFailed; returns early when asked to stop
        """
        for folder in (self._plan.data, self._plan.run_folder, self._plan.data / "log"):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._take_lock()
        for stale in self._plan.run_folder.glob("*.ready"):
            stale.unlink()
        for _, children in groupby(self._plan.children, _place_of):
            if self._is_asked_to_stop:
                return
            begun_s = time.monotonic()
            group = [_Running(one, self._spawn(one), begun_s) for one in children]
            self._running += group
            self._wait_until_ready(group, begun_s)

    def tend(self) -> None:
        """Look at every child once; start a dead one again, later each time; cut long logs."""
        for running in self._running:
            self._look_at(running)
            log = self._log_of(running.child)
            if logs.cut(log):
                self._say(f"{running.child.name}: its log was long, and goes on in a new one")

    def run(self, when_ready: Callable[[], None] = lambda: None) -> None:
        """Start, tend until asked to stop, stop. Logs lie in data/log."""
        with self:
            if not self._is_asked_to_stop:
                when_ready()
            while not self._is_asked_to_stop:
                self.tend()
                time.sleep(4 * LOOK_S)

    def ask_to_stop(self) -> None:
        """Make start and run return. Safe in a signal handler."""
        self._is_asked_to_stop = True

    def stop(self) -> None:
        """Stop in reverse order, kill what does not end in time, and give the folder free."""
        for _, group in groupby(reversed(self._running), lambda one: _place_of(one.child)):
            self._stop([*group])
        self._running.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _stop(self, group: list[_Running]) -> None:
        begun_s = time.monotonic()
        for running in group:
            running.process.terminate()
        for running in group:
            try:
                running.process.wait(max(0, begun_s + running.child.stop_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                self._say(f"{running.child.name}: did not stop in time, killed")
            _kill_group(running.process)
            running.process.wait()
            self._say(f"{running.child.name}: stopped in {time.monotonic() - begun_s:.1f} s")

    def pid_of(self, name: str) -> int:
        """The process that now is this child. raises KeyError for a name that does not run"""
        return {one.child.name: one.process.pid for one in self._running}[name]

    def _take_lock(self) -> None:
        path = self._plan.run_folder / "supervisor.lock"
        lock = path.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            owner = lock.read().strip()
            lock.close()
            message = f"A supervisor (process {owner}) already works in {self._plan.data}."
            raise AlreadyRunning(message, folder=self._plan.data, pid=owner) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        self._lock = lock

    def _spawn(self, child: Child) -> subprocess.Popen[bytes]:
        with self._log_of(child).open("ab") as log:
            return subprocess.Popen(
                child.command,
                cwd=self._plan.cwd,
                env=dict(self._plan.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_tied_to(os.getpid(), child.orphan_signal),  # noqa: PLW1509 - no threads
            )

    def _wait_until_ready(self, group: list[_Running], begun_s: float) -> None:
        """Until each of them is; every few seconds it is said who is not."""
        waiting, tell_s = group, begun_s + TELL_S
        while waiting and not self._is_asked_to_stop:
            now_s = time.monotonic()
            for running in waiting:
                if running.child.is_ready():
                    self._say(f"{running.child.name}: ready after {now_s - begun_s:.1f} s")
                    waiting = [one for one in waiting if one is not running]
                else:
                    self._look_at(running)
                    self._give_up_on(running, now_s - begun_s)
            if waiting and now_s > tell_s:
                names = ", ".join(one.child.name for one in waiting)
                self._say(f"{names}: starting, {now_s - begun_s:.0f} s so far")
                tell_s = now_s + TELL_S
            time.sleep(LOOK_S)

    def _give_up_on(self, running: _Running, waited_s: float) -> None:
        """raises ChildFailed for one that ended again and again, or that takes too long"""
        child = running.child
        if running.fails >= FAILS_AT_START or waited_s > child.start_s:
            log = self._log_of(child)
            raise ChildFailed(
                f"{child.name} did not become ready.", name=child.name, log=log, said=_end(log)
            )

    def _look_at(self, running: _Running) -> None:
        if running.process.poll() is None:
            return
        now_s, name = time.monotonic(), running.child.name
        if running.again_s is None:
            _kill_group(running.process)
            lived_s = now_s - running.started_s
            running.fails = 1 if lived_s > FORGIVEN_AFTER_S else running.fails + 1
            pause_s = min(LONGEST_PAUSE_S, 2 ** (running.fails - 1))
            running.again_s = now_s + pause_s
            code = running.process.returncode
            self._say(f"{name}: ended with {code}, starts again in {pause_s} s")
        elif now_s >= running.again_s:
            running.again_s, running.started_s = None, now_s
            running.process = self._spawn(running.child)
            self._say(f"{name}: started again")

    def _log_of(self, child: Child) -> Path:
        return self._plan.data / "log" / f"{child.name}.log"


def _place_of(child: Child) -> str:
    """Children of one place are started together: one that is first has a place of its own."""
    return child.name if child.is_first else ""


def _tied_to(parent: int, orphan_signal: signal.Signals) -> Callable[[], None]:
    """What a child does before exec: own group, files of its own, a death signal, no orphan."""

    def tie() -> None:
        os.setpgrp()
        os.umask(modes.OTHERS)
        if sys.platform == "linux":
            _LIBC.prctl(PR_SET_PDEATHSIG, int(orphan_signal), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End what a child may have left behind in its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _end(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - LAST_WORDS_BYTES))
        return file.read().decode(errors="replace")
