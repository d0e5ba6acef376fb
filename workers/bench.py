"""The sandboxes of this process: one per base, started when it is first needed, then kept warm.

Before the first of them, hostile jobs are run against the strongest jail that this host gives.
"""

import logging
import subprocess
import sys
from functools import cache
from pathlib import Path

from evaluator.bases import base_named, bases, folder_of
from evaluator.libraries import OF_GENERIC_BASES, has
from workers.sandbox import bubblewrap
from workers.sandbox.errors import SandboxUnavailable
from workers.sandbox.fresh import Fresh, Needs
from workers.sandbox.jobs import Backend
from workers.sandbox.levels import PROJECT, Level, strongest_level
from workers.sandbox.runner import ENVIRONMENT, Sandbox
from workers.sandbox.trial import passed_fresh, passed_zygote

KNOWN_S = 300
_LOG = logging.getLogger(__name__)
level_here = cache(strongest_level)


def sandbox_of(base: str) -> Backend:
    """The sandbox that holds this base. raises BaseUnknown, BaseMissing, SandboxUnavailable"""
    found = base_named(base)
    return _sandbox(folder_of(found), found.scorer, is_generic=found.is_generic)


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


def levels_held() -> list[str]:
    """The levels that jails of this host are as strong as; none when there can be no jail."""
    try:
        level = level_here()
    except SandboxUnavailable as error:
        _LOG.warning("%s %s", error, error.next_step)
        return []
    return [one.value for one in Level if one <= level]


def runs_generic() -> bool:
    """True when what computes generic bases is installed: the set for training has it."""
    return has(*OF_GENERIC_BASES)


def can_compute(base: str) -> bool:
    """True unless the base is a generic one and this worker has nothing for it; the log says so."""
    is_possible = runs_generic() or all(one.name != base or not one.is_generic for one in bases())
    if not is_possible:
        say_left_to_others()
    return is_possible


def say_left_to_others() -> None:
    """In the log: who has to take what waits."""
    _LOG.warning(
        "work on generic bases is left to workers that have %s: make setup SET=train",
        " and ".join(OF_GENERIC_BASES),
    )


@cache
def is_known_here() -> bool:
    """True when this machine gives the engine's known answers; asked once per process."""
    command = [sys.executable, "-m", "evaluator.engine.known"]
    done = subprocess.run(
        command, check=False, cwd=PROJECT, env=ENVIRONMENT, capture_output=True, timeout=KNOWN_S
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-300:]
        _LOG.error("this machine does not give the known answers of the engine. %s", said)
    return done.returncode == 0


@cache
def _sandbox(folder: Path, scorer: str, *, is_generic: bool) -> Backend:
    """Entered and never left: the kernel ends its processes with this one.

    Hostile jobs are tried first, once per process; a sandbox that lets one out holds no entry. A
    generic base loads parts of its library late and may compile kernels: it gets fresh jails. Where
    there is no bubblewrap it has to do with a zygote's, and the dry run shows whether it can.
    """
    if is_generic and not bubblewrap.why_not():
        needs, tried = Needs(jit=True, opens=True), passed_fresh()
        fresh = Fresh(folder, scorer=scorer, needs=needs, probe_sha256=tried.sha256)
        return fresh.__enter__()
    level = level_here()
    tried = passed_zygote(level)
    return Sandbox(folder, level, scorer=scorer, probe_sha256=tried.sha256).__enter__()
