"""The trusted process that holds the base: loads once, forks one locked child per job.

    python -m workers.sandbox.zygote --runner PID --socket FD --level full --scorer MODULE ...

MODULE offers load_base(folder) and predict(weights, adapter, inputs, manifest), which gives one
row of whole numbers per example.
One thread only: a parent that ever ran a parallel product makes children that hang. Everything is
imported and read before root is given up, since the interpreter may lie under a private home.
No Django, no configuration, no labels here.
"""

import argparse
import array
import gc
import importlib
import os
import resource
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from workers.sandbox import namespaces, protocol, seccomp
from workers.sandbox.levels import Level

Predict = Callable[[Any, bytes | None, bytes, bytes], list[list[int]]]
ERROR_CHARS = 300


@dataclass(frozen=True)
class Nest:
    """What every fork starts from."""

    predict: Predict
    weights: Any
    locks: namespaces.Locks


@dataclass(frozen=True)
class Handles:
    """The file descriptors that come with an order, in their order."""

    control: int
    adapter: int
    inputs: int
    manifest: int
    result: int
    log: int

    def kept(self, told: int) -> dict[int, int]:
        """All that a jail has open, new number -> old, until it has told that it is locked."""
        assert told > protocol.MANIFEST_FD, "out_of_the_way"
        return {
            1: self.log,
            protocol.LOG_FD: self.log,
            protocol.RESULT_FD: self.result,
            protocol.ADAPTER_FD: self.adapter,
            protocol.INPUTS_FD: self.inputs,
            protocol.MANIFEST_FD: self.manifest,
            told: told,
        }


@dataclass(frozen=True)
class Work:
    """One job as it came: what is wanted, with what, and when it was forked."""

    order: protocol.Order
    handles: Handles
    forked_s: float


def main() -> None:
    """Load, lock, say ready, and serve until the runner closes the socket."""
    asked = _arguments()
    namespaces.die_with_parent(asked.runner)
    level = Level(asked.level)
    scorer = importlib.import_module(asked.scorer)
    weights = scorer.load_base(Path(asked.base))
    locks = namespaces.Locks(
        seccomp.read_filter(level.filter_name),
        has_empty_root=level.is_isolated,
        has_landlock=level is Level.LANDLOCK,
    )
    runner = socket.socket(fileno=asked.socket)
    namespaces.give_up_root(asked.uid)
    namespaces.die_with_parent(asked.runner)
    namespaces.forbid_dumps()
    os.chdir("/")
    assert _threads() == 1, "a zygote with threads makes children that hang"
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    runner.send(protocol.READY)
    _serve(runner, Nest(scorer.predict, weights, locks))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--runner", type=int, required=True)
    parser.add_argument("--socket", type=int, required=True)
    parser.add_argument("--uid", type=int, default=namespaces.SANDBOX_UID)
    for name in ("--level", "--scorer", "--base"):
        parser.add_argument(name, required=True)
    return parser.parse_args()


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _serve(runner: socket.socket, nest: Nest) -> None:
    room = socket.CMSG_SPACE(protocol.ORDER_FDS * array.array("i").itemsize)
    zygote = os.getpid()
    while True:
        message, extra, _, _ = runner.recvmsg(protocol.MESSAGE_BYTES, room)
        if not message:
            return
        handles, forked_s = Handles(*array.array("i", extra[0][2])), time.monotonic()
        if os.fork() == 0:
            runner.close()
            work = Work(protocol.Order.decode(message), handles, forked_s)
            _supervise(work, nest, zygote)
        for handle in vars(handles).values():
            os.close(handle)


def _supervise(work: Work, nest: Nest, zygote: int) -> NoReturn:
    """Fork 1: waits for its cgroup, makes the jail, watches it, reports. Never returns."""
    control = socket.socket(fileno=work.handles.control)
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        namespaces.die_with_parent(zygote)
        control.send(protocol.HELLO)
        if control.recv(len(protocol.GO)) == protocol.GO:
            control.send(_make_and_watch(work, nest, control).encode())
    except OSError as error:
        control.send(protocol.Report(setup_error=str(error)[:ERROR_CHARS]).encode())
    finally:
        os._exit(0)


