"""The sandboxes of this process: one per base, started when it is first needed, then kept warm."""

from functools import cache
from pathlib import Path

from evaluator.bases import base_named, folder_of
from workers.sandbox.runner import Sandbox, strongest_level
from workers.sandbox.trial import passed_zygote


def sandbox_of(base: str) -> Sandbox:
    """The warm sandbox that holds this base. raises BaseUnknown, BaseMissing, SandboxUnavailable"""
    return _sandbox(folder_of(base_named(base)))


@cache
def _sandbox(folder: Path) -> Sandbox:
    """Entered and never left: the kernel ends its processes with this one.

    Hostile jobs are tried first, once per process; a sandbox that lets one out holds no entry.
    """
    level = strongest_level()
    tried = passed_zygote(level)
    return Sandbox(folder, level, probe_sha256=tried.sha256).__enter__()
