"""The jail: every lock but the system call filter, in the order in which they close.

Everything is ctypes on libc: no compiled part, no third-party package. Linux only.
"""

import ctypes
import math
import os
import resource
import select
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from workers.sandbox import landlock
from workers.sandbox.seccomp import Filter

SANDBOX_UID = 64123  # what a sandbox started by root becomes; no account needs to exist
NOBODY = 65534  # what a jail sees itself as
NEW_MOUNTS = 0x00020000
NEW_NAMESPACES = (
    0x10000000  # user
    | NEW_MOUNTS
    | 0x20000000  # pid
    | 0x08000000  # ipc
    | 0x04000000  # uts
    | 0x40000000  # net
    | 0x02000000  # cgroup
)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL = 38, 47, 4
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 1 << 12, 1 << 14, 1 << 18
MOUNT_POINT = b"/tmp"  # any folder will do: it is covered, not used
MNT_DETACH, SYS_PIVOT_ROOT = 2, 155
CAPABILITIES, CAP_VERSION_3 = 64, 0x20080522
SIGKILL = 9
ABOVE_ALL_FDS, FIRST_SPARE_FD = 1 << 20, 200
OPEN_FILES, FILE_BYTES, LOCKED_BYTES, PROCESSES = 64, 1 << 20, 64 << 10, 64
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Limits:
    """What one job may use.

    cpu_s          whole process, seconds
    address_bytes  most address space; None where a cgroup limits memory
    tasks          most processes and threads of its user; None where a cgroup limits them
    """

    cpu_s: float
    address_bytes: int | None
    tasks: int | None


@dataclass(frozen=True)
class Locks:
    """Which locks besides those that every jail has.

    policy            the system call filter, the last one to close
    has_empty_root    this is process 1 of fresh namespaces: leave the host's files
    has_landlock      take away the right to what is not open yet
    """

    policy: Filter
    has_empty_root: bool = False
    has_landlock: bool = False


def die_with_parent(parent_pid: int | None = None) -> None:
    """Ask the kernel for SIGKILL when the parent goes. A change of uid clears it: ask again.

    parent_pid  who must still be the parent afterwards; else this process ends at once
    """
    _prctl(PR_SET_PDEATHSIG, SIGKILL)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(1)


def give_up_root(uid: int) -> None:
    """Become `uid` for good when this is root; an ordinary user stays who he is.

    raises OSError when the host does not know the number (a container with few ids)
    """
    if os.geteuid() != 0 and os.getuid() != 0:
        return
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    assert os.getresuid() == (uid, uid, uid), "still root"


def forbid_dumps() -> None:
    """No core file, no ptrace by others of the same user, /proc/PID owned by root."""
    _prctl(PR_SET_DUMPABLE, 0)


def forbid_new_privileges() -> None:
    """No exec can ever give more than now; the kernel wants it before a filter."""
    _prctl(PR_SET_NO_NEW_PRIVS, 1)


def fork_into_namespaces() -> int:
    """Enter all seven namespaces at once, mapped to one powerless id, and fork.

    returns  the child's pid here, 0 in the child, which is process 1 of the jail
    raises   OSError when the host forbids it
    """
    uid, gid = os.getuid(), os.getgid()
    _prctl(PR_SET_DUMPABLE, 1)  # else uid_map is not ours to write
    _must(_LIBC.unshare(NEW_NAMESPACES), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{NOBODY} {uid} 1"),
        ("gid_map", f"{NOBODY} {gid} 1"),
    ):
        Path(f"/proc/self/{name}").write_text(text)
    return os.fork()


