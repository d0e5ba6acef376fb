"""How a fresh jail is built round a process: bubblewrap's arguments, and what is seen inside.

Inside are the interpreter, the code of the scorer, and the base, read only, and nothing else: no
home, no data folder, no network, no other process. The code is bound room by room, since the
project's folder may hold the site's data.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from workers.sandbox import cgroups, namespaces
from workers.sandbox.levels import PROJECT

PROGRAM, INSTALL = "bwrap", "no bubblewrap on PATH: apt-get install bubblewrap"
ROOMS = ("assay", "evaluator", "workers")
SYSTEM = tuple(Path(name) for name in ("/usr", "/lib", "/lib64", "/bin"))
LOADER_CACHE = Path("/etc/ld.so.cache")
WALLS = (
    "--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session",
    "--as-pid-1", "--cap-drop", "ALL", "--clearenv", "--hostname", "jail",
)  # fmt: skip
TRIAL_S = 20


@dataclass(frozen=True)
class View:
    """What a fresh jail sees besides the interpreter and the rooms.

    read_only  folders and files, at the paths that they have outside
    writable   the same, for writing
    devices    device nodes
    """

    read_only: tuple[Path, ...] = ()
    writable: tuple[Path, ...] = ()
    devices: tuple[Path, ...] = ()


class Staging:
    """Names for folders that the jail's user could not reach by their own, such as a private home.

    Only root needs it. The names mean something only in the mount namespace of the process that
    `enter` runs in; here they are empty folders.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        """Make an empty folder for each. Nothing is mounted yet."""
        self._root = Path(tempfile.mkdtemp(prefix="assay-jail-")) if os.geteuid() == 0 else None
        self.places: dict[Path, Path] = {}
        if self._root is None:
            return
        self._root.chmod(0o755)
        for number, folder in enumerate(folders):
            self.places[folder] = self._root / str(number)
            self.places[folder].mkdir()

    def enter(self) -> None:
        """In the child, still root: give every folder its second name. raises OSError"""
        if self.places:
            namespaces.bind_in_own_mounts(self.places)

    def close(self) -> None:
        """Take the empty folders away. The mounts went with the jail."""
        for place in self.places.values():
            with suppress(OSError):
                place.rmdir()
        if self._root is not None:
            self._root.rmdir()

    def __enter__(self) -> Self:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """For `with`."""
        self.close()


def program() -> str | None:
    """Where bubblewrap is; None when it is not installed."""
    return shutil.which(PROGRAM)


@cache
def why_not() -> str:
    """Why no fresh jail can be made on this host; "" when one can: one is tried."""
    if program() is None:
        return INSTALL
    view = View()
    with Staging(places_of(view)) as staging:
        command = [*walls(view, staging, {}), sys.executable, "-I", "-S", "-c", "pass"]
        try:
            done = subprocess.run(
                command,
                check=False,
                cwd="/",
                env={},
                capture_output=True,
                timeout=TRIAL_S,
                preexec_fn=become(staging, namespaces.SANDBOX_UID, None),
            )
        except (OSError, subprocess.SubprocessError) as error:
            return f"bubblewrap does not start: {error}"
    said = done.stderr.decode(errors="replace").strip()[-300:]
    return f"bubblewrap: {said or done.returncode}" if done.returncode else ""


def walls(view: View, staging: Staging, environment: Mapping[str, str]) -> list[str]:
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
    words += ["--proc", "/proc", "--dev", "/dev"]
    for folder in places_of(view):
        how = "--bind" if folder in view.writable else "--ro-bind"
        words += [how, str(staging.places.get(folder, folder)), str(folder)]
    for device in view.devices:
        words += ["--dev-bind", str(device), str(device)]
    return [*words, "--chdir", str(PROJECT), "--remount-ro", "/"]


def places_of(view: View) -> list[Path]:
    """Every folder that is bound, the shorter names first: a longer one may lie inside."""
    wanted = [Path(sys.base_prefix), Path(sys.prefix), *(PROJECT / room for room in ROOMS)]
    wanted += [Path(entry) for entry in sys.path if entry and Path(entry).is_dir()]
    not_ours = [path for path in wanted if path != PROJECT and not _lies_in(path, SYSTEM)]
    asked = [path for path in view.read_only if not _lies_in(path, SYSTEM)]
    bound: list[Path] = []
    for path in sorted({*not_ours, *asked}, key=lambda one: len(one.parts)):
        if not _lies_in(path, bound):
            bound.append(path)
    return [*bound, *view.writable]


def _lies_in(path: Path, folders: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def become(staging: Staging, uid: int, group: cgroups.Cgroup | None) -> Callable[[], None]:
    """What the child does before it becomes bubblewrap: limits, names, then no root any more."""
    runner = os.getpid()

    def change() -> None:
        if group is not None:
            group.add(os.getpid())
        staging.enter()
        namespaces.give_up_root(uid)
        namespaces.die_with_parent(runner)

    return change
