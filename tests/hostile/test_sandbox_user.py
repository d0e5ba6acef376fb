"""An ordinary user, without root anywhere, locks jobs up as well: no jail needs a privilege."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from workers.sandbox.levels import PROJECT, Level, probe

ORDINARY_UID = 64200  # none of the ids that sandboxes take
SCRIPT = """
import json, sys
from pathlib import Path
from workers.sandbox.levels import probe
from workers.sandbox.runner import Job, Level, Sandbox
found = probe()
context = json.dumps({"secret": "/etc/passwd"}).encode()
said = {"strongest": found.level.value}
for level in Level:
    if level <= found.level:
        with Sandbox(Path("/"), level, scorer="tests.hostile.sandbox_attacks") as sandbox:
            jobs = [Job(None, b"12345", b"{}"), Job(b"read_host_file", context, b"{}")]
            outcomes = [sandbox.run(job) for job in jobs]
            said[level.value] = [[one.status.value, one.predictions] for one in outcomes]
print(json.dumps(said))
"""


def interpreter_of_everybody() -> str | None:
    """A python3.11 that another user can run: one under a private home cannot be."""
    for place in (os.path.realpath(sys.executable), shutil.which("python3.11", path=os.defpath)):
        command = [place or "", "-S", "-c", "import sys; assert sys.version_info[:2] == (3, 11)"]
        try:
            subprocess.run(command, check=True, user=ORDINARY_UID, cwd="/", capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return place
    return None


def test_an_ordinary_user_gets_a_sandbox_without_root():
    if os.getuid() != 0:
        pytest.skip(
            "this run is an ordinary user's already: tests/hostile/test_sandbox.py shows it"
        )
    python = interpreter_of_everybody()
    if python is None:
        pytest.skip("no python3.11 that another user can run: apt-get install python3.11")
    done = subprocess.run(
        [python, "-c", SCRIPT],
        check=False,
        user=ORDINARY_UID,
        group=ORDINARY_UID,
        extra_groups=[],
        cwd=PROJECT,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    strongest = Level(said.pop("strongest"))
    assert strongest >= min(probe().level, Level.NOCGROUP)
    for level in said:
        assert said[level] == [["ok", [[5, 2], [], [0]]], ["ok", [[0]]]], (level, said[level])