def enter_empty_root() -> None:
    """Swap the file tree for a read-only tmpfs of 4 kB and 2 inodes: no /proc, no /dev."""
    _must(_LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    flags = MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC
    options = b"size=4k,nr_inodes=2,mode=555"
    _must(_LIBC.mount(b"tmpfs", MOUNT_POINT, b"tmpfs", flags, options), "mount tmpfs")
    os.chdir(MOUNT_POINT)
    _must(_LIBC.syscall(SYS_PIVOT_ROOT, b".", b"."), "pivot_root")
    _must(_LIBC.umount2(b".", MNT_DETACH), "umount")
    os.chdir("/")


def bind_in_own_mounts(places: Mapping[Path, Path], covered: str) -> None:
    """Give folders second names that only this process and its children know. Needs root.

    places   folder -> its second name, directly in `covered`
    covered  a folder that this process will see as an empty one with those names in it
    raises   OSError
    """
    _must(_LIBC.unshare(NEW_MOUNTS), "unshare mounts")
    _must(_LIBC.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
    held = {place: os.open(folder, os.O_PATH) for folder, place in places.items()}
    flags, empty = MS_NOSUID | MS_NODEV, os.fsencode(covered)
    _must(_LIBC.mount(b"tmpfs", empty, b"tmpfs", flags, b"mode=755"), "mount tmpfs")
    for place, handle in held.items():
        place.mkdir(mode=0o755)
        source, target = os.fsencode(f"/proc/self/fd/{handle}"), os.fsencode(place)
        _must(_LIBC.mount(source, target, None, MS_BIND | MS_REC, None), f"bind {place}")
        os.close(handle)


def keep_only(wanted: Mapping[int, int]) -> None:
    """wanted: new number -> old number. Every other file descriptor is closed."""
    spare = {new: os.dup2(old, FIRST_SPARE_FD + new) for new, old in wanted.items()}
    for new, old in spare.items():
        os.dup2(old, new)
    low = 0
    for kept in [*sorted(wanted), ABOVE_ALL_FDS]:
        os.closerange(low, kept)
        low = kept + 1


def hang_on(lifeline: int) -> None:
    """Die with the parent, and at once when it is dead already.

    lifeline  a pipe whose other end only the parent holds
    """
    die_with_parent()
    poll = select.poll()
    poll.register(lifeline, 0)
    if poll.poll(0):  # it died before the kernel knew that we care
        os._exit(1)


def lock_up(fds: Mapping[int, int], limits: Limits, locks: Locks) -> None:
    """Close every lock on this process. Only afterwards may a foreign byte be read.

    fds     new number -> old number: all that stays open
    raises  OSError when a lock does not close; the process must then end
    """
    forbid_dumps()
    if locks.has_empty_root:
        enter_empty_root()
    keep_only(fds)
    os.environ.clear()  # noqa: TID251 - a jail takes nothing along
    _limit(limits)
    _drop_capabilities()
    forbid_new_privileges()
    if locks.has_landlock:
        landlock.deny_everything()
    locks.policy.install()


def address_space_bytes() -> int:
    """What this process has mapped now, touched or not."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()


def tasks_of_this_user() -> int:
    """How many processes and threads the user of this process has now, on this host."""
    own, found = str(os.getuid()), 0
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):  # it ended while we looked
            said = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
            found += int(said["Threads"]) if said["Uid"].split()[0] == own else 0
    return found


def _limit(limits: Limits) -> None:
    most = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_CPU: max(1, math.ceil(limits.cpu_s)),
        resource.RLIMIT_MEMLOCK: LOCKED_BYTES,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if limits.address_bytes is not None:
        most[resource.RLIMIT_AS] = limits.address_bytes
    if limits.tasks is not None:
        most[resource.RLIMIT_NPROC] = limits.tasks
    for what, amount in most.items():
        hard = resource.getrlimit(what)[1]
        allowed = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        resource.setrlimit(what, (allowed, allowed))


def _drop_capabilities() -> None:
    for capability in range(CAPABILITIES):
        _LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # a number too high, or not ours: no
    _LIBC.prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR_ALL, 0, 0, 0)
    header, nothing = (ctypes.c_uint32 * 2)(CAP_VERSION_3, 0), (ctypes.c_uint32 * 6)()
    _must(_LIBC.capset(header, nothing), "capset")


def _prctl(option: int, value: int) -> None:
    _must(_LIBC.prctl(option, value, 0, 0, 0), f"prctl {option}")


def _must(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
