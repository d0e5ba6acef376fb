"""Landlock: a process takes its own right to files, ports and signals away, without any privilege.

Raw system calls, since no C library wraps them. x86_64 numbers, as everywhere in the sandbox.
source  landlock(7), linux/landlock.h; ABI 1 is Linux 5.13
"""

import ctypes
import os

SYS_CREATE_RULESET, SYS_RESTRICT_SELF = 444, 446
ASK_VERSION = 1
# By ABI: what files may not be done to, what ports may not, what may not reach out of the jail.
FILES_ABI_1, REFER_ABI_2, TRUNCATE_ABI_3, IOCTL_ABI_5 = (1 << 13) - 1, 1 << 13, 1 << 14, 1 << 15
BIND_AND_CONNECT_ABI_4, SOCKETS_AND_SIGNALS_ABI_6 = 3, 3
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("files", ctypes.c_uint64),
        ("ports", ctypes.c_uint64),  # from ABI 4
        ("scoped", ctypes.c_uint64),  # from ABI 6
    )


def version() -> int:
    """The kernel's Landlock ABI, from 1.

    raises OSError: ENOSYS where it was not compiled in, EOPNOTSUPP where it is switched off
    """
    return _call(SYS_CREATE_RULESET, None, 0, ASK_VERSION)


def deny_everything() -> None:
    """From now on this process opens no file and no port and reaches nobody outside; for good.

    Needs no_new_privs. What is open already stays so; stat is not Landlock's business, and the
    filter's. Each ABI denies what it knows: ports from 4, abstract sockets and signals from 6.
    raises OSError
    """
    ruleset, size = _ruleset(version())
    handle = _call(SYS_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    try:
        _call(SYS_RESTRICT_SELF, handle, 0)
    finally:
        os.close(handle)


def _ruleset(abi: int) -> tuple[_Ruleset, int]:
    """Everything that this ABI knows, and how many bytes of it the kernel knows."""
    files = FILES_ABI_1
    for least, right in ((2, REFER_ABI_2), (3, TRUNCATE_ABI_3), (5, IOCTL_ABI_5)):
        files |= right if abi >= least else 0
    ruleset = _Ruleset(
        files,
        BIND_AND_CONNECT_ABI_4 if abi >= 4 else 0,
        SOCKETS_AND_SIGNALS_ABI_6 if abi >= 6 else 0,
    )
    fields = 3 if abi >= 6 else 2 if abi >= 4 else 1
    return ruleset, fields * ctypes.sizeof(ctypes.c_uint64)


def _call(number: int, *arguments: object) -> int:
    answer: int = _LIBC.syscall(number, *arguments)
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"landlock: {os.strerror(code)}")
    return answer
