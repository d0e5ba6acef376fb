"""The sandboxes of this process: one per base, started when it is first needed, then kept warm.

Before the first of them, hostile jobs are run against the strongest jail that this host gives.
"""

import logging
import subprocess
import sys
from functools import cache
from pathlib import Path

from evaluator.bases import base_named, folder_of
from workers.sandbox.errors import SandboxUnavailable
from workers.sandbox.levels import PROJECT, Level, strongest_level
from workers.sandbox.runner import ENVIRONMENT, Sandbox
from workers.sandbox.trial import passed_zygote

KNOWN_S = 300
_LOG = logging.getLogger(__name__)
level_here = cache(strongest_level)


def sandbox_of(base: str) -> Sandbox:
    """The warm sandbox that holds this base. raises BaseUnknown, BaseMissing, SandboxUnavailable"""
    named = base_named(base)
    return _sandbox(folder_of(named), named.scorer)


def can_hold(least: str) -> bool:
    """True when jails of this host are at least so strong; the log says why when they are not."""
    try:
        level = level_here()
    except SandboxUnavailable as error:
        _LOG.warning("%s %s", error, error.next_step)
        return False
    if level < Level(least):
        _LOG.warning("work that needs %s is left to others: here is %s", least, level.value)
        return False
    return True


@cache
def is_exact_here() -> bool:
    """True when this machine gives the known answer of mode exact; asked once per process."""
    command = [sys.executable, "-m", "workers.exactness"]
    done = subprocess.run(
        command, check=False, cwd=PROJECT, env=ENVIRONMENT, capture_output=True, timeout=KNOWN_S
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-300:]
        _LOG.error("this machine does not give the known answer of mode exact. %s", said)
    return done.returncode == 0


@cache
def _sandbox(folder: Path, scorer: str) -> Sandbox:
    """Entered and never left: the kernel ends its processes with this one."""
    level = level_here()
    probe_sha256 = passed_zygote(level).sha256
    return Sandbox(folder, level, scorer=scorer, probe_sha256=probe_sha256).__enter__()
