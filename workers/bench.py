"""The sandboxes of this process: one per base, started when it is first needed, then kept warm."""

from functools import cache
from pathlib import Path

from evaluator.bases import base_named, folder_of
from workers.sandbox import bubblewrap
from workers.sandbox.fresh import Fresh, Needs
from workers.sandbox.jobs import Backend
from workers.sandbox.runner import Sandbox, strongest_level
from workers.sandbox.trial import passed_fresh, passed_zygote


def sandbox_of(base: str) -> Backend:
    """The sandbox that holds this base. raises BaseUnknown, BaseMissing, SandboxUnavailable"""
    found = base_named(base)
    return _sandbox(folder_of(found), found.scorer, is_generic=found.is_generic)


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
    level = strongest_level()
    tried = passed_zygote(level)
    return Sandbox(folder, level, scorer=scorer, probe_sha256=tried.sha256).__enter__()
