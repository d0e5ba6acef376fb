"""Real servers for the tests, each in a folder of its own, ended by process id.

postgres()   a throw-away PostgreSQL cluster      redis()   a private Redis or Valkey
chromium()   the browser that playwright is given     serving()   one of our own, in a thread
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import HTTPServer
from pathlib import Path

from requirements.system import program

START_LIMIT_S = 600
LOOKS_EVERY_S = 0.01  # whether it shall end; the half second of the library is paid by every test
READY = "ready to accept connections"  # PostgreSQL, Redis and Valkey all say it
# A cluster that lives for minutes need not survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ServerFailedError(Exception):
    """A server did not start; the message holds the end of its log."""


@contextmanager
def postgres(*, is_durable: bool = False) -> Iterator[str]:
    """Yield the URL of a fresh cluster on 127.0.0.1; for root, `nobody` runs it.

    is_durable  with the server's own defaults, as a site runs it: each commit waits for the disk
    """
    initdb = program("postgres").path()
    assert initdb, program("postgres").absence()
    owner = "nobody" if os.geteuid() == 0 else None
    with _folder("assay-pg-") as folder:
        if owner:
            shutil.chown(folder, owner)
        store, port = folder / "store", free_port()
        command = [initdb, "-D", store, "-U", "assay", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(
            [*command, "--locale=C"], check=True, capture_output=True, user=owner, cwd=folder
        )
        settings = {"listen_addresses": "127.0.0.1", "port": port, "max_connections": 200}
        settings |= {"unix_socket_directories": "", **({} if is_durable else FAST)}
        options = [f"--{key}={value}" for key, value in settings.items()]
        server = [initdb.with_name("postgres"), "-D", store, *options]
        with _running(server, folder, owner=owner, stop=signal.SIGINT):
            yield f"postgres://assay@127.0.0.1:{port}/postgres"


@contextmanager
def redis() -> Iterator[str]:
    """Yield the URL of a private Redis (or Valkey) on 127.0.0.1 that stores nothing."""
    server = program("redis").path()
    assert server, program("redis").absence()
    with _folder("assay-redis-") as folder:
        port = free_port()
        command = [server, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
        with _running([*command, "--dir", folder], folder, stop=signal.SIGTERM):
            yield f"redis://127.0.0.1:{port}/0"


def chromium() -> dict[str, object]:
    """What `playwright.chromium.launch` is given: the browser of the system, never a download."""
    browser = program("chromium").path()
    assert browser, program("chromium").absence()
    jail = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {"executable_path": str(browser), "args": jail, "headless": True}


@contextmanager
def serving(door: HTTPServer) -> Iterator[str]:
    """Let a server answer from a thread of its own; yield its address."""
    thread = threading.Thread(target=door.serve_forever, args=(LOOKS_EVERY_S,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.server_address[1]}"
    finally:
        door.shutdown()
        thread.join(600)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _folder(prefix: str) -> Iterator[Path]:
    """A short-named temporary folder, gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _running(
    command: list[object],
    folder: Path,
    *,
    owner: str | None = None,
    stop: signal.Signals,
) -> Iterator[None]:
    """Keep a server alive for the block, which begins when the server is ready."""
    log = folder / "log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            stdout=output,
            stderr=subprocess.STDOUT,
            user=owner,
            start_new_session=True,
        )
    try:
        _wait_until_ready(server, log)
        yield
    finally:
        server.send_signal(stop)
        try:
            server.wait(300)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _wait_until_ready(server: subprocess.Popen[bytes], log: Path) -> None:
    """Return when the log says so: a port answers earlier than the server behind it.

    raises ServerFailedError with the end of the log when that never happens
    """
    end = time.monotonic() + START_LIMIT_S
    while time.monotonic() < end and server.poll() is None:
        if READY in log.read_text(errors="replace").lower():
            return
        time.sleep(0.05)
    raise ServerFailedError(log.read_text(errors="replace")[-2000:])
