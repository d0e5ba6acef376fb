"""The class of this machine: on machines of one class, runs of mode `fast` give the same bits."""

import platform
from functools import cache
from pathlib import Path

CPU = Path("/proc/cpuinfo")
WIDEST_FIRST = ("avx512f", "avx2", "sse4_2")


@cache
def device_class() -> str:
    """Such as "cpu x86_64 AuthenticAMD avx2": kind, machine, maker, widest vectors."""
    told = _first_core()
    flags = set(told.get("flags", "").split())
    vectors = next((one for one in WIDEST_FIRST if one in flags), "")
    parts = ("cpu", platform.machine(), told.get("vendor_id", ""), vectors)
    return " ".join(part for part in parts if part)[:60]


def _first_core() -> dict[str, str]:
    """What the kernel says of the first core; nothing where it says nothing."""
    if not CPU.is_file():
        return {}
    lines = CPU.read_text("utf-8", "replace").partition("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {name.strip(): value.strip() for name, _, value in pairs}
