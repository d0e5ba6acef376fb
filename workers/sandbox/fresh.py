"""The second backend: a jail from nothing for every job, for what cannot live in a zygote.

    with Fresh(folder, scorer="evaluator.score.scoring", needs_jit=True) as sandbox:
        outcome = sandbox.run(Job(adapter, inputs, manifest))

A sponsor's code (no fork of a process that served another), and a base whose library loads parts of
itself late or compiles kernels while it runs. It costs the start of an interpreter a job.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from evaluator.bases.sizes import GENERIC_BYTES
from workers.sandbox import bubblewrap, cgroups, levels, protocol, seccomp, slots, watch
from workers.sandbox.bubblewrap import View
from workers.sandbox.errors import BoxMissing
from workers.sandbox.jobs import CPU_SLACK_S, Job, Outcome, verdict
from workers.sandbox.levels import Level
from workers.sandbox.protocol import Report, Status
from workers.sandbox.runner import ENVIRONMENT, place_for
from workers.sandbox.stamp import UNTRIED, policy_name

START_S, END_S, PAUSE_S = 120.0, 5.0, 0.002
LAST_WORDS_CHARS = 500
SIGNALLED, SIGNALS = 128, 64  # how bubblewrap says that a signal ended what it ran


@dataclass(frozen=True)
class Needs:
    """What a scorer must have that a zygote's child may not.

    jit    memory that becomes executable
    opens  files may still be opened after the lock: a library that loads parts of itself late
    """

    jit: bool = False
    opens: bool = False

    @property
    def filter_name(self) -> str:
        """The inner filter: the narrowest that gives this much."""
        if self.jit:
            return seccomp.WITH_JIT
        return seccomp.IN_EMPTY_ROOT if self.opens else seccomp.WITHOUT_OPEN


@dataclass
class _Cell:
    """A jail on its way.

    process    bubblewrap outside; pid: process 1 inside, as this host counts
    loaded_*   what loading took, which is ours: processor time and private memory
    """

    process: "subprocess.Popen[bytes]"
    line: watch.Line
    born_s: float
    pid: int = 0
    loaded_s: float = 0.0
    loaded_bytes: int = 0

    def wait(self) -> tuple[int, resource.struct_rusage]:
        """bubblewrap's exit code, and what it and all within it used. raises OSError: it stays"""
        give_up_s = time.monotonic() + END_S
        while time.monotonic() < give_up_s:
            pid, status, used = os.wait4(self.process.pid, os.WNOHANG)
            if pid:
                self.process.returncode = os.waitstatus_to_exitcode(status)
                return self.process.returncode, used
            time.sleep(PAUSE_S)
        raise OSError("bubblewrap does not end")


