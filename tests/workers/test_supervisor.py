"""The supervisor with small real processes: order, restart, stop, and nothing left over."""

import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from requirements.system import program
from workers import site
from workers.supervisor import AlreadyRunning, Child, ChildFailed, Plan, Supervisor

HOUSE = Path(__file__).resolve().parents[2]
MARK = "ASSAY_TEST_FAMILY"
SLEEPER = """
import pathlib, signal, sys, time
{before}
pathlib.Path(sys.argv[1]).open("a").write(sys.argv[2] + " ")
time.sleep(600)
"""
STUBBORN = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
WITH_A_CHILD = """
import subprocess
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
"""


def child(data, name, before="", **told):
    diary = data / "diary"
    command = (sys.executable, "-I", "-c", SLEEPER.format(before=before), str(diary), name)

    def is_ready():
        return diary.exists() and name in diary.read_text().split()

    return Child(name, command, is_ready, **{"stop_s": 30, **told})


def plan(data, *children):
    environment = {"PATH": os.defpath, MARK: str(data)}
    return Plan(data, HOUSE, children, environment, "http://127.0.0.1/")


def family(data):
    """Every live process that carries this folder's mark."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={data}\0".encode() not in (entry / "environ").read_bytes():
                continue
            state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        found += [int(entry.name)] if state != "Z" else []
    return found


def until(fact, wait_s=600):
    end = time.monotonic() + wait_s
    while not fact():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def test_children_start_in_order_and_stop_in_reverse(tmp_path):
    said = []
    a, b = child(tmp_path, "a", is_first=True), child(tmp_path, "b", is_first=True)
    with Supervisor(plan(tmp_path, a, b), said.append):
        assert (tmp_path / "diary").read_text() == "a b "
        assert len(family(tmp_path)) == 2
    assert [line.split(":")[0] for line in said] == ["a", "b", "b", "a"]
    assert family(tmp_path) == []


WAITS_FOR_THE_OTHER = """
diary = pathlib.Path(sys.argv[1])
with diary.open("a") as file:
    file.write("begun ")
while diary.read_text().split().count("begun") < 2:
    time.sleep(0.02)
"""


def test_children_that_need_nobody_start_side_by_side(tmp_path):
    """Each is ready only once the other has begun: one after the other they would never be."""
    pair = (child(tmp_path, name, before=WAITS_FOR_THE_OTHER) for name in ("b", "c"))
    with Supervisor(plan(tmp_path, child(tmp_path, "a", is_first=True), *pair)):
        assert (tmp_path / "diary").read_text().startswith("a begun begun ")
    assert family(tmp_path) == []


def test_a_killed_child_comes_back_after_a_second(tmp_path):
    with Supervisor(plan(tmp_path, child(tmp_path, "a"))) as supervisor:
        first = supervisor.pid_of("a")
        os.kill(first, signal.SIGKILL)

        def is_back():
            supervisor.tend()
            return supervisor.pid_of("a") != first and len(family(tmp_path)) == 1

        begun = time.monotonic()
        assert until(is_back)
        assert time.monotonic() - begun > 0.9


def test_what_a_child_left_behind_goes_with_it(tmp_path):
    parent = child(tmp_path, "a", before=WITH_A_CHILD)
    with Supervisor(plan(tmp_path, parent)) as supervisor:
        assert until(lambda: len(family(tmp_path)) == 2)
        os.kill(supervisor.pid_of("a"), signal.SIGKILL)
        assert until(lambda: supervisor.tend() or len(family(tmp_path)) == 0)


def test_a_child_that_does_not_stop_is_killed_in_time(tmp_path):
    said = []
    stubborn = child(tmp_path, "a", before=STUBBORN, stop_s=1)
    with Supervisor(plan(tmp_path, stubborn), said.append):
        pass
    assert "a: did not stop in time, killed" in said
    assert family(tmp_path) == []


def test_two_supervisors_on_one_folder_refuse_each_other(tmp_path):
    with Supervisor(plan(tmp_path)):
        with pytest.raises(AlreadyRunning) as refused, Supervisor(plan(tmp_path)):
            pass
        assert refused.value.code == "supervisor.already_running"
        assert str(os.getpid()) in str(refused.value)
    with Supervisor(plan(tmp_path)):
        pass


def test_a_child_that_cannot_start_is_named_with_its_last_words(tmp_path):
    broken = child(tmp_path, "b", before='raise SystemExit("no such base")')
    with (
        pytest.raises(ChildFailed) as failed,
        Supervisor(plan(tmp_path, child(tmp_path, "a"), broken)),
    ):
        pass
    assert failed.value.facts["name"] == "b"
    assert "no such base" in str(failed.value.facts["said"])
    assert family(tmp_path) == []


HOLDER = """
import sys
from pathlib import Path
sys.path.insert(0, "tests/workers")
from test_supervisor import STUBBORN, child, plan
from workers.supervisor import Supervisor
data = Path(sys.argv[1])
Supervisor(plan(data, child(data, "a"), child(data, "b"))).run(lambda: print("up", flush=True))
"""


@pytest.fixture
def holder(tmp_path):
    """A supervisor in a process of its own."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    process = subprocess.Popen(command, cwd=HOUSE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"up\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_nothing_survives_a_killed_supervisor(holder, tmp_path):
    assert len(family(tmp_path)) == 2
    holder.kill()
    assert until(lambda: family(tmp_path) == [])


