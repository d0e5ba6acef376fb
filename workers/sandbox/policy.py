"""Compiles the system call filters to bytes. A build-time script: nothing imports it at run time.

Needs pyseccomp 0.1.2 and libseccomp2 on x86_64. The bytes are checked in, because libseccomp cannot
be found in an empty root, and a host without it must score all the same.

    python -m workers.sandbox.policy        rewrites the four files and prints their hashes, which
                                            stand in seccomp.py

inner_noopen.bpf   every jail of a zygote, and a sponsor's code: the ten calls that computing takes
                   when engine and interpreter are in memory, and nothing else of the kernel
inner.bpf          the fresh backend on a base whose library opens files and starts threads late
inner_jit.bpf      the fresh backend on a base that compiles kernels: inner.bpf, and memory may
                   become executable; nothing but the interpreter, the code and the base is there
outer.bpf          round the whole of a fresh jail, from its first instruction: what no interpreter
                   needs in order to start is refused, all else is allowed
"""

import errno
import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pyseccomp  # type: ignore[import-untyped,import-not-found,unused-ignore]

# ruff: noqa: SIM905 - system calls read best as prose
HERE = Path(__file__).parent
KILL = """
ptrace process_vm_readv process_vm_writev bpf perf_event_open userfaultfd io_uring_setup
io_uring_enter io_uring_register keyctl add_key request_key mount umount2 pivot_root chroot
setns unshare fsopen fsmount fsconfig fspick move_mount open_tree mount_setattr
open_by_handle_at name_to_handle_at kexec_load kexec_file_load init_module finit_module
delete_module reboot swapon swapoff syslog acct quotactl settimeofday clock_settime adjtimex
clock_adjtime iopl ioperm modify_ldt vhangup pidfd_getfd pidfd_open kcmp process_madvise
fanotify_init memfd_secret lookup_dcookie
""".split()
# Nobody computes asleep, but a job that only waits shall be ended at its limit, and be called so.
COMPUTING = "pread64 write close brk mremap munmap rt_sigreturn exit_group clock_nanosleep".split()
ALLOW = """
read write readv writev pread64 lseek close fstat munmap mremap brk madvise futex sched_yield
gettid getpid getppid getuid geteuid getgid getegid rt_sigaction rt_sigprocmask rt_sigreturn
sigaltstack exit exit_group poll ppoll clock_gettime clock_getres clock_nanosleep nanosleep
gettimeofday time getrandom getrusage times restart_syscall getrlimit dup fsync
""".split()
ALLOW_WITH_FILES = """
newfstatat stat lstat statx access faccessat faccessat2 readlink readlinkat getdents64 getcwd
sched_setaffinity sched_getaffinity set_robust_list set_tid_address rseq futex_waitv membarrier
get_mempolicy getcpu sysinfo uname
""".split()
OUTSIDE_NO_SOCKETS = ("socket", "socketpair")
O_TMPFILE_BIT = 0o20000000
WRITING = os.O_ACCMODE | os.O_CREAT | os.O_TRUNC | os.O_APPEND | O_TMPFILE_BIT
CLONE_NEW_USER, CLONE_VM_THREAD, CLONE_NEW_ANY = 0x10000000, 0x10000 | 0x100, 0x7E020080
PROT_EXEC = 4
PR_SET_NAME, PR_GET_NAME, PR_SET_VMA = 15, 16, 0x53564D41
F_GETFD, F_GETFL = 1, 3
TIOCSTI = 0x5412


