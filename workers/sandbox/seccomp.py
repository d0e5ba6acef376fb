"""Reads a compiled system call filter and puts it on. policy.py says what it allows.

Loading needs ctypes only: this works inside an empty root, after everything else is closed.
"""

import ctypes
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from workers.sandbox.errors import FilterChanged

HERE = Path(__file__).parent
IN_EMPTY_ROOT, WITHOUT_OPEN = "inner.bpf", "inner_noopen.bpf"
WITH_JIT, ROUND_FRESH = "inner_jit.bpf", "outer.bpf"
PINNED: Mapping[str, str] = {  # what policy.py prints
    "inner.bpf": "d0ab2fc05a5f5cbe6117890f9ebcfdd6675691eb6cdec80193a6160b9e92abb9",
    "inner_noopen.bpf": "0609777e08dac543f3385c45beb96d83f303e0f0364ec3574cafcf021532bdab",
    "inner_jit.bpf": "2178c07b431464948c2562625ed3d04bd4e8e7ebde10d59061be54e980553831",
    "outer.bpf": "dd4147ed7824f790454b35296aacd54de163103cd27decc5486b9d73bad4a938",
}
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
    """One of PINNED, read from beside this file.

    raises FilterChanged when it is not the pinned one
    """
    found = Filter((HERE / name).read_bytes())
    if found.sha256 != PINNED[name]:
        raise FilterChanged(f"{name} is not the filter of this release.", filter=name)
    return found