def test_a_plan_without_a_broker_of_its_own_uses_the_one_it_is_given(tmp_path):
    url = "redis://broker.example:6379/0"
    made = site.site_plan(tmp_path, "127.0.0.1", 0, {"CELERY_BROKER_URL": url})
    assert [one.name for one in made.children] == ["web", "default", "read", "evaluate", "beat"]
    assert made.environment["CELERY_BROKER_URL"] == url


def test_without_redis_messages_go_through_files_and_the_plan_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(site.shutil, "which", lambda _: None)
    made = site.site_plan(tmp_path, "127.0.0.1", 0, {})
    assert made.environment["CELERY_BROKER_URL"] == "filesystem://localhost"
    assert made.notes == (site.NO_BROKER,)


def test_port_0_is_a_free_one_and_a_taken_port_is_refused(tmp_path):
    with site.socket.create_server(("127.0.0.1", 0)) as server:
        taken = server.getsockname()[1]
        free = site.site_plan(tmp_path, "127.0.0.1", 0, {}).address
        assert free != f"http://127.0.0.1:{taken}/"
        with pytest.raises(site.PortTaken):
            site.site_plan(tmp_path, "127.0.0.1", taken, {})


@pytest.mark.parametrize(
    ("status", "body", "is_up"),
    [
        (200, '{"database": "ok"}', True),
        (503, '{"database": "ok", "sequencing": "refused"}', True),
        (503, '{"database": "down"}', False),
        (400, "", False),
    ],
)
def test_a_site_whose_log_waits_for_a_person_is_up_and_one_without_a_database_is_not(
    status, body, is_up
):
    """Guards that such a site can be started: its pages answer and orders are accepted."""

    class Door(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_):
            """Nobody reads it."""

    with HTTPServer(("127.0.0.1", 0), Door) as door:
        thread = threading.Thread(target=door.handle_request, daemon=True)
        thread.start()
        assert site._answers_http("127.0.0.1", door.server_address[1])() == is_up
        thread.join(600)


@pytest.mark.redis
def test_the_broker_listens_on_a_private_socket_only(tmp_path):
    made = site.site_plan(tmp_path / ("long" * 30), "127.0.0.1", 0, {"PATH": os.defpath})
    broker = made.children[0]
    assert broker.command[0] == str(program("redis").path())
    path = Path(made.environment["CELERY_BROKER_URL"].removeprefix("redis+socket://"))
    with Supervisor(Plan(made.data, made.cwd, (broker,), made.environment, "")):
        assert path.stat().st_mode & 0o777 == 0o700
        assert path.parent.stat().st_mode & 0o077 == 0
    path.parent.rmdir()
