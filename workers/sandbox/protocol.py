"""What runner, zygote and jail say to each other, and how an outcome is named.

Standard library only.

runner  -> zygote       Order + six file descriptors, over a SEQPACKET socket
jail's supervisor -> runner   HELLO, then {"jail": pid}, then one report (control socket)
runner  -> supervisor   GO once it is in its cgroup; anything later, or the end, means: kill
jail    -> runner       one JSON document {"predictions": [[int, ...], ...]} through the result pipe
"""

import fcntl
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

HELLO, GO, KILL, LOCKED = b"hello", b"go", b"kill", b"locked"  # LOCKED, a space, when
READY = b"ready"
MESSAGE_BYTES = 16 << 10
ORDER_FDS = 6  # control, adapter, inputs, manifest, result, log: in this order
LOG_FD, RESULT_FD, ADAPTER_FD, INPUTS_FD, MANIFEST_FD = 2, 3, 4, 5, 6
EXIT_MEMORY = 77  # the scorer ran out of address space and says so itself
LARGEST_PREDICTION = 2**53 - 1  # either way from 0: what every JSON reader keeps
F_ADD_SEALS, ALL_SEALS = 1033, 1 | 2 | 4 | 8  # SEAL, SHRINK, GROW, WRITE
READ_BYTES = 1 << 20
Rows = tuple[tuple[int, ...], ...]  # one row per example
MOST_ROWS = 1 << 20


class Status(StrEnum):
    """How a job ended. The first that fits, from the top, is the one."""

    TIMEOUT = "timeout"
    OUTPUT_LIMIT = "output_limit"
    LOG_LIMIT = "log_limit"
    OOM = "oom"
    LOST = "lost"
    SETUP_ERROR = "setup_error"
    POLICY_VIOLATION = "policy_violation"
    CRASH = "crash"
    BAD_OUTPUT = "bad_output"
    OK = "ok"

    @property
    def is_infrastructure(self) -> bool:
        """Our fault, not the miner's: try again, up to three times."""
        return self in {Status.LOST, Status.SETUP_ERROR}

    @property
    def is_verdict(self) -> bool:
        """A statement about the submission, which another worker would confirm."""
        return not self.is_infrastructure


@dataclass(frozen=True)
class Order:
    """What the zygote must know of a job besides its bytes.

    memory_bytes  bounds the address space where no cgroup does; 0 where one does
    """

    cpu_s: float
    memory_bytes: int
    has_adapter: bool

    def encode(self) -> bytes:
        """One message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, message: bytes) -> "Order":
        """The inverse of encode."""
        return cls(**json.loads(message))


@dataclass(frozen=True)
class Jail:
    """Which process is locked up, as the supervisor counts."""

    pid: int

    def encode(self) -> bytes:
        """One message."""
        return json.dumps({"jail": self.pid}).encode()


@dataclass(frozen=True)
class Report:
    """What the jail's supervisor saw.

    exit_code  negative for a signal, None when lost
    cpu_s      of the jail
    ready_s    from the zygote's fork to the last lock
    chain_s    processor time of the supervisor itself
    """

    exit_code: int | None = None
    cpu_s: float = 0.0
    peak_bytes: int = 0
    setup_error: str = ""
    ready_s: float = 0.0
    chain_s: float = 0.0

    def encode(self) -> bytes:
        """One message."""
        return json.dumps(asdict(self)).encode()


def decode_told(message: bytes) -> Jail | Report:
    """Read what a supervisor says; an empty message is the end of a lost one."""
    if not message:
        return Report()
    told = json.loads(message)
    return Jail(told["jail"]) if "jail" in told else Report(**told)


def sealed_memory(name: str, content: bytes) -> int:
    """A file in memory that nobody can change any more, the holder of the descriptor included."""
    handle = os.memfd_create(name, os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    write_whole(handle, content)
    fcntl.fcntl(handle, F_ADD_SEALS, ALL_SEALS)
    return handle


def out_of_the_way(handle: int) -> int:
    """The same end under a number that no job's descriptor has."""
    moved = fcntl.fcntl(handle, fcntl.F_DUPFD_CLOEXEC, MANIFEST_FD + 1)
    os.close(handle)
    return moved


def read_whole(handle: int) -> bytes:
    """Everything in a sealed memory file, whatever its offset is."""
    parts: list[bytes] = []
    offset = 0
    while part := os.pread(handle, READ_BYTES, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def write_whole(handle: int, content: bytes) -> None:
    """Write all of it, however little each call takes."""
    left = memoryview(content)
    while left:
        left = left[os.write(handle, left) :]


def encode_predictions(predictions: Sequence[Sequence[int]]) -> bytes:
    """The document that a jail writes: one row of whole numbers per example."""
    return json.dumps({"predictions": predictions}, separators=(",", ":")).encode()


def decode_predictions(document: bytes) -> Rows | None:
    """Read a jail's document as a hostile one.

    returns  the rows, which may be of different lengths, or None: not JSON, two documents, a key
             twice or unknown, anything but lists of whole numbers of -(2**53 - 1) to 2**53 - 1
    """
    if document.count(b"[") > MOST_ROWS + 1 or document.count(b"{") > 1 or document.count(b'"') > 2:
        return None  # an empty list or dict takes twenty times its text: look before reading
    try:
        answer = json.loads(document, parse_constant=_refuse, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    if type(answer) is not dict or set(answer) != {"predictions"}:
        return None
    rows = answer["predictions"]
    if type(rows) is not list or not all(_is_row(row) for row in rows):
        return None
    return tuple(tuple(row) for row in rows)


def _is_row(row: object) -> bool:
    return type(row) is list and all(
        type(value) is int and -LARGEST_PREDICTION <= value <= LARGEST_PREDICTION for value in row
    )


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not a number")


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found
