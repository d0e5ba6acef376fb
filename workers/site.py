"""What a site is made of: the plan that the supervisor keeps running."""

import hashlib
import http.client
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from assay.errors import AssayError
from workers import crew
from workers.doorbell import QUEUES as BELLS
from workers.supervisor import Child, Plan

HOUSE = Path(__file__).resolve().parents[1]
SOCKET_PATH_BYTES = 100  # the kernel takes 107
NO_BROKER = (
    "no redis-server or valkey-server: messages go through files, and a killed worker's task waits "
    "for the sweep; apt-get install redis-server"
)
READING, SCORING = ("preview", "prepare"), ("evaluate",)
QUEUES = {
    "default": ",".join(
        ["default", *(one for one in BELLS.values() if one not in (*READING, *SCORING))]
    ),
    # Only these two load the scale. Sponsors' files are free to send, so they wait for each other,
    # and never before an entry that is to be scored.
    "read": ",".join(READING),
    "evaluate": ",".join(SCORING),
}
WORKER_STOP_S = 35
FRONT = (  # what the web server is told of clients; the rest is web/front.py
    "--http", "web.protocol:Protocol", "--ws", "none", "--no-proxy-headers", "--no-server-header",
    "--limit-concurrency", "512",
)  # fmt: skip
MOST_SLOTS = {"read": 2}


class PortTaken(AssayError):
    """Another program listens there. Facts: host, port."""

    code, status = "supervisor.port_taken", 409
    next_step = "Choose another port, or 0 for a free one."


def site_plan(data: Path, host: str, port: int, env: Mapping[str, str] | None = None) -> Plan:
    """The site's processes, for Supervisor.

    data    ASSAY_DATA: database, blobs, keys, logs, ready files
    port    0: a free one is chosen; the plan's address says which
    env     what the children inherit; None: this process's own environment. A CELERY_BROKER_URL
            in it means that the broker is somewhere else
    raises  PortTaken
    """
    data, port = data.resolve(), _port(host, port)
    given = dict(os.environ if env is None else env)  # noqa: TID251 - children inherit it
    children: list[Child] = []
    notes: list[str] = []
    if not given.get("CELERY_BROKER_URL"):
        server = shutil.which("redis-server") or shutil.which("valkey-server")
        if server:
            path = _socket_path(data)
            given["CELERY_BROKER_URL"] = f"redis+socket://{path}"
            children.append(_broker(server, path, data))
        else:
            given["CELERY_BROKER_URL"] = "filesystem://localhost"
            notes.append(NO_BROKER)
    given |= {"ASSAY_DATA": str(data), "DJANGO_SETTINGS_MODULE": "config.settings"}
    children += [
        _web(host, port),
        *(_worker(name, data, _slots(name, given)) for name in QUEUES),
        _beat(data),
    ]
    address = f"http://{_reachable(host)}:{port}/"
    return Plan(data, HOUSE, tuple(children), given, address, tuple(notes))


def _broker(server: str, path: Path, data: Path) -> Child:
    folder = data / "redis"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.unlink(missing_ok=True)
    lock = ("--port", "0", "--unixsocket", str(path), "--unixsocketperm", "700")
    keep = ("--dir", str(folder), "--appendonly", "yes", "--save", "")
    return Child(
        "broker", (server, *lock, *keep), lambda: _answers_ping(path), stop_s=5, is_first=True
    )


def _web(host: str, port: int) -> Child:
    options = ("--host", host, "--port", str(port), "--log-level", "warning")
    command = (sys.executable, "-m", "uvicorn", "config.asgi:application", *options)
    endless_streams_end = ("--timeout-graceful-shutdown", "3")
    ready = _answers_http(_reachable(host), port)
    return Child("web", (*command, *FRONT, *endless_streams_end), ready, stop_s=10)


def _worker(name: str, data: Path, slots: int) -> Child:
    """A worker: one process to follow the log, one a core to score.

    SIGQUIT is celery's soft shutdown: on SIGTERM an orphan would wait for its task without limit.
    """
    alone = ("--without-gossip", "--without-mingle", "--loglevel", "WARNING")
    options = ("-n", f"{name}@{socket.gethostname()}", "-Q", QUEUES[name], "-c", str(slots))
    loads = ("-I", "workers.tasks") if name in ("read", "evaluate") else ()
    command = _celery("worker", *options, *alone, *loads)
    ready = (data / "run" / f"{name}.ready").exists
    return Child(name, command, ready, WORKER_STOP_S, signal.SIGQUIT)


def _slots(name: str, given: Mapping[str, str]) -> int:
    """Processes of a worker; those that load the scale hold a base each."""
    if name == "evaluate":
        return crew.size(int(given.get("ASSAY_SLOTS") or 0))
    return min(os.cpu_count() or 1, MOST_SLOTS.get(name, 1))


def _beat(data: Path) -> Child:
    schedule = str(data / "run" / "beat-schedule")
    command = _celery("beat", "--pidfile=", "-s", schedule, "--loglevel", "WARNING")
    return Child("beat", command, (data / "run" / "beat.ready").exists, stop_s=5)


def _celery(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "config.celery:app", "-q", *words)


def _socket_path(data: Path) -> Path:
    """Beside the other run files, or in a private short folder where that name is too long.

    raises PermissionError when somebody else owns the short folder
    """
    path = data / "run" / "broker.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path
    name = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    folder = Path(tempfile.gettempdir()) / f"assay-{os.getuid()}-{name}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise PermissionError(f"{folder} belongs to somebody else")
    return folder / "broker.sock"


def _port(host: str, port: int) -> int:
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, port))
        except OSError as error:
            message = f"Nothing can listen on {host}, port {port}: {error.strerror}."
            raise PortTaken(message, host=host, port=port) from None
        return int(trial.getsockname()[1])


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in {"", "0.0.0.0"} else host  # noqa: S104 - compared, not bound


def _answers_ping(path: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(str(path))
            client.sendall(b"PING\r\n")
            return client.recv(5) == b"+PONG"
    except OSError:
        return False


def _answers_http(host: str, port: int) -> Callable[[], bool]:
    def answers() -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=2)
        try:
            connection.request("GET", "/healthz")
            answer = connection.getresponse()
            # 503 also tells that the log waits for a person to decide; the site answers then too.
            return answer.status == http.client.OK or b'"database": "ok"' in answer.read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return answers
