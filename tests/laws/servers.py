"""The web process as the supervisor starts it, over the database of the tests."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

import httpx2
from django.conf import settings
from django.db import connection

from tests.laws import mortal_site
from tests.servers import free_port
from workers import site

APPLICATION, MORTAL = "config.asgi:application", f"{mortal_site.__name__}:application"
BUDGETS = "accounts@address=10000"  # each step at which a server dies is tried with a new account
LIMIT_S = 900


class Server:
    """One process of uvicorn on loopback."""

    def __init__(self, pid, port, log):
        self.pid, self.url, self._log = pid, f"http://127.0.0.1:{port}", log

    def is_running(self):
        with suppress(ProcessLookupError):
            os.kill(self.pid, 0)
            return True
        return False

    def is_dead(self):
        """Whether the kill -9 came before the request that was sent last had ended."""
        self.until(lambda: not self.is_running() or mortal_site.ENDED.exists())
        return not self.is_running()

    def until(self, holds):
        until_s = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < until_s, self._log.read_text()[-2000:]
            time.sleep(0.01)

    def send(self, raw):
        """The answer to a signed order; None when the connection broke."""
        head = {"Content-Type": "application/octet-stream"}
        try:
            answer = httpx2.post(f"{self.url}/api/messages", content=raw, headers=head, timeout=600)
        except httpx2.TransportError:
            return None
        assert answer.status_code == 200, answer.text
        return answer.json()


class Servers:
    """Servers one after the other, with the supervisor's options; the application is mortal."""

    def __enter__(self):
        told = {"DATABASE_URL": database_url(), "ASSAY_DATA": str(settings.DATA)}
        told |= {"ASSAY_BUDGETS": BUDGETS}
        self._log, self._all = settings.DATA / "mortal.log", []
        with self._log.open("w") as log:
            self._warm = subprocess.Popen(
                [sys.executable, "-m", "tests.laws.warm"],
                cwd=site.HOUSE,
                env={**os.environ, **told},  # noqa: TID251 - a child inherits it
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        return self

    def __exit__(self, *_):
        for one in self._all:
            with suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)
        self._warm.communicate()  # it ends when nobody can ask for more

    def next(self):
        """A fresh one, as soon as it answers."""
        port = free_port()
        child = site._web("127.0.0.1", port)
        python, flag, module, application, *options = child.command
        assert (python, flag, module, application) == (sys.executable, "-m", "uvicorn", APPLICATION)
        self._warm.stdin.write(json.dumps([MORTAL, *options]) + "\n")
        self._warm.stdin.flush()
        said = self._warm.stdout.readline()
        assert said, self._log.read_text()
        one = Server(int(said), port, self._log)
        self._all.append(one)
        one.until(child.is_ready)
        return one


def database_url():
    """The database of this test process, as a process of its own finds it."""
    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{told['NAME']}"
    return f"postgres://{told['USER']}@{told['HOST']}:{told['PORT']}/{told['NAME']}"