def _make_and_watch(work: Work, nest: Nest, control: socket.socket) -> protocol.Report:
    handles = work.handles
    lifeline, held = os.pipe()
    status, told = os.pipe()
    told = protocol.out_of_the_way(told)
    limits = _limits(work.order, nest.locks)
    is_isolated = nest.locks.has_empty_root
    jail = namespaces.fork_into_namespaces() if is_isolated else os.fork()
    if jail == 0:
        os.close(held)
        _live_in_jail(work, nest, limits, (lifeline, told))
    for handle in (told, handles.adapter, handles.inputs, handles.manifest, handles.result):
        os.close(handle)
    os.close(handles.log)
    namespaces.die_with_parent()
    control.send(protocol.Jail(jail).encode())
    return _watch(jail, control, status, work.forked_s)


def _limits(order: protocol.Order, locks: namespaces.Locks) -> namespaces.Limits:
    """By rlimit what no cgroup bounds. Tasks count per user: on the host, or in the jail's own."""
    if not order.memory_bytes:
        return namespaces.Limits(order.cpu_s, None, None)
    others = 0 if locks.has_empty_root else namespaces.tasks_of_this_user()
    address_bytes = namespaces.address_space_bytes() + order.memory_bytes
    return namespaces.Limits(order.cpu_s, address_bytes, others + namespaces.PROCESSES)


def _watch(jail: int, control: socket.socket, status: int, forked_s: float) -> protocol.Report:
    end = os.pidfd_open(jail)
    woken = select.select([end, control.fileno()], [], [])[0]
    if end not in woken:  # a message, or the end of the runner: kill, and hear nothing more
        os.kill(jail, signal.SIGKILL)
    _, code, used = os.wait4(jail, 0)
    said, _, locked_s = os.read(status, ERROR_CHARS).partition(b" ")
    if said != protocol.LOCKED:
        why = (said + b" " + locked_s).decode(errors="replace").strip()
        return protocol.Report(setup_error=why or "ended while locking")
    own = resource.getrusage(resource.RUSAGE_SELF)
    return protocol.Report(
        exit_code=os.waitstatus_to_exitcode(code),
        cpu_s=used.ru_utime + used.ru_stime,
        peak_bytes=used.ru_maxrss * 1024,
        ready_s=float(locked_s) - forked_s,
        chain_s=own.ru_utime + own.ru_stime,
    )


def _live_in_jail(
    work: Work, nest: Nest, limits: namespaces.Limits, pipes: tuple[int, int]
) -> NoReturn:
    """Fork 2: locks itself up, says so, and only then reads the first foreign byte."""
    lifeline, told = pipes
    try:
        namespaces.hang_on(lifeline)
        namespaces.lock_up(work.handles.kept(told), limits, nest.locks)
    except OSError as error:
        os.write(told, str(error)[:ERROR_CHARS].encode())
        os._exit(1)
    os.write(told, b"%b %f" % (protocol.LOCKED, time.monotonic()))
    os.close(told)
    os._exit(score(work.order, nest.predict, nest.weights))


def score(order: protocol.Order, predict: Predict, weights: object) -> int:
    """Run the scorer; the exit code. From here on the process belongs to the miner."""
    try:
        adapter = protocol.read_whole(protocol.ADAPTER_FD) if order.has_adapter else None
        inputs = protocol.read_whole(protocol.INPUTS_FD)
        manifest = protocol.read_whole(protocol.MANIFEST_FD)
        predictions = predict(weights, adapter, inputs, manifest)
        protocol.write_whole(protocol.RESULT_FD, protocol.encode_predictions(predictions))
    except MemoryError:
        return protocol.EXIT_MEMORY
    except BaseException as error:  # noqa: BLE001  the process ends here, with its reason
        traceback.print_exc(file=sys.stderr)
        sys.stderr.flush()
        return protocol.EXIT_MEMORY if "allocate memory" in str(error) else 1
    return 0


if __name__ == "__main__":
    main()
