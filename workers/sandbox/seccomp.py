"""Reads a compiled system call filter and puts it on. policy.py says what it allows.

Loading needs ctypes only: this works inside an empty root, after everything else is closed.
"""

import ctypes
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
IN_EMPTY_ROOT, WITHOUT_OPEN = "inner.bpf", "inner_noopen.bpf"
INSTRUCTION_BYTES = 8
SYS_SECCOMP, SET_MODE_FILTER, FILTER_FLAG_TSYNC = 317, 1, 1  # x86_64, as the bytes are
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_void_p))


@dataclass(frozen=True)
class Filter:
    """A filter as the kernel takes it. `sha256` is the policy's name on every outcome."""

    code: bytes

    @property
    def sha256(self) -> str:
        """The hash of the bytes, in hex."""
        return hashlib.sha256(self.code).hexdigest()

    def install(self) -> None:
        """Put it on every thread of this process, for good. Needs no_new_privs.

        raises OSError when the kernel refuses
        """
        code = ctypes.create_string_buffer(self.code, len(self.code))
        length = len(self.code) // INSTRUCTION_BYTES
        program = _Program(length, ctypes.addressof(code))
        if _LIBC.syscall(SYS_SECCOMP, SET_MODE_FILTER, FILTER_FLAG_TSYNC, ctypes.byref(program)):
            number = ctypes.get_errno()
            raise OSError(number, f"seccomp: {os.strerror(number)}")


def read_filter(name: str) -> Filter:
    """IN_EMPTY_ROOT or WITHOUT_OPEN, read from beside this file."""
    return Filter((HERE / name).read_bytes())
