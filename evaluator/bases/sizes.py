"""How much memory a base asks for, before anything of it is read, and how much there is."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from evaluator.bases.folder import refused
from evaluator.bases.headers import FLOATS, Held

FLOAT_BYTES = 4
ROOM_BYTES = 1 << 30  # an interpreter with torch, and the states of a batch
GENERIC_BYTES = 8 << 30  # what a jail of a generic base may take while it loads
GROUP_FILES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_GIB = 1 << 30


def weight_bytes(held: Iterable[Held]) -> int:
    """What the weights take in memory, where they are float32."""
    return FLOAT_BYTES * sum(one.values for one in held if one.dtype in FLOATS)


def refuse_too_large(folder: Path, weights: int, files: Iterable[Path], store: Path) -> None:
    """A base that this machine cannot hold. raises BaseRefused

    weights  bytes of the base as float32; an adapter merged into it takes as much again
    """
    need, memory = 2 * weights + ROOM_BYTES, memory_bytes()
    if need > memory:
        raise refused(
            folder,
            f"it needs {_shown(need)} of memory to be scored under an adapter, and this machine "
            f"has {_shown(memory)}",
            "Choose a smaller model, or add it on a machine with more memory.",
        )
    size, free = sum(one.stat().st_size for one in files), shutil.disk_usage(store).free
    if size > free:
        raise refused(
            folder,
            f"its files have {_shown(size)}, and the store has room for {_shown(free)}",
            f"Make room, or let ASSAY_BASES name a folder on a larger disk than {store}.",
        )


def refuse_too_large_to_be_generic(folder: Path, weights: int) -> None:
    """A base that transformers computes is loaded anew for every job. raises BaseRefused"""
    need = weights + ROOM_BYTES
    if need > GENERIC_BYTES:
        raise refused(
            folder,
            f"transformers computes its family in a jail of {_shown(GENERIC_BYTES)}, and it needs "
            f"{_shown(need)}",
            "Choose a smaller model, or one of the Llama, Mistral or Qwen2 families.",
        )


def memory_bytes() -> int:
    """The memory of this machine, or of the group of processes that this one is in."""
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in GROUP_FILES:
        text = path.read_text().strip() if path.is_file() else ""
        found += [int(text)] if text.isdigit() else []
    return min(found)


def _shown(size: int) -> str:
    return f"{size / _GIB:.1f} GiB"
