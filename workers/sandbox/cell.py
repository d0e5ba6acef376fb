"""Inside a fresh jail: load, say hello, lock up, score one job, and end.

    bwrap ... python -m workers.sandbox.cell --fds CONTROL,ADAPTER,INPUTS,MANIFEST,RESULT,LOG ...

Here the walls stand before the interpreter starts, so nothing is given up later: no root, no file
of the host. What closes after loading are the limits and the inner system call filter; only then
is the first foreign byte read. One process, one job: nothing is shared with another.
"""

import argparse
import importlib
import os
import socket
import time
from pathlib import Path

from workers.sandbox import namespaces, protocol, seccomp
from workers.sandbox.zygote import Handles, score


def main() -> None:
    """Never returns: the exit status is the job's."""
    asked = _arguments()
    handles = Handles(*(int(one) for one in asked.fds.split(",")))
    locks = namespaces.Locks(seccomp.read_filter(asked.filter))
    scorer = importlib.import_module(asked.scorer)
    weights = scorer.load_base(Path(asked.base))
    with socket.socket(fileno=handles.control) as control:
        control.send(protocol.HELLO)
        message = control.recv(protocol.MESSAGE_BYTES)
        if not message:
            os._exit(1)
        order = protocol.Order.decode(message)
        told = protocol.out_of_the_way(os.dup(control.fileno()))
    _lock_up(handles, told, order, locks)
    os._exit(score(order, scorer.predict, weights))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ("--fds", "--filter", "--scorer", "--base"):
        parser.add_argument(name, required=True)
    return parser.parse_args()


def _lock_up(handles: Handles, told: int, order: protocol.Order, locks: namespaces.Locks) -> None:
    """Close the last locks and say so. raises OSError, which ends this process with its words"""
    used_s = time.process_time()
    address_bytes = None
    if order.memory_bytes:
        address_bytes = namespaces.address_space_bytes() + order.memory_bytes
    limits = namespaces.Limits(used_s + order.cpu_s, address_bytes, namespaces.PROCESSES)
    namespaces.lock_up(handles.kept(told), limits, locks)
    os.write(told, b"%b %f" % (protocol.LOCKED, used_s))
    os.close(told)


if __name__ == "__main__":
    main()
