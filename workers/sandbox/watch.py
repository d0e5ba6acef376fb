"""One job from the outside: hand it over, let it go, listen with limits, and end it in time."""

import array
import os
import resource
import selectors
import signal
import socket
import struct
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from workers.sandbox import protocol
from workers.sandbox.cgroups import Cgroup
from workers.sandbox.protocol import Report, Status

LOG_LIMIT_BYTES = 4 << 20
HELLO_S = 20.0
GRACE_S = 1.0  # what a killed supervisor gets to report
POLL_S = 0.05
CHUNK_BYTES = 64 << 10
CREDENTIALS = struct.Struct("3i")  # pid, uid, gid: struct ucred


@dataclass(frozen=True)
class Bounds:
    """When the runner ends a job by itself.

    wall_s           from the hand-over, set-up included
    result_bytes     most that the result pipe may carry
    anonymous_bytes  most private memory; None where a cgroup watches
    log_bytes        how much of the end of the log is kept
    """

    wall_s: float
    result_bytes: int
    anonymous_bytes: int | None
    log_bytes: int


@dataclass
class Line:
    """The runner's ends of one job.

    process    a pidfd, once it has said hello: of a jail's supervisor, or of a fresh jail
    is_direct  there is no supervisor to talk to: the jail itself is killed, and its end counts
    """

    control: socket.socket
    result: int
    log: int
    process: int = -1
    is_direct: bool = False

    def close(self) -> None:
        """Close all of them. A supervisor that still lives takes it as a kill."""
        self.control.close()
        for handle in (self.result, self.log, self.process):
            if handle >= 0:
                os.close(handle)


@dataclass
class Heard:
    """What came out of a job. `stopped` is our own reason to end it, the first one."""

    stopped: Status | None = None
    report: Report | None = None
    jail: int = 0
    result: bytearray = field(default_factory=bytearray)
    log_tail: bytes = b""
    log_bytes: int = 0


def open_line(contents: tuple[bytes, bytes, bytes]) -> tuple[Line, list[int]]:
    """Our ends of a new job, and theirs in the order of an order's descriptors; close both.

    contents  adapter, inputs and manifest, which go into sealed memory
    """
    with ExitStack() as undo:
        control, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        (result, result_end), (log, log_end) = os.pipe(), os.pipe()
        line = Line(control, result, log)
        undo.callback(line.close)
        theirs = [far.detach(), result_end, log_end]
        undo.callback(close_all, theirs)
        control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        control.settimeout(HELLO_S)
        for name, content in zip(("manifest", "inputs", "adapter"), contents[::-1], strict=True):
            theirs.insert(1, protocol.sealed_memory(name, content))
        undo.pop_all()
    return line, theirs


def close_all(handles: Sequence[int]) -> None:
    """Close every one of them."""
    for handle in handles:
        os.close(handle)


def hand_over(
    zygote: socket.socket, order: protocol.Order, contents: tuple[bytes, bytes, bytes]
) -> Line:
    """Send an order with adapter, inputs and manifest, sealed, and keep our ends.

    raises OSError when the zygote is gone
    """
    line, theirs = open_line(contents)
    with ExitStack() as undo:
        undo.callback(line.close)
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", theirs))]
        try:
            zygote.sendmsg([order.encode()], passed)
        finally:
            close_all(theirs)
        undo.pop_all()
    return line


def greet(line: Line) -> int:
    """Wait for the hello of a job's process; its pid here, by the kernel's word.

    raises OSError when it does not come
    """
    hello, extra, _, _ = line.control.recvmsg(64, socket.CMSG_SPACE(CREDENTIALS.size))
    if hello != protocol.HELLO:
        raise OSError("the job's process ended before it said hello")
    pid, _, _ = CREDENTIALS.unpack(extra[0][2][: CREDENTIALS.size])
    line.process = os.pidfd_open(pid)
    return int(pid)


def let_go(line: Line, group: Cgroup | None) -> None:
    """Wait for the supervisor, put it into its cgroup, and say go.

    raises OSError when it does not come, or cannot be put in
    """
    pid = greet(line)
    if group is not None:
        group.add(pid)
    line.control.send(protocol.GO)


def listen(line: Line, bounds: Bounds, begun_s: float, heard: Heard | None = None) -> Heard:
    """Read everything until the job has ended, and end it when it passes a bound.

    begun_s  time.monotonic() of the hand-over
    heard    what is known already
    """
    heard = heard or Heard()
    with selectors.DefaultSelector() as selector:
        for source in (line.process if line.is_direct else line.control, line.result, line.log):
            selector.register(source, selectors.EVENT_READ)
        end_s = begun_s + bounds.wall_s
        while selector.get_map():
            _hear(selector, line, heard, bounds, _pause_s(end_s, bounds))
            if heard.stopped is None and (reason := _reason(heard, bounds, end_s)):
                heard.stopped, end_s = reason, time.monotonic() + GRACE_S
                _kill(line)
            elif heard.stopped and time.monotonic() >= end_s:
                _kill_hard(line)
                break
    return heard


def anonymous_bytes(pid: int) -> int:
    """Memory of a process that is no file's and not shared by mapping; 0 when it is gone."""
    with suppress(OSError):
        _, resident, shared = Path(f"/proc/{pid}/statm").read_text().split()[:3]
        return (int(resident) - int(shared)) * resource.getpagesize()
    return 0


def _hear(
    selector: selectors.BaseSelector, line: Line, heard: Heard, bounds: Bounds, pause_s: float
) -> None:
    """Take what is there; a source from which nothing more will come is forgotten."""
    for key, _ in selector.select(pause_s):
        if not _read(key.fileobj, line, heard, bounds):
            selector.unregister(key.fileobj)


def _pause_s(end_s: float, bounds: Bounds) -> float:
    left = max(0.0, end_s - time.monotonic())
    return left if bounds.anonymous_bytes is None else min(left, POLL_S)


def _read(source: object, line: Line, heard: Heard, bounds: Bounds) -> bool:
    """Take what one source has; False when nothing more will come from it."""
    if source is line.control:
        told = protocol.decode_told(_receive(line.control))
        if isinstance(told, protocol.Jail):
            heard.jail = told.pid
            return True
        heard.report = told
        return False
    if source == line.process:
        return False
    assert isinstance(source, int)
    chunk = os.read(source, CHUNK_BYTES)
    if source == line.result:
        heard.result += chunk if len(heard.result) <= bounds.result_bytes else b""
    else:
        heard.log_bytes += len(chunk)
        heard.log_tail = (heard.log_tail + chunk)[-bounds.log_bytes :]
    return bool(chunk)


def _receive(control: socket.socket) -> bytes:
    try:
        return control.recv(protocol.MESSAGE_BYTES)
    except ConnectionResetError:
        return b""


def _reason(heard: Heard, bounds: Bounds, end_s: float) -> Status | None:
    if time.monotonic() >= end_s:
        return Status.TIMEOUT
    if len(heard.result) > bounds.result_bytes:
        return Status.OUTPUT_LIMIT
    if heard.log_bytes > LOG_LIMIT_BYTES:
        return Status.LOG_LIMIT
    if bounds.anonymous_bytes and heard.jail and not heard.report:
        used = anonymous_bytes(heard.jail)
        return Status.OOM if used > bounds.anonymous_bytes else None
    return None


def _kill(line: Line) -> None:
    if line.is_direct:
        _kill_hard(line)
        return
    with suppress(OSError):  # it has ended already
        line.control.send(protocol.KILL)


def _kill_hard(line: Line) -> None:
    """A supervisor that does not answer: its own death kills the jail."""
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(line.process, signal.SIGKILL)
