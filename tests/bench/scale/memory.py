"""How much memory two slots of a worker take while both of them score."""

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from evaluator.bases import folder_of
from evaluator.intake import admit_folder
from evaluator.task.manifest import to_bytes
from tests.bench.scale.build import Bench
from workers.sandbox.protocol import Status
from workers.sandbox.runner import Job, Sandbox

SLOTS, EVERY_S = 2, 0.02


def slots_mb(bench: Bench) -> float:
    """The most that zygotes and jails of two slots held at once; what they share is counted once.

    raises PermissionError where a jail's memory cannot be looked at: not root, and hardened
    """
    manifest, most = bench.prepared.manifest, 0
    adapter = admit_folder(bench.adapter, manifest).canonical
    job = Job(adapter, bench.prepared.public_inputs, to_bytes(manifest), result_bytes=8 << 20)
    with ExitStack() as held:
        slots = [held.enter_context(Sandbox(folder_of(bench.base))) for _ in range(SLOTS)]
        found: list[Status] = []
        working = [
            threading.Thread(target=lambda one=one: found.append(one.run(job).status))
            for one in slots
        ]
        for one in working:
            one.start()
        while any(one.is_alive() for one in working):
            most = max(most, sum(_held_bytes(pid) for one in slots for pid in _family(one)))
            time.sleep(EVERY_S)
    assert found == [Status.OK] * SLOTS, found
    return most / 1e6


def _family(slot: Sandbox) -> Iterator[int]:
    """The zygote's process, and all below it."""
    waiting = [slot.zygote_pid]
    while waiting:
        pid = waiting.pop()
        yield pid
        try:
            told = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        waiting += map(int, told.split())


def _held_bytes(pid: int) -> int:
    """Its proportional share of what is in memory; 0 once it has ended."""
    try:
        told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    sizes = [line.split()[1] for line in told.splitlines() if line.startswith("Pss:")]
    return int(sizes[0]) * 1024 if sizes else 0
