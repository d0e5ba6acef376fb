"""Optional system packages: which are here, what each adds, and how to get it.

None is required. `python requirements/system.py` names the absent ones; as root, where apt-get is,
it installs them first (ASSAY_APT=0 forbids that), and a failed installation is only a loud line.
Standard library only: it runs before the virtual environment exists, and the tests read it too.

    python requirements/system.py            install what can be, then name what is absent
    python requirements/system.py --found    only print the names of what is here: postgres,redis
    python requirements/system.py --bare FOLDER    fill FOLDER with links to all programs of PATH
                                                   but the optional ones: the PATH of a bare machine

With ASSAY_BARE=1 nothing optional is found, wherever it lies.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

APT_TIME_LIMIT_S = 420
ALSO_HIDDEN = ("npm", "npx", "node", "uv", "apt-get", "psql", "pg_ctl")


@dataclass(frozen=True)
class Program:
    """Something of the system that we use when it is there."""

    name: str  # what ASSAY_NEED calls it
    commands: tuple[str, ...]  # the first one found is taken
    package: str  # of Debian and Ubuntu
    adds: str  # what is missing without it

    def path(self) -> Path | None:
        """Where it is, or None. CHROMIUM names a browser that is not on PATH."""
        if os.environ.get("ASSAY_BARE") == "1":  # noqa: TID251 - runs before config exists
            return None
        named = os.environ.get(self.name.upper(), "")  # noqa: TID251 - runs before config exists
        for command in (named, *self.commands):
            place = command and shutil.which(command, path=_search_path())
            if place:
                return Path(place)
        return None

    def absence(self) -> str:
        """One line for a person: what is absent, what it would add, how to get it."""
        return f"no {self.name}: {self.adds}; apt-get install {self.package}"


PROGRAMS = (
    Program("postgres", ("initdb",), "postgresql", "the laws also run on a PostgreSQL cluster"),
    Program(
        "redis",
        ("redis-server", "valkey-server"),
        "redis-server",
        "a broker for several hosts, which gives back the task of a killed worker",
    ),
    Program(
        "chromium",
        ("chromium", "chromium-browser", "google-chrome"),
        "chromium",
        "the journeys in a real browser",
    ),
    Program(
        "bubblewrap",
        ("bwrap",),
        "bubblewrap",
        "jails for what sponsors send: their files and their scoring code",
    ),
)


def program(name: str) -> Program:
    """The program of that name. Raises KeyError for a name that is not in PROGRAMS."""
    return {each.name: each for each in PROGRAMS}[name]


def main(arguments: list[str]) -> None:
    """Install what is absent where that is possible; name what is absent then."""
    if "--found" in arguments:
        print(",".join(each.name for each in PROGRAMS if each.path()))
        return
    if "--bare" in arguments:
        _link_all_but_the_optional(Path(arguments[-1]))
        return
    absent = [each for each in PROGRAMS if not each.path()]
    if absent and _may_install():
        _install(absent)
    for each in absent:
        if not each.path():
            print(f"  optional  {each.absence()}", flush=True)


def _link_all_but_the_optional(folder: Path) -> None:
    """Links to every program of PATH; of two with one name the first, as a shell takes it."""
    hidden = {*ALSO_HIDDEN, *(command for each in PROGRAMS for command in each.commands)}
    folder.mkdir(parents=True)
    on_path = os.environ.get("PATH", os.defpath)  # noqa: TID251 - runs before config exists
    for place in filter(Path.is_dir, map(Path, on_path.split(os.pathsep))):
        for found in place.iterdir():
            link = folder / found.name
            if found.name not in hidden and not link.is_symlink() and os.access(found, os.X_OK):
                link.symlink_to(found)


def _search_path() -> str:
    """PATH behind the folders where Debian keeps the servers of PostgreSQL, newest first."""
    versions = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(versions, key=lambda folder: int(folder.parent.name), reverse=True)
    on_path = os.environ.get("PATH", os.defpath)  # noqa: TID251 - runs before config exists
    return os.pathsep.join([*map(str, newest_first), on_path])


def _may_install() -> bool:
    """True for root with apt-get, unless ASSAY_APT=0."""
    forbidden = os.environ.get("ASSAY_APT") == "0"  # noqa: TID251 - runs before config exists
    return os.geteuid() == 0 and shutil.which("apt-get") is not None and not forbidden


def _install(absent: list[Program]) -> None:
    """Ask apt-get for the packages of what is absent; say so when it cannot."""
    packages = [each.package for each in absent]
    print(f"  optional  apt-get install {' '.join(packages)} ...", flush=True)
    # RUNLEVEL=1 keeps the packages from starting servers of their own.
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    environment = os.environ | quiet  # noqa: TID251 - apt-get needs PATH and the proxies
    update = ["apt-get", "-qq", "-o", "APT::Update::Error-Mode=any", "update"]
    install = ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages]
    for command in (update, install):
        try:
            done = subprocess.run(
                command,
                env=environment,
                capture_output=True,
                text=True,
                timeout=APT_TIME_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            print(f"  optional  FAILED: {' '.join(command)} took too long", flush=True)
            return
        if done.returncode:
            print(f"  optional  FAILED: {' '.join(command)}\n{done.stderr[-500:]}", flush=True)
            return


if __name__ == "__main__":
    main(sys.argv[1:])
