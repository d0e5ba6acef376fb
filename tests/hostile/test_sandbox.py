"""Attack code runs inside the jail, at every level that this host gives: nothing gets out.

Each attack is also run without a sandbox, as the same user, and must succeed there. An ordinary
user's run of this file is a test of test_sandbox_user.py: it needs pytest and nothing else.
"""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from tests.hostile import sandbox_attacks
from workers.sandbox import bubblewrap, namespaces, runner
from workers.sandbox.fresh import Fresh
from workers.sandbox.levels import PROJECT, Level, probe
from workers.sandbox.runner import Job, Sandbox, Status

pytestmark = pytest.mark.slow

SCORER = "tests.hostile.sandbox_attacks"
HOST = probe()
MEMORY_BYTES = 256 << 20
LONG_S = 600  # for what hangs: the machine may be busy


LEVELS = [level.value for level in Level]


@pytest.fixture(scope="module", params=[*LEVELS, "fresh"])
def sandbox(request, scene):
    """Every kind of jail: a zygote's at each level, and bubblewrap's."""
    if request.param == "fresh":
        if reason := bubblewrap.why_not():
            pytest.skip(f"no fresh jails on this host: {reason}")
        with Fresh(Path(scene["folder"]), scorer=SCORER) as made:
            yield made
        return
    level = Level(request.param)
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
    jailer = {"user": _uid(), "group": _uid(), "extra_groups": []} if os.getuid() == 0 else {}
    victim = subprocess.Popen(["sleep", "300"], **jailer)
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory())
        folder = Path(name)
        folder.chmod(0o777)
        files = {one: folder / one for one in ("secret", "private", "base_file", "deletable")}
        for file in files.values():
            file.write_text("a secret")
            file.chmod(0o666)
        files["private"].chmod(0o600)
        os.chown(files["private"], _uid(), -1)
        yield {
            "folder": name,
            "port": stack.enter_context(_listening()),
            "abstract": stack.enter_context(_socket(f"\0assay-test-{os.getpid()}"))[1:],
            "socket_file": stack.enter_context(_socket(f"{name}/socket")),
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
def _socket(name):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(name)
        server.listen(16)
        if not name.startswith("\0"):
            Path(name).chmod(0o777)
        yield name


def attack(sandbox, name, scene=None, **limits):
    limits = {"wall_s": LONG_S, "cpu_s": 10, "memory_bytes": MEMORY_BYTES, **limits}
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
                command, check=False, cwd=PROJECT, capture_output=True, text=True, timeout=LONG_S
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
    outcome = attack(sandbox, name, wall_s=0.4 if status is Status.TIMEOUT else LONG_S)
    assert (outcome.status, outcome.predictions) == (status, None), outcome
    assert outcome.status.is_verdict
    assert not outcome.status.is_infrastructure


def test_a_wall_limit_ends_who_would_sleep_on(sandbox):
    outcome = attack(sandbox, "sleep", wall_s=0.5)
    assert outcome.status is Status.TIMEOUT, outcome
    assert outcome.wall_s >= 0.5


def test_a_processor_limit_is_a_timeout(sandbox):
    outcome = attack(sandbox, "spin", cpu_s=1)
    assert outcome.status is Status.TIMEOUT, outcome
    assert 0.8 <= outcome.cpu_s < 3


def test_an_honest_job_follows_every_ending(sandbox):
    attack(sandbox, "segfault")
    outcome = sandbox.run(Job(None, b"12345", b"{}"))
    assert (outcome.status, outcome.predictions) == (Status.OK, ((5, 2), (), (1,)))
    assert outcome.level is sandbox.level
    assert outcome.peak_bytes > 0
    assert len(outcome.policy_sha256) == 64


def test_the_log_keeps_the_end_of_what_a_job_said(sandbox):
    assert b"a message for the log" in attack(sandbox, "error").log_tail


def test_a_job_that_computes_nothing_costs_a_fraction_of_a_second(sandbox):
    costs = sorted(sandbox.run(Job(None, b"", b"{}")).cpu_s for _ in range(5))
    assert costs[2] < 0.3, costs


@pytest.mark.parametrize("sandbox", LEVELS, indirect=True)  # a fresh jail has no zygote
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
from workers.sandbox.fresh import Fresh
from workers.sandbox.runner import Job, Level, Sandbox
kind, level, scorer, attack = sys.argv[1:]
made = (
    Fresh(Path("/usr"), Level(level), scorer=scorer)
    if kind == "Fresh"
    else Sandbox(Path("/"), Level(level), scorer=scorer)
)
with made as sandbox:
    print("started", flush=True)
    outcome = sandbox.run(Job(attack.encode(), b"{}", b"{}", wall_s=3600))
print(outcome.status)
"""


@contextmanager
def _holder(sandbox, name):
    """Another process with a sandbox like this one, at work on an endless job."""
    words = [type(sandbox).__name__, sandbox.level.value, SCORER, name]
    command = [sys.executable, "-c", HOLDER, *words]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout.readline() == "started\n"
            assert _until(lambda: _is_at_work(sandbox, holder.pid), LONG_S), _family(holder.pid)
            yield holder
        finally:
            holder.kill()


def _is_at_work(sandbox, runner):
    """Zygote, supervisor and jail; or bubblewrap and the jail in it, which has given up its name"""
    family = _family(runner)
    if isinstance(sandbox, Fresh):
        return (
            len(family) == 2
            and "Seccomp_filters:\t2" in Path(f"/proc/{max(family)}/status").read_text()
        )
    return len(family) == 3


@pytest.mark.parametrize("name", ["sleep", "spin"])
def test_nothing_survives_a_killed_worker(name, sandbox):
    with _holder(sandbox, name) as holder:
        family = _family(holder.pid)
        assert all(0 not in _users(pid) for pid in family), "root in a jail"
        holder.kill()
        holder.wait()
        assert _until(lambda: not _alive(family), LONG_S), family


def test_nothing_survives_a_killed_zygote(sandbox):
    """Or a killed bubblewrap. The worker sees it as lost, and goes on."""
    with _holder(sandbox, "sleep") as holder:
        family = _family(holder.pid)
        os.kill(min(family), 9)
        assert _until(lambda: not _alive(family), LONG_S), family
        assert holder.wait(LONG_S) == 0
        assert holder.stdout.read() == "lost\n"


def test_a_blob_that_is_swapped_under_a_job_changes_nothing(sandbox, scene):
    """Without a sandbox a scorer that is given a path reads what lies there by then."""
    file = Path(scene["folder"], "blob")
    file.write_bytes(b"answer")
    swap = f"import pathlib; file = pathlib.Path({str(file)!r}); file.write_text('swapped')"
    job = Job(file.read_bytes(), b"12345", b"{}")
    free = [sys.executable, "-c", f"{swap}; print(file.read_text())"]
    assert subprocess.check_output(free, text=True) == "swapped\n"
    assert sandbox.run(job).predictions == ((5, 2), (), (1,))


def _family(runner: int) -> list[int]:
    """Every live process that this runner started, and what those started."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found = {runner}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {runner})


def _alive(pids: list[int]) -> list[int]:
    found = []
    for pid in pids:
        with suppress(OSError):
            stat = Path(f"/proc/{pid}/stat").read_text()
            found += [pid] if stat.rpartition(")")[2].split()[0] != "Z" else []
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
