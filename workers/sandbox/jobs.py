"""A job and its outcome: what goes into a sandbox, what comes out, and the ending's name."""

import signal
from dataclasses import dataclass
from typing import Protocol

from workers.sandbox.levels import Level
from workers.sandbox.protocol import EXIT_MEMORY, Report, Rows, Status

MOST_RESULT_BYTES = 64 << 20
CPU_SLACK_S = 0.4  # the kernel counts in ticks, and what a process spent before its job begins
# Forks of a zygote share one address layout: after these the next job gets a fresh one.
SUSPECT = {Status.POLICY_VIOLATION, Status.CRASH, Status.LOST, Status.SETUP_ERROR}


@dataclass(frozen=True)
class Job:
    """What is scored, and what it may use.

    adapter       the canonical blob, or None for the baseline
    inputs        packed token ids; never labels
    manifest      its canonical JSON
    wall_s        from the fork to the verdict
    memory_bytes  on top of what the base takes
    result_bytes  most that the answer may take; at most MOST_RESULT_BYTES
    log_bytes     how much of the end of what the job wrote is kept
    """

    adapter: bytes | None
    inputs: bytes
    manifest: bytes
    wall_s: float = 120.0
    cpu_s: float = 120.0
    memory_bytes: int = 1 << 30
    result_bytes: int = 256 << 10
    log_bytes: int = 2000

    def __post_init__(self) -> None:
        """A wrong limit is the caller's fault, and ends here."""
        assert 0 < self.result_bytes <= MOST_RESULT_BYTES, self.result_bytes


@dataclass(frozen=True)
class Outcome:
    """How it ended. `predictions` are there exactly when the status is ok.

    predictions    one row of whole numbers per example, each at most 2**53 - 1 either way
    level          how strongly it was locked up
    policy_sha256  what locked it up and what was tried on it before: `policy_name`
    log_tail       the end of what the job wrote: for operators, never for the miner
    ready_s        from the fork to the last lock
    chain_s        processor time of the job's supervisor, which is ours and not the miner's
    """

    status: Status
    predictions: Rows | None
    cpu_s: float
    wall_s: float
    peak_bytes: int
    level: Level
    policy_sha256: str
    log_tail: bytes = b""
    setup_error: str = ""
    ready_s: float = 0.0
    chain_s: float = 0.0


class Backend(Protocol):
    """What every kind of sandbox offers: Sandbox, a warm zygote, and Fresh, a jail from nothing."""

    level: Level
    policy_sha256: str

    def run(self, job: Job) -> Outcome:
        """Score one job. What foreign code does to itself is a status, not an error."""


def verdict(report: Report, job: Job, oom_kills: int) -> Status:
    """What the kernel's and the supervisor's word come to, when we did not end it ourselves."""
    if oom_kills or report.exit_code == EXIT_MEMORY:
        return Status.OOM
    if report.setup_error:
        return Status.SETUP_ERROR
    if report.exit_code == -signal.SIGKILL and report.cpu_s >= job.cpu_s - CPU_SLACK_S:
        return Status.TIMEOUT
    if report.exit_code in {None, -signal.SIGKILL}:  # a jail cannot send that: it came from outside
        return Status.LOST
    if report.exit_code == -signal.SIGSYS:
        return Status.POLICY_VIOLATION
    return Status.OK if report.exit_code == 0 else Status.CRASH
