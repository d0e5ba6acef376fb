"""Run a foreign adapter on a base, locked up. The one door of the sandbox.

    with Sandbox(folder) as sandbox:
        outcome = sandbox.run(Job(adapter, inputs, manifest))

A Sandbox owns one zygote, which holds the base; each job is a fork of it in a jail of its own.
Use it from the main thread: the kernel kills the zygote when the thread that made it ends.
"""

import os
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from workers.sandbox import cgroups, levels, protocol, slots, watch
from workers.sandbox.errors import ZygoteFailed
from workers.sandbox.jobs import SUSPECT, Job, Outcome, verdict
from workers.sandbox.levels import Level, strongest_level
from workers.sandbox.protocol import Report, Status
from workers.sandbox.stamp import UNTRIED, policy_name

__all__ = ["Job", "Level", "Outcome", "Sandbox", "Status", "strongest_level"]

SCORER = "evaluator.score.scoring"
ENVIRONMENT = {
    "LC_ALL": "C.UTF-8",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": os.defpath,
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",
}
READY_S, CLOSE_S = 180.0, 5.0
JOBS_PER_ZYGOTE, ZYGOTE_AGE_S = 200, 3600.0
LAST_WORDS_CHARS = 500


class Sandbox:
    """One base, ready to score. A context manager; not for several threads at once."""

    def __init__(
        self,
        base_folder: Path,
        level: Level | None = None,
        *,
        scorer: str = SCORER,
        probe_sha256: str = UNTRIED,
    ) -> None:
        """Nothing starts yet.

        level         None: the strongest that works here; the outcome says which
        scorer        a module with load_base and predict (zygote.py says what they take)
        probe_sha256  what was tried on this host before: trial.py
        """
        self._base_folder, self._wanted, self._scorer = base_folder, level, scorer
        self._probe_sha256 = probe_sha256
        self._zygote: _Zygote | None = None
        self.level, self.policy_sha256 = Level.SECCOMP, ""
        self._place: cgroups.Place | None = None

    def __enter__(self) -> Self:
        """Probe the host, sweep what dead owners left, load the base.

        raises SandboxUnavailable, LevelMissing, ZygoteFailed
        """
        if self._wanted is None:
            self.level = strongest_level()
        else:
            levels.require_level(self._wanted)
            self.level = self._wanted
        filters = [self.level.filter_name]
        self.policy_sha256 = policy_name("zygote", self.level, filters, self._probe_sha256)
        self._place = place_for(self.level)
        self._fresh_zygote()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the zygote and whatever still runs under it."""
        self._drop_zygote()

    @property
    def start_s(self) -> float:
        """How long the present zygote took until it was ready."""
        return self._fresh_zygote().start_s

    @property
    def zygote_pid(self) -> int:
        """The process that holds the base now."""
        return self._fresh_zygote().pid

    def run(self, job: Job) -> Outcome:
        """Score one job. What the miner's code does to itself is a status, not an error.

        raises ZygoteFailed when a fresh zygote was needed and did not start
        """
        zygote = self._fresh_zygote()
        begun_s = time.monotonic()  # the start of a zygote is not the miner's time
        zygote.jobs += 1
        outcome = self._attempt(zygote, job, begun_s)
        if outcome.status in SUSPECT:
            self._drop_zygote()
        return replace(outcome, wall_s=time.monotonic() - begun_s)

    def _attempt(self, zygote: "_Zygote", job: Job, begun_s: float) -> Outcome:
        bounded_bytes = 0 if self._place else job.memory_bytes
        order = protocol.Order(job.cpu_s, bounded_bytes, job.adapter is not None)
        contents = (job.adapter or b"", job.inputs, job.manifest)
        group = None
        try:
            line = watch.hand_over(zygote.socket, order, contents)
        except OSError as error:
            return self._outcome(Status.LOST, setup_error=str(error))
        try:
            if self._place is not None:
                group = cgroups.Cgroup(self._place, job.memory_bytes)
            watch.let_go(line, group)
            most = None if group else zygote.anonymous_bytes + job.memory_bytes
            bounds = watch.Bounds(job.wall_s, job.result_bytes, most, job.log_bytes)
            heard = watch.listen(line, bounds, begun_s)
            return self._judge(heard, job, group)
        except OSError as error:
            return self._outcome(Status.SETUP_ERROR, setup_error=str(error))
        finally:
            line.close()
            if group is not None:
                group.close()

    def _judge(self, heard: watch.Heard, job: Job, group: cgroups.Cgroup | None) -> Outcome:
        report = heard.report or Report()
        status = heard.stopped or verdict(report, job, group.oom_kills() if group else 0)
        predictions = protocol.decode_predictions(bytes(heard.result))
        if status is Status.OK and predictions is None:
            status = Status.BAD_OUTPUT
        return replace(
            self._outcome(status, setup_error=report.setup_error),
            predictions=predictions if status is Status.OK else None,
            cpu_s=report.cpu_s,
            peak_bytes=(group.peak_bytes() if group else 0) or report.peak_bytes,
            log_tail=heard.log_tail,
            ready_s=report.ready_s,
            chain_s=report.chain_s,
        )

    def _outcome(self, status: Status, *, setup_error: str = "") -> Outcome:
        return Outcome(
            status, None, 0.0, 0.0, 0, self.level, self.policy_sha256, setup_error=setup_error
        )

    def _fresh_zygote(self) -> "_Zygote":
        if self._zygote is not None and self._zygote.is_worn_out():
            self._drop_zygote()
        if self._zygote is None:
            self._zygote = _Zygote(self._base_folder, self.level, self._scorer)
        return self._zygote

    def _drop_zygote(self) -> None:
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


def place_for(level: Level) -> cgroups.Place | None:
    """Where this level makes its cgroups, swept; the weak levels take one when there is one.

    raises OSError when the level is full and there is none
    """
    if level is Level.NOCGROUP:
        return None
    try:
        place = cgroups.find_place()
    except OSError:
        if level.has_cgroup:
            raise
        return None
    cgroups.sweep(place)
    return place


class _Zygote:
    """The process that holds the base, seen from the runner."""

    def __init__(self, base_folder: Path, level: Level, scorer: str) -> None:
        assert threading.current_thread() is threading.main_thread(), (
            "the kernel kills a zygote when the thread that made it ends"
        )
        self.jobs, self._born_s = 0, time.monotonic()
        self._slot = slots.take_slot()
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._words = os.memfd_create("zygote")
        asked = {
            "runner": os.getpid(),
            "socket": theirs.fileno(),
            "level": level.value,
            "scorer": scorer,
            "base": base_folder,
            "uid": self._slot.uid,
        }
        options = [part for name, value in asked.items() for part in (f"--{name}", str(value))]
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-s", "-m", "workers.sandbox.zygote", *options],
                cwd=levels.PROJECT,
                env=ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=self._words,
                stderr=self._words,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._wait_until_ready()
        self.start_s = time.monotonic() - self._born_s
        self.anonymous_bytes = watch.anonymous_bytes(self._process.pid)

    def _wait_until_ready(self) -> None:
        self.socket.settimeout(READY_S)
        room = socket.CMSG_SPACE(watch.CREDENTIALS.size)
        try:
            message, extra, _, _ = self.socket.recvmsg(64, room)
        except OSError:
            message = b""
        if message != protocol.READY:
            said = self._last_words()
            self.close()
            raise ZygoteFailed("The sandbox did not start.", said=said)
        _, uid, _ = watch.CREDENTIALS.unpack(extra[0][2][: watch.CREDENTIALS.size])
        assert uid != 0, "no jail ever holds the host's uid 0"

    @property
    def pid(self) -> int:
        """Its process, as this host counts."""
        return self._process.pid

    def is_worn_out(self) -> bool:
        """It has ended, or served long enough."""
        is_old = time.monotonic() - self._born_s > ZYGOTE_AGE_S
        return self._process.poll() is not None or is_old or self.jobs >= JOBS_PER_ZYGOTE

    def close(self) -> None:
        """End it; its jails end with it."""
        self.socket.close()
        self._process.kill()
        self._process.wait(CLOSE_S)
        self._slot.release()
        os.close(self._words)

    def _last_words(self) -> str:
        return protocol.read_whole(self._words).decode(errors="replace")[-LAST_WORDS_CHARS:]
