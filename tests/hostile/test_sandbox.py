"""Attack code runs inside the locked child, at every level that this host gives: nothing gets out.

Each attack is also run without a sandbox, as the same user, and must succeed there.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.hostile import sandbox_attacks
from workers.sandbox import namespaces, runner
from workers.sandbox.levels import PROJECT, Level, probe
from workers.sandbox.runner import Job, Sandbox, Status

SCORER = "tests.hostile.sandbox_attacks"
HOST = probe()
MEMORY_BYTES = 256 << 20


@pytest.fixture(scope="module", params=list(Level), ids=lambda level: level.value)
def sandbox(request, scene):
    level = request.param
    if not HOST.gives(level):
        pytest.skip(
            f"no sandbox level {level.value} on this host: {HOST.explain() or HOST.landlock}"
        )
    with Sandbox(Path(scene["folder"]), level, scorer=SCORER) as made:
        yield made


@pytest.fixture(scope="module")
def scene():
    """Things worth stealing, which any user of this host can reach."""
    patch = pytest.MonkeyPatch()
    patch.setenv("APP_SECRET", "x")
    victim = subprocess.Popen(["sleep", "300"], user=_uid())
    with tempfile.TemporaryDirectory() as name, _listening() as port, _abstract() as abstract:
        folder = Path(name)
        files = {one: folder / one for one in ("secret", "base_file", "deletable")}
        for file in files.values():
            file.write_text("a secret")
            file.chmod(0o666)
        folder.chmod(0o777)
        yield {
            "folder": name,
            "port": port,
            "abstract": abstract,
            "victim": victim.pid,
            **{one: str(file) for one, file in files.items()},
        }
    victim.kill()
    victim.wait()
    patch.undo()


def _uid():
    return namespaces.SANDBOX_UID if os.getuid() == 0 else os.getuid()


@contextmanager
def _listening():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@contextmanager
def _abstract():
    with socket.socket(socket.AF_UNIX) as server:
        name = f"assay-test-{os.getpid()}"
        server.bind("\0" + name)
        server.listen()
        yield name


def attack(sandbox, name, scene=None, **limits):
    limits = {"wall_s": 10, "cpu_s": 10, "memory_bytes": MEMORY_BYTES, **limits}
    return sandbox.run(Job(name.encode(), json.dumps(scene or {}).encode(), b"{}", **limits))


@pytest.fixture(scope="module")
def outside(scene):
    """attack name -> exit status without a sandbox, tried once."""
    tried = {}

    def run(name):
        if name not in tried:
            Path(scene["deletable"]).touch()
            command = [sys.executable, "-m", SCORER, name, json.dumps(scene), str(_uid())]
            tried[name] = subprocess.run(
                command, check=False, cwd=PROJECT, capture_output=True, text=True, timeout=30
            )
        return tried[name]

    return run


@pytest.mark.parametrize("name", sandbox_attacks.ATTACKS)
def test_an_attack_that_works_outside_gets_nothing_inside(name, sandbox, scene, outside):
    free = outside(name)
    Path(scene["deletable"]).touch()
    outcome = attack(sandbox, name, scene)
    assert outcome.status in {Status.OK, Status.POLICY_VIOLATION}, outcome
    assert outcome.predictions in {((0,),), None}, f"{name} escaped"
    if name in sandbox_attacks.SOMETIMES_ABSENT and free.returncode:
        pytest.skip(f"{name} does not work on this host even outside: {free.stderr}")
    assert free.returncode == 0, f"vacuous: {name} fails outside too: {free.stderr}"


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("sleep", Status.TIMEOUT),
        ("ignore_signals", Status.TIMEOUT),
        ("close_and_stay", Status.TIMEOUT),
        ("flood_result", Status.OUTPUT_LIMIT),
        ("flood_log", Status.LOG_LIMIT),
        ("bomb", Status.OOM),
        ("segfault", Status.CRASH),
        ("abort", Status.CRASH),
        ("exit_3", Status.CRASH),
        ("error", Status.CRASH),
        ("trace", Status.POLICY_VIOLATION),
        ("half", Status.BAD_OUTPUT),
        ("nothing", Status.BAD_OUTPUT),
        ("two_documents", Status.BAD_OUTPUT),
        ("key_twice", Status.BAD_OUTPUT),
        ("not_a_number", Status.BAD_OUTPUT),
        ("deep", Status.BAD_OUTPUT),
        ("extra_key", Status.BAD_OUTPUT),
        ("truth_value", Status.BAD_OUTPUT),
        ("too_large", Status.BAD_OUTPUT),
        ("flat", Status.BAD_OUTPUT),
        ("fraction", Status.BAD_OUTPUT),
    ],
)
def test_an_ending_has_one_name(name, status, sandbox):
    outcome = attack(sandbox, name, wall_s=0.7 if status is Status.TIMEOUT else 10)
    assert (outcome.status, outcome.predictions) == (status, None), outcome
    assert outcome.status.is_verdict
    assert not outcome.status.is_infrastructure


def test_a_wall_limit_is_kept_to_half_a_second(sandbox):
    assert attack(sandbox, "sleep", wall_s=0.5).wall_s < 1.0


def test_a_processor_limit_is_a_timeout(sandbox):
    outcome = attack(sandbox, "spin", cpu_s=1, wall_s=20)
    assert outcome.status is Status.TIMEOUT, outcome
    assert 0.8 <= outcome.cpu_s < 3


def test_an_honest_job_follows_every_ending(sandbox):
    attack(sandbox, "segfault")
    outcome = sandbox.run(Job(None, b"12345", b"{}", mode="exact"))
    assert (outcome.status, outcome.predictions) == (Status.OK, ((5, 2), (), (1,)))
    assert outcome.level is sandbox.level
    assert outcome.peak_bytes > 0
    assert len(outcome.policy_sha256) == 64


def test_the_log_keeps_the_end_of_what_a_job_said(sandbox):
    assert b"a message for the log" in attack(sandbox, "error").log_tail


def test_a_job_that_does_not_run_long_takes_a_fraction_of_a_second(sandbox):
    walls = sorted(sandbox.run(Job(None, b"", b"{}")).wall_s for _ in range(5))
    assert walls[2] < 0.3, walls


def test_a_zygote_serves_so_many_jobs_and_then_a_fresh_one_does(sandbox, monkeypatch):
    def served_by():
        assert sandbox.run(Job(None, b"", b"{}")).status is Status.OK
        return sandbox._zygote

    attack(sandbox, "segfault")
    monkeypatch.setattr(runner, "JOBS_PER_ZYGOTE", 2)
    first, second, third = (served_by() for _ in range(3))
    assert first is second
    assert third is not first


HOLDER = """
import sys
from pathlib import Path
from workers.sandbox.runner import Job, Level, Sandbox
with Sandbox(Path("/"), Level(sys.argv[1]), scorer=sys.argv[2]) as sandbox:
    print("started", flush=True)
    sandbox.run(Job(sys.argv[3].encode(), b"{}", b"{}", wall_s=60))
