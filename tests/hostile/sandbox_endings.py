"""How a job may end: what a miner's code might do to itself, and to what is said of it."""

import ctypes
import os
import signal
import time
from contextlib import suppress

LIBC = ctypes.CDLL(None, use_errno=True)
RESULT_FD = 3


def forever(step):
    while True:
        step()


def bomb():
    return [bytearray(b"x") * (16 << 20) for _ in range(64)]


def end_as(text):
    os.write(RESULT_FD, text)
    os._exit(0)


def raise_error():
    raise LookupError("a message for the log")


def ignoring():
    """Under a filter for files it may; a jail that only computes has no say in signals."""
    with suppress(OSError):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)


ENDINGS = {
    "sleep": lambda: time.sleep(1000),
    "spin": lambda: forever(lambda: None),
    "bomb": bomb,
    "flood_result": lambda: forever(lambda: os.write(RESULT_FD, b"x" * 65536)),
    "flood_log": lambda: forever(lambda: os.write(2, b"x" * 65536)),
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "error": raise_error,
    "exit_3": lambda: os._exit(3),
    "trace": lambda: LIBC.ptrace(0, 0, 0, 0),
    "half": lambda: end_as(b'{"predictions": [[1'),
    "nothing": lambda: end_as(b""),
    "two_documents": lambda: end_as(b'{"predictions": [[1]]}{"predictions": [[1]]}'),
    "key_twice": lambda: end_as(b'{"predictions": [[1]], "predictions": [[2]]}'),
    "not_a_number": lambda: end_as(b'{"predictions": [[NaN]]}'),
    "deep": lambda: end_as(b"[" * 60000),
    "extra_key": lambda: end_as(b'{"predictions": [[1]], "score": 1}'),
    "truth_value": lambda: end_as(b'{"predictions": [[true]]}'),
    "too_large": lambda: end_as(b'{"predictions": [[-9007199254740992]]}'),
    "flat": lambda: end_as(b'{"predictions": [1]}'),
    "fraction": lambda: end_as(b'{"predictions": [[1.0]]}'),
    "close_and_stay": lambda: (os.close(2), os.close(1), os.close(RESULT_FD), time.sleep(1000)),
    "ignore_signals": lambda: (ignoring(), time.sleep(1000)),
}
