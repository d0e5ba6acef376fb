"""How a fresh jail is built round a process: bubblewrap's arguments, and what is seen inside.

Inside are the interpreter, the code of the scorer, and the base, read only, and nothing else: no
home, no data folder, no network, no other process. The code is bound room by room, since the
project's folder may hold the site's data.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from workers.sandbox import cgroups, namespaces
from workers.sandbox.levels import PROJECT

PROGRAM, INSTALL = "bwrap", "no bubblewrap on PATH: apt-get install bubblewrap"
ROOMS = ("assay", "evaluator", "workers")
PACKAGE_FOLDERS = ("site-packages", "dist-packages")  # not whatever else is on sys.path
COVERED = "/tmp"  # noqa: S108 - a private file system of one process
SYSTEM = tuple(Path(name) for name in ("/usr", "/lib", "/lib64", "/bin"))
LOADER_CACHE = Path("/etc/ld.so.cache")
WALLS = (
    "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
    "--as-pid-1", "--cap-drop", "ALL", "--clearenv", "--hostname", "jail",
)  # fmt: skip
TRIAL_S = 20
SCRATCH_BYTES = 16 << 20  # libraries want a temporary folder while they load


@dataclass(frozen=True)
class View:
    """What a fresh jail sees besides the interpreter and the rooms.

    read_only  folders and files, at the paths that they have outside
    writable   the same, for writing
    """

    read_only: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()


def second_names(folders: Sequence[Path]) -> dict[Path, Path]:
    """Names for folders that the jail's user could not reach by their own, such as a private home.

    Only root needs them. They mean something only in a process that has called `become`.
    """
    if os.geteuid() != 0:
        return {}
    return {folder: Path(COVERED, str(number)) for number, folder in enumerate(folders)}


def program() -> str | None:
    """Where bubblewrap is; None when it is not installed."""
    return shutil.which(PROGRAM)


@cache
def why_not() -> str:
    """Why no fresh jail can be made on this host; "" when one can: one is tried."""
    if program() is None:
        return INSTALL
    view = View()
    try:
        done = subprocess.run(
            [*walls(view, {}), sys.executable, "-I", "-S", "-c", "pass"],
            check=False,
            cwd="/",
            env={},
            capture_output=True,
            timeout=TRIAL_S,
            preexec_fn=become(view, namespaces.SANDBOX_UID, None),
        )
    except (OSError, subprocess.SubprocessError) as error:
        return f"bubblewrap does not start: {error}"
    said = done.stderr.decode(errors="replace").strip()[-300:]
    return f"bubblewrap: {said or done.returncode}" if done.returncode else ""


def walls(view: View, environment: Mapping[str, str]) -> list[str]:
    """bubblewrap and its arguments, up to where the program to run begins."""
    found = program()
    assert found is not None, "why_not() has not been asked"
    words = [found, *WALLS]
    for name, value in environment.items():
        words += ["--setenv", name, value]
    for path in SYSTEM:
        if path.is_symlink():
            words += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            words += ["--ro-bind", str(path), str(path)]
    words += ["--ro-bind-try", str(LOADER_CACHE), str(LOADER_CACHE)]
    words += ["--proc", "/proc", "--dev", "/dev", "--size", str(SCRATCH_BYTES), "--tmpfs", "/tmp"]  # noqa: S108
    folders = places_of(view)
    names = second_names(folders)
    for folder in folders:
        how = "--bind" if folder in view.writable else "--ro-bind"
        words += [how, str(names.get(folder, folder)), str(folder)]
    return [*words, "--chdir", str(PROJECT), "--remount-ro", "/"]


def places_of(view: View) -> list[Path]:
    """Every folder that is bound, the shorter names first: a longer one may lie inside."""
    wanted = [Path(sys.base_prefix), Path(sys.prefix), *(PROJECT / room for room in ROOMS)]
    wanted += [Path(entry) for entry in sys.path if Path(entry).name in PACKAGE_FOLDERS]
    not_ours = [path for path in wanted if path != PROJECT and not _lies_in(path, SYSTEM)]
    asked = [path for path in view.read_only if not _lies_in(path, SYSTEM)]
    bound: list[Path] = []
    for path in sorted({*not_ours, *asked}, key=lambda one: len(one.parts)):
        if not _lies_in(path, bound):
            bound.append(path)
    return [*bound, *view.writable]


def _lies_in(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def become(view: View, uid: int, group: cgroups.Cgroup | None) -> Callable[[], None]:
    """What the child does before it becomes bubblewrap: limits, names, then no root any more."""
    runner, names = os.getpid(), second_names(places_of(view))

    def change() -> None:
        if group is not None:
            group.add(os.getpid())
        if names:
            namespaces.bind_in_own_mounts(names, COVERED)
        namespaces.give_up_root(uid)
        namespaces.die_with_parent(runner)

    return change