class Fresh:
    """One kind of job, each in a jail of its own. A context manager, of the main thread."""

    def __init__(
        self,
        base_folder: Path | None,
        level: Level | None = None,
        *,
        scorer: str,
        needs: Needs = Needs(),
        probe_sha256: str = UNTRIED,
    ) -> None:
        """Nothing starts yet.

        base_folder  what the scorer's load_base is given; None: an empty path
        level        full or nocgroup; None: full where there is a cgroup
        scorer       a module with load_base and predict (zygote.py says what they take)
        """
        self._base, self._wanted, self._scorer, self._needs = base_folder, level, scorer, needs
        self._probe_sha256 = probe_sha256
        self._place: cgroups.Place | None = None
        self.level, self.policy_sha256 = Level.NOCGROUP, ""

    def __enter__(self) -> Self:
        """Probe the host, sweep what dead owners left.

        raises BoxMissing, LevelMissing, SandboxUnavailable
        """
        if reason := bubblewrap.why_not():
            raise BoxMissing("This host cannot make a fresh jail.", missing=reason)
        levels.strongest_level()  # the inner filter must hold; the walls have just been tried
        self._place = None if self._wanted is Level.NOCGROUP else place_for(Level.SECCOMP)
        self.level = Level.FULL if self._place else Level.NOCGROUP
        if self._wanted is Level.FULL and self.level is not Level.FULL:
            levels.require_level(Level.FULL)
        filters = [seccomp.ROUND_FRESH, self._needs.filter_name]
        self.policy_sha256 = policy_name("fresh", self.level, filters, self._probe_sha256)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing is kept between jobs."""

    def run(self, job: Job) -> Outcome:
        """Score one job. What foreign code does to itself is a status, not an error."""
        with ExitStack() as stack:
            try:
                group = self._group(job, stack)
                cell = self._start(job, group, stack)
                self._let_go(cell, job, group)
                return self._listen(cell, job, group)
            except (OSError, subprocess.SubprocessError) as error:
                return self._outcome(Status.SETUP_ERROR, setup_error=str(error)[-500:])

    def _group(self, job: Job, stack: ExitStack) -> cgroups.Cgroup | None:
        if self._place is None:
            return None
        group = cgroups.Cgroup(self._place, job.memory_bytes + GENERIC_BYTES)
        stack.callback(group.close)
        return group

    def _start(self, job: Job, group: cgroups.Cgroup | None, stack: ExitStack) -> _Cell:
        """Start bubblewrap and what runs in it. raises OSError, SubprocessError"""
        born_s = time.monotonic()
        view = View(self._folders())
        slot = slots.take_slot()
        stack.callback(slot.release)
        line, theirs = watch.open_line((job.adapter or b"", job.inputs, job.manifest))
        stack.callback(line.close)
        policy = protocol.sealed_memory("filter", seccomp.read_filter(seccomp.ROUND_FRESH).code)
        os.lseek(policy, 0, os.SEEK_SET)  # bubblewrap reads on from where we wrote
        inherited = [*theirs, policy]
        try:
            process = subprocess.Popen(
                self._command(view, inherited),
                cwd="/",
                env={},
                stdin=subprocess.DEVNULL,
                stdout=theirs[-1],
                stderr=theirs[-1],
                pass_fds=inherited,
                preexec_fn=bubblewrap.become(view, slot.uid, group),  # noqa: PLW1509 - one thread
            )
        finally:
            watch.close_all(inherited)
        stack.callback(_end, process)
        return _Cell(process, line, born_s)

    def _folders(self) -> tuple[Path, ...]:
        code = levels.PROJECT / self._scorer.partition(".")[0]  # a room; tests have their own
        return (code,) if self._base is None else (code, self._base)

    def _command(self, view: View, inherited: list[int]) -> list[str]:
        *fds, policy = map(str, inherited)
        walls = bubblewrap.walls(view, ENVIRONMENT)
        cell = [sys.executable, "-s", "-m", "workers.sandbox.cell"]
        asked = {
            "fds": ",".join(fds),
            "filter": self._needs.filter_name,
            "scorer": self._scorer,
            "base": str(self._base or ""),
        }
        options = [part for name, value in asked.items() for part in (f"--{name}", value)]
        return [*walls, "--seccomp", policy, *cell, *options]

    def _let_go(self, cell: _Cell, job: Job, group: cgroups.Cgroup | None) -> None:
        """Wait until it has loaded and locked up; from then on it is the job's time and memory.

        raises OSError with its last words when it does not come so far
        """
        line = cell.line
        line.control.settimeout(START_S)
        bounded = 0 if group else job.memory_bytes
        order = protocol.Order(job.cpu_s, bounded, job.adapter is not None)
        try:
            cell.pid, line.is_direct = watch.greet(line), True
            if group is not None:
                group.limit_memory(group.used_bytes() + job.memory_bytes)
            cell.loaded_bytes = watch.anonymous_bytes(cell.pid)
            line.control.send(order.encode())
            word, _, used_s = line.control.recv(protocol.MESSAGE_BYTES).partition(b" ")
        except OSError as error:
            raise OSError(f"{error}: {_last_words(cell)}") from error
        if word != protocol.LOCKED:
            raise OSError(f"the jail did not lock: {_last_words(cell)}")
        cell.loaded_s = float(used_s)

    def _listen(self, cell: _Cell, job: Job, group: cgroups.Cgroup | None) -> Outcome:
        begun_s = time.monotonic()
        most = None if group else cell.loaded_bytes + job.memory_bytes
        bounds = watch.Bounds(job.wall_s, job.result_bytes, most, job.log_bytes)
        heard = watch.listen(cell.line, bounds, begun_s, watch.Heard(jail=cell.pid))
        wall_s = time.monotonic() - begun_s
        report = _report(cell, job)
        status = heard.stopped or verdict(report, job, group.oom_kills() if group else 0)
        predictions = protocol.decode_predictions(bytes(heard.result))
        if status is Status.OK and predictions is None:
            status = Status.BAD_OUTPUT
        return replace(
            self._outcome(status),
            predictions=predictions if status is Status.OK else None,
            cpu_s=report.cpu_s,
            wall_s=wall_s,
            peak_bytes=(group.peak_bytes() if group else 0) or report.peak_bytes,
            log_tail=heard.log_tail,
            ready_s=begun_s - cell.born_s,
            chain_s=cell.loaded_s,
        )

    def _outcome(self, status: Status, *, setup_error: str = "") -> Outcome:
        return Outcome(
            status, None, 0.0, 0.0, 0, self.level, self.policy_sha256, setup_error=setup_error
        )


def _report(cell: _Cell, job: Job) -> Report:
    """What bubblewrap says of what ran in it, once it has ended."""
    code, used = cell.wait()
    cpu_s = max(0.0, used.ru_utime + used.ru_stime - cell.loaded_s)
    if code - SIGNALLED == signal.SIGKILL and cpu_s < job.cpu_s - CPU_SLACK_S:
        code = SIGNALLED + signal.SIGTERM  # a jail can say 137 itself: never "it was us"
    if SIGNALLED < code <= SIGNALLED + SIGNALS:
        code = SIGNALLED - code
    return Report(code, cpu_s, used.ru_maxrss * 1024)


def _last_words(cell: _Cell) -> str:
    """What it wrote before it ended; it is ended first."""
    _end(cell.process)
    return os.read(cell.line.log, watch.CHUNK_BYTES).decode(errors="replace")[-LAST_WORDS_CHARS:]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """No survivor, however we leave: bubblewrap dies, and the jail with it."""
    if process.returncode is None:
        process.kill()
        process.wait(END_S)
