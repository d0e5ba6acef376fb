"""Work in a process of its own, within a bound of memory and time: what it takes ends with it."""

import pickle
import resource
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TypeVar, cast

from assay.errors import AssayError

Answer = TypeVar("Answer")
END_S = 5
PAGES = Path("/proc/self/statm")  # of Linux: how large this process is, in pages
NO_MEMORY = ("allocate memory", "not enough memory", "out of memory")


class Ended(Exception):
    """The work gave no answer; the text says why: no memory, no time, killed."""


def apart(work: Callable[[], Answer], *, memory_bytes: int, limit_s: float) -> Answer:
    """What `work` gives, or raises, computed in a child of this process by one thread.

    memory_bytes  most address space on top of what this process has
    raises        Ended, and whatever AssayError the work raises
    """
    context = get_context("fork")  # what is loaded here need not be loaded again
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_work, args=(work, theirs, memory_bytes))
    sys.stdout.flush()
    child.start()
    theirs.close()
    try:
        if not ours.poll(limit_s):
            raise Ended(f"it took over {limit_s:.0f} s")
        found = pickle.loads(ours.recv_bytes())  # noqa: S301 - our own child wrote it
    except EOFError as error:
        child.join(END_S)
        raise Ended(f"its process ended with exit code {child.exitcode}") from error
    finally:
        child.kill()
        child.join()
    if isinstance(found, AssayError | Ended):
        raise found
    return cast("Answer", found)


def _work(work: Callable[[], object], answer: Connection, memory_bytes: int) -> None:
    """The child: `work` uses one thread, since those of its parent are not here."""
    found: object
    try:
        _bound(memory_bytes)
        found = work()
    except AssayError as error:
        found = error
    except MemoryError:
        found = Ended(f"it does not fit into {memory_bytes >> 20} MiB of memory")
    except Exception as error:  # noqa: BLE001 - the parent raises it, with its words
        found = Ended(f"{type(error).__name__}: {error!s:.200}")
        if any(words in str(error) for words in NO_MEMORY):
            found = Ended(f"it does not fit into {memory_bytes >> 20} MiB of memory")
    answer.send_bytes(pickle.dumps(found))


def _bound(memory_bytes: int) -> None:
    """Where the host says how much address space is taken, bound what may come."""
    if PAGES.is_file():
        taken = int(PAGES.read_text().split()[0]) * resource.getpagesize()
        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (taken + memory_bytes, most))
