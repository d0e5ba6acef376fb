"""An ordinary user, without root anywhere, locks jobs up as well: no jail needs a privilege.

test_sandbox.py runs again as such a user, with a cgroup delegated to him, as a service manager does
it: every attack, every ending and every kill, in every kind of jail but one. What it needs is a
python3.11 that he can run and a pytest that he can read.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.hostile.sandbox_attacks import ATTACKS, SOMETIMES_ABSENT
from workers.sandbox import bubblewrap, cgroups
from workers.sandbox.levels import PROJECT, Level, probe

ORDINARY_UID = 64200  # none of the ids that sandboxes take
SUITE_S = 3600  # for what hangs; 40 s on idle cores
WANTED = "(works_outside or one_name or survives) and not nocgroup"  # what full has, and more
ORDINARY = {"user": ORDINARY_UID, "group": ORDINARY_UID, "extra_groups": []}
LEAST_ATTACKS = 45


def interpreter_of_everybody() -> str | None:
    """A python3.11 that another user can run: one under a private home cannot be."""
    for place in (os.path.realpath(sys.executable), shutil.which("python3.11", path=os.defpath)):
        command = [place or "", "-S", "-c", "import sys; assert sys.version_info[:2] == (3, 11)"]
        try:
            subprocess.run(command, check=True, cwd="/", capture_output=True, **ORDINARY)
        except (OSError, subprocess.CalledProcessError):
            continue
        return place
    return None


@contextmanager
def delegated():
    """cgroup folders that belong to the ordinary user, and how a process gets into them."""
    try:
        place = cgroups.find_place()
    except OSError:
        yield lambda: None
        return
    outer = [folder / f"ordinary-{os.getpid()}" for folder in place.folders]
    inner = [folder / "inner" if place.is_v2 else folder for folder in outer]
    for folder in dict.fromkeys([*outer, *inner]):
        folder.mkdir()
        cgroups._delegate(folder)
        for name in (".", "cgroup.procs", "cgroup.subtree_control"):
            with suppress(FileNotFoundError):
                os.chown(folder / name, ORDINARY_UID, ORDINARY_UID)

    def enter():
        for folder in inner:
            (folder / "cgroup.procs").write_text(str(os.getpid()))
        os.setgroups([])
        os.setresgid(ORDINARY_UID, ORDINARY_UID, ORDINARY_UID)
        os.setresuid(ORDINARY_UID, ORDINARY_UID, ORDINARY_UID)

    try:
        yield enter
    finally:
        for folder in dict.fromkeys([*inner, *outer]):
            cgroups._remove(folder)


def test_there_are_attacks_enough_to_mean_something():
    assert len(ATTACKS) >= LEAST_ATTACKS
    assert len(ATTACKS.keys() - SOMETIMES_ABSENT) >= LEAST_ATTACKS


@pytest.mark.slow
@pytest.mark.timeout(SUITE_S + 20)
def test_an_ordinary_users_jails_hold_against_every_attack():
    if os.getuid() != 0:
        pytest.skip(
            "this run is an ordinary user's already: tests/hostile/test_sandbox.py shows it"
        )
    python = interpreter_of_everybody()
    if python is None:
        pytest.skip("no python3.11 that another user can run: apt-get install python3.11")
    packages = Path(pytest.__file__).parents[1]
    can_read = [
        python,
        "-S",
        "-c",
        f"import sys; sys.path[:0] = [{str(packages)!r}]; import pytest",
    ]
    if subprocess.run(can_read, check=False, cwd="/", capture_output=True, **ORDINARY).returncode:
        pytest.skip("pytest is under a private home: another user cannot read it")
    options = ["-q", "-rs", "--noconftest", "-c", os.devnull, "--rootdir", str(PROJECT)]
    options += ["-p", "no:cacheprovider", "--import-mode=importlib"]
    with delegated() as enter:
        done = subprocess.run(
            [python, "-m", "pytest", *options, "-k", WANTED, "tests/hostile/test_sandbox.py"],
            check=False,
            cwd=PROJECT,
            env={
                "PATH": os.defpath,
                "PYTHONPATH": f"{PROJECT}:{packages}",
                "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
            capture_output=True,
            text=True,
            timeout=SUITE_S,
            preexec_fn=enter,
        )
    failures = re.findall(r"^E  .*|^FAILED.*", done.stdout, re.MULTILINE)
    assert done.returncode == 0, "\n".join(failures[-40:]) or done.stdout[-2000:]
    levels = [level for level in Level if level is not Level.NOCGROUP and probe().gives(level)]
    kinds = len(levels) + (not bubblewrap.why_not())
    passed = int(re.search(r"(\d+) passed", done.stdout).group(1))
    assert passed >= kinds * len(ATTACKS.keys() - SOMETIMES_ABSENT), done.stdout[-4000:]
    assert "no sandbox level" not in done.stdout or probe().level is not Level.FULL, done.stdout
