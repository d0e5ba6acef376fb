"""The sandboxes of this process: one per base, started when it is first needed, then kept warm."""

from functools import cache
from pathlib import Path

from evaluator.bases import base_named, folder_of
from workers.sandbox.levels import Level, strongest_level
from workers.sandbox.runner import Sandbox

level_here = cache(strongest_level)


def sandbox_of(base: str) -> Sandbox:
    """The warm sandbox that holds this base. raises BaseUnknown, BaseMissing, SandboxUnavailable"""
    named = base_named(base)
    return _sandbox(folder_of(named), named.scorer)


def can_hold(least: str) -> bool:
    """True when jails of this host are at least so strong. raises SandboxUnavailable"""
    return not level_here() < Level(least)


@cache
def _sandbox(folder: Path, scorer: str) -> Sandbox:
    """Entered and never left: the kernel ends its processes with this one."""
    return Sandbox(folder, scorer=scorer).__enter__()