"""


@pytest.mark.parametrize("name", ["sleep", "spin"])
def test_nothing_survives_a_killed_worker_for_three_seconds(name, sandbox):
    command = [sys.executable, "-c", HOLDER, sandbox.level.value, SCORER, name]
    holder = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"started\n"
    zygote_supervisor_jail = 3
    assert _until(lambda: len(_family(holder.pid)) >= zygote_supervisor_jail, 10)
    assert all(0 not in _users(pid) for pid in _family(holder.pid)), "root in a jail"
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert _until(lambda: not _family(holder.pid), 3), _family(holder.pid)


def test_nothing_survives_a_killed_zygote(sandbox):
    command = [sys.executable, "-c", HOLDER, sandbox.level.value, SCORER, "sleep"]
    holder = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE)
    assert _until(lambda: len(_family(holder.pid)) >= 3, 10)
    os.kill(min(_family(holder.pid)), 9)
    assert _until(lambda: not _family(holder.pid), 3), _family(holder.pid)
    assert holder.wait(5) == 0  # the runner saw it as lost, and went on
    holder.stdout.close()


def _family(runner: int) -> list[int]:
    """Every live process of the sandboxes that this runner started."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if b"workers.sandbox.zygote" in words and str(runner).encode() in words:
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
                found += [int(entry.name)] if state != "Z" else []
        except OSError:
            continue
    return found


def _users(pid: int) -> list[int]:
    """Real, effective, saved and file system user of a process, as this host counts."""
    status = Path(f"/proc/{pid}/status").read_text()
    return [int(one) for one in status.split("Uid:")[1].splitlines()[0].split()]


def _until(fact, wait_s: float) -> bool:
    end = time.monotonic() + wait_s
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
