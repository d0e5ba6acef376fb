"""Memory and process limits by cgroup, version 1 or 2, and the sweep of what a kill -9 left behind.

A folder is named `assay-<pid namespace>-<owner pid>-<owner start>-<serial>`: its owner is gone when
no process of that pid started at that time. Folders of another pid namespace are left alone.
"""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PROCESSES = 64
REMOVE_S, REMOVE_PAUSE_S = 2.0, 0.005
NAME_PARTS = 5
START_TIME_FIELD = 19  # of /proc/PID/stat, after the name: field 22 of proc(5)


@dataclass(frozen=True)
class Place:
    """Where groups can be made here. v2: one folder; v1: memory's folder, then pids'."""

    folders: tuple[Path, ...]
    is_v2: bool


class Cgroup:
    """The limits of one job. Make, add a process, read, close."""

    def __init__(self, place: Place, memory_bytes: int) -> None:
        """Make the folders and write the limits.

        raises OSError when they cannot be made or a limit does not hold
        """
        self._is_v2 = place.is_v2
        self._folders = [folder / _new_name() for folder in place.folders]
        for folder in self._folders:
            folder.mkdir()
        try:
            self._limit(memory_bytes)
        except OSError:
            self.close()
            raise

    def _limit(self, memory_bytes: int) -> None:
        memory, pids = self._folders[0], self._folders[-1]
        (pids / "pids.max").write_text(str(PROCESSES))
        if self._is_v2:
            (memory / "memory.oom.group").write_text("1")
        self.limit_memory(memory_bytes)

    def limit_memory(self, memory_bytes: int) -> None:
        """Most memory, swap included; a later call may only lower it. raises OSError"""
        memory = self._folders[0]
        name, swap, no_swap = "memory.max", memory / "memory.swap.max", 0
        if not self._is_v2:
            name, swap = "memory.limit_in_bytes", memory / "memory.memsw.limit_in_bytes"
            no_swap = memory_bytes
        (memory / name).write_text(str(memory_bytes))
        if swap.exists():
            swap.write_text(str(no_swap))

    def used_bytes(self) -> int:
        """Memory in use now, cached files included."""
        name = "memory.current" if self._is_v2 else "memory.usage_in_bytes"
        return int((self._folders[0] / name).read_text())

    def add(self, pid: int) -> None:
        """Move a process in; what it forks from now on is in as well."""
        for folder in self._folders:
            (folder / "cgroup.procs").write_text(str(pid))

    def oom_kills(self) -> int:
        """How often the kernel killed in here for want of memory. Read it before close."""
        name = "memory.events" if self._is_v2 else "memory.oom_control"
        counts = dict(line.split() for line in (self._folders[0] / name).read_text().splitlines())
        return int(counts["oom_kill"])

    def peak_bytes(self) -> int:
        """Most memory in use at once; 0 where the kernel does not count it."""
        name = "memory.peak" if self._is_v2 else "memory.max_usage_in_bytes"
        peak = self._folders[0] / name
        return int(peak.read_text()) if peak.exists() else 0

    def close(self) -> None:
        """Remove the folders. What does not go within two seconds, the next sweep takes."""
        for folder in self._folders:
            _remove(folder)


def find_place() -> Place:
    """The first place, from our own group upwards, where a group with both limits can be made.

    raises OSError, the last one met, when there is none
    """
    failure = OSError("no memory and pids controllers are mounted")
    for place in _candidates():
        try:
            Cgroup(place, 64 << 20).close()
        except OSError as error:
            failure = error
        else:
            return place
    raise failure


def sweep(place: Place) -> int:
    """Kill and remove what dead owners left. Returns the number of folders taken away."""
    swept = 0
    for folder in place.folders:
        for left in folder.glob("assay-*"):
            if _is_orphan(left.name):
                _empty(left)
                _remove(left)
                swept += 1
    return swept


def _candidates() -> list[Place]:
    if (ROOT / "cgroup.controllers").exists():
        own = ROOT / _own_path("").relative_to("/")
        folders = dict.fromkeys([own, *([own.parent] if own != ROOT else []), ROOT])
        places = [Place((folder,), is_v2=True) for folder in folders]
        for place in places:
            _delegate(place.folders[0])
        return places
    pairs = [
        tuple(ROOT / name / _own_path(name).relative_to("/") for name in ("memory", "pids")),
        (ROOT / "memory", ROOT / "pids"),
    ]
    return [Place(pair, is_v2=False) for pair in pairs if all(one.is_dir() for one in pair)]


def _own_path(controller: str) -> Path:
    """Where this process is in the tree of a v1 controller; '' is the v2 tree."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        if controller in names.split(","):
            return Path(os.path.normpath(path))
    return Path("/")


def _delegate(folder: Path) -> None:
    """Let children of a v2 group have limits; a group with processes of its own cannot."""
    with suppress(OSError):
        (folder / "cgroup.subtree_control").write_text("+memory +pids")


def _new_name() -> str:
    pid = os.getpid()
    return f"assay-{_pid_namespace()}-{pid}-{_start_time(pid)}-{time.monotonic_ns()}"


def _pid_namespace() -> int:
    return Path("/proc/self/ns/pid").stat().st_ino


def _start_time(pid: int) -> str:
    """Clock ticks since boot, from the kernel; with the pid it names one process for good."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[START_TIME_FIELD]


def _is_orphan(name: str) -> bool:
    parts = name.split("-")
    if len(parts) != NAME_PARTS or parts[1] != str(_pid_namespace()):
        return False
    try:
        return _start_time(int(parts[2])) != parts[3]
    except (OSError, ValueError):
        return True


def _empty(folder: Path) -> None:
    whole = folder / "cgroup.kill"
    if whole.exists():  # v2: all at once, however fast they fork
        whole.write_text("1")
        return
    for pid in (folder / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)


def _remove(folder: Path) -> None:
    give_up_at = time.monotonic() + REMOVE_S
    while time.monotonic() < give_up_at:
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(REMOVE_PAUSE_S)
        else:
            return
