"""How strongly this host can lock a job up: tried, not guessed, and what would make it stronger.

`python -m workers.sandbox.levels` is the probe itself, in a process of its own (it locks itself).
"""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import cache, total_ordering
from pathlib import Path

from workers.sandbox import cgroups, landlock, namespaces, seccomp
from workers.sandbox.errors import LevelMissing, SandboxUnavailable

PROBE_S = 30
UNEXPLAINED = 255
PROJECT = Path(__file__).resolve().parents[2]
FIXES = {
    "filter": "Score on Linux x86_64 with seccomp; other hosts can run the site but not score.",
    "uid": f"Give the container the user id {namespaces.SANDBOX_UID}, or run as an ordinary user.",
    "namespaces": (
        "Allow user namespaces: `sysctl user.max_user_namespaces=10000`; in a container a seccomp "
        "profile that permits unshare and mount; on Ubuntu 24.04 an AppArmor profile with `userns`."
    ),
    "landlock": "Use Linux 5.13 or newer with `landlock` in the kernel's list of security modules.",
    "cgroup": (
        "Give the worker a writable cgroup with memory and pids: run as root, or under systemd "
        "with `Delegate=yes` and `DelegateSubgroup=worker`."
    ),
}


@total_ordering
class Level(Enum):
    """From weak to strong. Each has every lock of the one before that still makes sense."""

    SECCOMP = "seccomp"  # rlimits, closed files, own uid, a filter without any open
    LANDLOCK = "landlock"  # and no right to any file, port or process that is not open already
    NOCGROUP = "nocgroup"  # own namespaces and an empty root; memory by rlimit and polling
    FULL = "full"  # and memory and processes bounded by a cgroup

    def __lt__(self, other: "Level") -> bool:
        """In order of definition."""
        order = list(Level)
        return order.index(self) < order.index(other)

    @property
    def is_isolated(self) -> bool:
        """Jails have namespaces of their own."""
        return self >= Level.NOCGROUP

    @property
    def has_cgroup(self) -> bool:
        """Memory is bounded by the kernel's own account."""
        return self is Level.FULL

    @property
    def filter_name(self) -> str:
        """The system call filter of a zygote's jails: the tightest, since all is loaded before."""
        return seccomp.WITHOUT_OPEN


@dataclass(frozen=True)
class Missing:
    """One thing that this host lacks: what, in the kernel's words, and how to get it."""

    what: str
    fix: str


@dataclass(frozen=True)
class Host:
    """What a probe found.

    level     the strongest; None when nothing can be locked up here
    landlock  why that level cannot be made, which a stronger one does not need; "" when it can
    """

    level: Level | None
    missing: tuple[Missing, ...]
    landlock: str = ""

    def gives(self, wanted: Level) -> bool:
        """True when jails of exactly this level can be made here."""
        can = self.level is not None and wanted <= self.level
        return can and not (wanted is Level.LANDLOCK and self.landlock)

    def explain(self) -> str:
        """What is missing, in one line."""
        return "; ".join(one.what for one in self.missing)


@cache
def probe() -> Host:
    """Try every lock for real, in another process, as the user that jails will have; once."""
    said = _probe_locks()
    landlock_fails = said.pop("landlock", "not tried")  # nothing is missing where more can be had
    missing = [Missing(f"{name}: {why}", FIXES[name]) for name, why in said.items() if why]
    if said["filter"] or said["uid"]:
        return Host(None, tuple(missing))
    if said["namespaces"]:
        if landlock_fails:
            missing.append(Missing(f"landlock: {landlock_fails}", FIXES["landlock"]))
        level = Level.SECCOMP if landlock_fails else Level.LANDLOCK
        return Host(level, tuple(missing), landlock_fails)
    try:
        cgroups.find_place()
    except OSError as error:
        lacks = (Missing(f"cgroup: {error}", FIXES["cgroup"]),)
        return Host(Level.NOCGROUP, lacks, landlock_fails)
    return Host(Level.FULL, (), landlock_fails)


def strongest_level() -> Level:
    """The strongest level that works here, now.

    raises SandboxUnavailable when none does
    """
    host = probe()
    if host.level is None:
        raise SandboxUnavailable("This host cannot lock a job up.", missing=host.explain())
    return host.level


def require_level(wanted: Level) -> None:
    """raises LevelMissing, SandboxUnavailable when this host is weaker than `wanted`."""
    host = probe()
    if host.level is None:
        raise SandboxUnavailable("This host cannot lock a job up.", missing=host.explain())
    if not host.gives(wanted):
        raise LevelMissing(
            f"The sandbox level {wanted.value} does not work on this host.",
            wanted=wanted.value,
            strongest=host.level.value,
            missing=host.explain() or host.landlock,
        )


def _probe_locks() -> dict[str, str]:
    """Lock -> why it does not close; '' where it does."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        return {"filter": f"no filter for {sys.platform} {platform.machine()}", "uid": ""}
    command = [sys.executable, "-m", "workers.sandbox.levels"]
    environment = {"PATH": os.defpath}
    done = subprocess.run(
        command,
        check=False,
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        timeout=PROBE_S,
    )
    if done.returncode != 0:
        return {"filter": done.stderr.decode(errors="replace")[-300:], "uid": ""}
    found: dict[str, str] = json.loads(done.stdout)
    return found


def _try_filter() -> None:
    policy = seccomp.read_filter(seccomp.WITHOUT_OPEN)
    namespaces.forbid_new_privileges()
    policy.install()
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return
    raise OSError("the filter lets an open through")


def _try_landlock() -> None:
    namespaces.forbid_new_privileges()
    landlock.deny_everything()
    try:
        os.close(os.open("/", os.O_RDONLY))
    except PermissionError:
        return
    raise OSError("landlock lets an open through")


def _try_namespaces() -> None:
    jail = namespaces.fork_into_namespaces()
    if jail:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(jail, 0)[1]))
    namespaces.enter_empty_root()
    assert not list(Path("/").iterdir())


def _outcome_of(attempt: Callable[[], None]) -> str:
    """Run it in a child, since a lock cannot be taken off; '' when it worked."""
    child = os.fork()
    if child == 0:
        code = UNEXPLAINED
        try:
            attempt()
            code = 0
        except OSError as error:
            code = error.errno or UNEXPLAINED
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == 0:
        return ""
    return os.strerror(code) if 0 < code < UNEXPLAINED else f"ended with {code}"


def main() -> None:
    """Print what does not work, as JSON."""
    try:
        namespaces.give_up_root(namespaces.SANDBOX_UID)
        uid = ""
    except OSError as error:
        uid = str(error)
    said = {
        "filter": _outcome_of(_try_filter),
        "uid": uid,
        "landlock": _outcome_of(_try_landlock),
        "namespaces": _outcome_of(_try_namespaces),
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