def compile_inner(*, with_files: bool, with_jit: bool = False) -> bytes:
    """The filter of a jail as an array of `struct sock_filter`: the bytes that `install` loads.

    with_files  what a large library asks for late: files may be opened and looked at, for reading,
                threads may be started, clocks and signals be used
    with_jit    memory may become executable
    default     EPERM; a call of a foreign architecture kills
    """
    rules = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in ALLOW if with_files else COMPUTING:
        rules.add_rule(pyseccomp.ALLOW, name)
    for name in KILL:
        rules.add_rule(pyseccomp.KILL_PROCESS, name)
    not_executable = pyseccomp.Arg(2, pyseccomp.MASKED_EQ, PROT_EXEC, 0)
    for name in ("mmap", "mprotect") if with_files else ("mmap",):
        rules.add_rule(pyseccomp.ALLOW, name, *([] if with_jit else [not_executable]))
    if with_files:
        _add_conditions(rules)
        _add_files(rules)
    return _bytes_of(rules)


def compile_outer() -> bytes:
    """The filter round a fresh jail. Default: allow; foreign architectures are killed."""
    rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
    for name in KILL:
        rules.add_rule(pyseccomp.ERRNO(errno.EPERM), name)
    for name in OUTSIDE_NO_SOCKETS:
        rules.add_rule(pyseccomp.ERRNO(errno.EAFNOSUPPORT), name)
    new_user = pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_NEW_USER, CLONE_NEW_USER)
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "clone", new_user)
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")
    typing = pyseccomp.Arg(1, pyseccomp.MASKED_EQ, 0xFFFFFFFF, TIOCSTI)  # the kernel reads 32 bits
    rules.add_rule(pyseccomp.ERRNO(errno.EPERM), "ioctl", typing)
    return _bytes_of(rules)


FILTERS: Mapping[str, Callable[[], bytes]] = {
    "inner.bpf": lambda: compile_inner(with_files=True),
    "inner_noopen.bpf": lambda: compile_inner(with_files=False),
    "inner_jit.bpf": lambda: compile_inner(with_files=True, with_jit=True),
    "outer.bpf": compile_outer,
}


def _add_conditions(rules: pyseccomp.SyscallFilter) -> None:
    argument, allow = pyseccomp.Arg, pyseccomp.ALLOW
    rules.add_rule(pyseccomp.ERRNO(errno.ENOSYS), "clone3")  # flags in memory: glibc uses clone
    rules.add_rule(allow, "prlimit64", argument(2, pyseccomp.EQ, 0))  # read limits, never set
    for option in (PR_SET_NAME, PR_GET_NAME, PR_SET_VMA):
        rules.add_rule(allow, "prctl", argument(0, pyseccomp.EQ, option))
    for command in (F_GETFD, F_GETFL):
        rules.add_rule(allow, "fcntl", argument(1, pyseccomp.EQ, command))


def _add_files(rules: pyseccomp.SyscallFilter) -> None:
    argument, allow, masked = pyseccomp.Arg, pyseccomp.ALLOW, pyseccomp.MASKED_EQ
    for name in ALLOW_WITH_FILES:
        rules.add_rule(allow, name)
    thread = argument(
        0, masked, CLONE_VM_THREAD | CLONE_NEW_ANY, CLONE_VM_THREAD
    )  # a thread of this process, never a process
    rules.add_rule(allow, "clone", thread)
    rules.add_rule(allow, "openat", argument(2, masked, WRITING, 0))
    rules.add_rule(allow, "open", argument(1, masked, WRITING, 0))
    rules.add_rule(allow, "tgkill", argument(0, pyseccomp.EQ, 1))  # itself: process 1 of its jail


def _bytes_of(rules: pyseccomp.SyscallFilter) -> bytes:
    read_end, write_end = os.pipe()  # a filter is smaller than a pipe's 64 kB
    with os.fdopen(read_end, "rb") as source:
        with os.fdopen(write_end, "wb") as sink:
            rules.export_bpf(sink)
        return source.read()


def main() -> None:
    """Rewrite the files; print what seccomp.py must say of them."""
    for name, compile_filter in FILTERS.items():
        code = compile_filter()
        (HERE / name).write_bytes(code)
        digest = hashlib.sha256(code).hexdigest()
        sys.stdout.write(f'    "{name}": "{digest}",  # {len(code)} bytes\n')


if __name__ == "__main__":
    main()
