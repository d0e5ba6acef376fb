"""A jail tried for real before it may hold a miner's code: the whole chain, with hostile jobs.

`python manage.py sandbox_doctor` prints it; every worker does it once before its first job.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workers.sandbox.abuse import ERRORS, QUIET
from workers.sandbox.errors import SandboxUnavailable
from workers.sandbox.fresh import Fresh
from workers.sandbox.jobs import Backend, Job
from workers.sandbox.levels import Level
from workers.sandbox.protocol import Status
from workers.sandbox.runner import Sandbox

SCORER = "workers.sandbox.abuse"
MEMORY_BYTES, CPU_S, WALL_S, SHORT_WALL_S = 64 << 20, 5.0, 5.0, 0.2
ENDINGS = {  # what each must be called by us
    "trace": Status.POLICY_VIOLATION,
    "memory_bomb": Status.OOM,
    "sleep": Status.TIMEOUT,
    "flood": Status.LOG_LIMIT,
}


@dataclass(frozen=True)
class Trial:
    """What was tried, and what held.

    held   case -> True when the jail stopped it and we named its end rightly
    took_s from the start of the first process to the last verdict
    """

    level: Level
    held: dict[str, bool]
    took_s: float

    @property
    def escapes(self) -> list[str]:
        """The cases that were not stopped, or that we did not see."""
        return [case for case, held in self.held.items() if not held]

    @property
    def sha256(self) -> str:
        """The hash of cases and answers: the same on every host where the same was held."""
        written = json.dumps(self.held, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(written.encode()).hexdigest()


def try_zygote(level: Level) -> Trial:
    """Try the jails of a zygote. raises SandboxUnavailable, LevelMissing, ZygoteFailed"""
    begun_s = time.monotonic()
    with Sandbox(Path("/"), level, scorer=SCORER) as sandbox:
        held = dict(_cases(sandbox))
    return Trial(level, held, time.monotonic() - begun_s)


def try_fresh() -> Trial:
    """Try the jails of bubblewrap. raises BoxMissing, LevelMissing"""
    begun_s = time.monotonic()
    with Fresh(None, scorer=SCORER) as fresh:
        held = dict(_cases(fresh))
        return Trial(fresh.level, held, time.monotonic() - begun_s)


@cache
def passed_zygote(level: Level) -> Trial:
    """The same, once per process, and only when nothing got out. raises SandboxUnavailable too"""
    return _passed(try_zygote(level))


@cache
def passed_fresh() -> Trial:
    """The same for the fresh backend. raises SandboxUnavailable too"""
    return _passed(try_fresh())


def _passed(trial: Trial) -> Trial:
    if trial.escapes:
        raise SandboxUnavailable(
            f"The sandbox does not hold at level {trial.level.value}.",
            missing=f"not stopped: {', '.join(trial.escapes)}",
        )
    return trial


def _cases(backend: Backend) -> Iterator[tuple[str, bool]]:
    quiet = backend.run(_job(QUIET))
    answers = quiet.predictions or ((1,),) * len(ERRORS)
    yield from zip(ERRORS, (row == (0,) for row in answers), strict=True)
    for name, status in ENDINGS.items():
        yield name, backend.run(_job(name)).status is status


def _job(name: str) -> Job:
    wall_s = SHORT_WALL_S if name == "sleep" else WALL_S
    return Job(name.encode(), b"", b"", wall_s=wall_s, cpu_s=CPU_S, memory_bytes=MEMORY_BYTES)
