"""What `sandbox_doctor` and every worker try from inside a jail before it may hold a miner's code.

A scorer of the sandbox, standard library only. `quiet` runs one after the other everything that a
lock answers with an error; the others each end their jail in one way. tests/hostile has many more,
and shows of each that it works where there is no sandbox.
"""

import ctypes
import errno
import mmap
import os
import resource
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from workers.sandbox import protocol

QUIET = "quiet"
OUTSIDE_FILE = "/etc/passwd"
SYS_PTRACE = 101
STEP_BYTES = 16 << 20
_LIBC = ctypes.CDLL(None, use_errno=True)


def _read_file() -> bool:
    return bool(Path(OUTSIDE_FILE).read_bytes())


def _see_file() -> bool:
    return Path(OUTSIDE_FILE).stat().st_size > 0


def _write_file() -> bool:
    Path(f"/tmp/assay-probe-{os.getpid()}").touch()  # noqa: S108 - it must not work
    return True


def _list_processes() -> bool:
    return any(Path("/proc").glob("[0-9]*"))


def _make_socket() -> bool:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
    return True


def _fork() -> bool:
    child = os.fork()
    if child == 0:
        os._exit(0)
    return os.waitpid(child, 0)[0] == child


def _execute() -> bool:
    os.execv("/bin/true", ["true"])  # noqa: S606 - it must not work


def _signal_parent() -> bool:
    os.kill(os.getppid() or 1, 0)
    return True


def _raise_limit() -> bool:
    low, high = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (low, high))
    return True


def _executable_memory() -> bool:
    mmap.mmap(-1, mmap.PAGESIZE, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC).close()
    return True


def _find_environment() -> bool:
    return bool(os.environb)


def _find_descriptor() -> bool:
    return any(map(_is_open, range(7, 256)))


def _is_open(number: int) -> bool:
    """Told by reading and writing nothing: a jail that computes has no other call for it."""
    for use in (lambda: os.pread(number, 0, 0), lambda: os.write(number, b"")):
        try:
            use()
        except OSError as error:
            if error.errno == errno.EBADF:
                continue
        return True
    return False


ERRORS: Mapping[str, Callable[[], bool]] = {
    "read_file": _read_file,
    "see_file": _see_file,
    "write_file": _write_file,
    "list_processes": _list_processes,
    "make_socket": _make_socket,
    "fork": _fork,
    "execute": _execute,
    "signal_parent": _signal_parent,
    "raise_limit": _raise_limit,
    "executable_memory": _executable_memory,
    "find_environment": _find_environment,
    "find_descriptor": _find_descriptor,
}


def _bomb() -> None:
    kept = []
    while True:
        kept.append(bytearray(b"x") * STEP_BYTES)


ENDINGS: Mapping[str, Callable[[], None]] = {
    "trace": lambda: _LIBC.syscall(SYS_PTRACE, 0, 0, 0, 0),
    "memory_bomb": _bomb,
    "sleep": lambda: time.sleep(60),
    "flood": lambda: protocol.write_whole(protocol.LOG_FD, b"x" * STEP_BYTES),
}


def load_base(_folder: Path) -> None:
    """There is no base."""


def predict(
    _weights: object, adapter: bytes | None, _inputs: bytes, _manifest: bytes
) -> list[list[int]]:
    """Of `quiet` a row of 1 (it got through) or 0 for each of ERRORS; of an ending none."""
    name = (adapter or b"").decode()
    if name == QUIET:
        return [[_gets_through(attempt)] for attempt in ERRORS.values()]
    ENDINGS[name]()
    return []


def _gets_through(attempt: Callable[[], bool]) -> int:
    try:
        return int(attempt())
    except (OSError, ValueError):  # setrlimit says EPERM as a ValueError
        return 0
