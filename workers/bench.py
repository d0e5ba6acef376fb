"""The sandboxes of this process: one per base, started when it is first needed, then kept warm."""

from functools import cache
from pathlib import Path

from evaluator.bases import base_named, folder_of
from workers.sandbox.runner import Sandbox


def sandbox_of(base: str) -> Sandbox:
    """The warm sandbox that holds this base. raises BaseUnknown, BaseMissing, SandboxUnavailable"""
    return _sandbox(folder_of(base_named(base)))


@cache
def _sandbox(folder: Path) -> Sandbox:
    """Entered and never left: the kernel ends its processes with this one."""
    return Sandbox(folder).__enter__()
