"""What the sandbox costs: the same warm scorer with and without it, on the same jobs, in turn."""

import importlib
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.sandbox.jobs import Job
from workers.sandbox.levels import Level
from workers.sandbox.protocol import Status
from workers.sandbox.runner import SCORER, Sandbox

USER_TIME_FIELD, SYSTEM_TIME_FIELD = 11, 12  # of /proc/PID/stat after the name: proc(5) 14 and 15


@dataclass(frozen=True)
class Overhead:
    """One measurement. Processor time is user and system time together.

    child_ready_s    median time from the zygote's fork to the last lock, on the wall
    sandboxed_cpu_s  of all jobs: jail, its supervisor, the zygote, and the runner's part
    plain_cpu_s      of the same jobs in one warm process without a sandbox
    """

    level: Level
    jobs: int
    child_ready_s: float
    sandboxed_cpu_s: float
    plain_cpu_s: float

    @property
    def sandbox_over_plain(self) -> float:
        """1.0: it costs nothing."""
        return self.sandboxed_cpu_s / self.plain_cpu_s


def measure_overhead(
    base_folder: Path,
    jobs: Sequence[Job],
    *,
    scorer: str = SCORER,
    level: Level | None = None,
    rounds: int = 3,
) -> Overhead:
    """Run every job with and without the sandbox, in turn, after one unmeasured round.

    jobs    they must end well, with the same predictions on both sides
    raises  AssertionError when they do not; SandboxUnavailable, LevelMissing, ZygoteFailed
    """
    module = importlib.import_module(scorer)
    weights = module.load_base(base_folder)
    ready, sandboxed_s, plain_s = [], 0.0, 0.0
    with Sandbox(base_folder, level, scorer=scorer) as sandbox:
        for job in jobs:
            _run_both(sandbox, module, weights, job)
        zygote_s = _spent_s(sandbox.zygote_pid)
        for job in [*jobs] * rounds:
            locked, free_s = _run_both(sandbox, module, weights, job)
            ready.append(locked.ready_s)
            sandboxed_s, plain_s = sandboxed_s + locked.cpu_s, plain_s + free_s
        sandboxed_s += _spent_s(sandbox.zygote_pid) - zygote_s
    return Overhead(sandbox.level, len(ready), statistics.median(ready), sandboxed_s, plain_s)


@dataclass(frozen=True)
class _Locked:
    ready_s: float
    cpu_s: float


def _run_both(sandbox: Sandbox, module: Any, weights: object, job: Job) -> tuple[_Locked, float]:
    """The same job locked up and free. The runner's own processor time is the sandbox's cost."""
    begun_s = time.process_time()
    outcome = sandbox.run(job)
    own_s = time.process_time() - begun_s
    assert outcome.status is Status.OK, outcome
    begun_s = time.process_time()
    rows = module.predict(weights, job.adapter, job.inputs, job.manifest)
    free_s = time.process_time() - begun_s
    assert outcome.predictions == tuple(map(tuple, rows)), "the two sides disagree"
    locked = _Locked(outcome.ready_s, outcome.cpu_s + outcome.chain_s + own_s)
    return locked, free_s


def _spent_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[USER_TIME_FIELD]) + int(fields[SYSTEM_TIME_FIELD])
    return ticks / os.sysconf("SC_CLK_TCK")
