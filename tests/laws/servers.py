"""The web process as the supervisor starts it, over the database of the tests."""

import os
import subprocess
import time
from collections import deque

import httpx
from django.conf import settings
from django.db import connection

from tests.laws import mortal_site
from tests.servers import free_port
from workers import site

APPLICATION = "config.asgi:application"
MORTAL = f"{mortal_site.__name__}:application"
START_LIMIT_S = 30


class Server:
    """One process of uvicorn with the supervisor's own options; only its application differs."""

    def __init__(self):
        self.port = free_port()
        child = site._web("127.0.0.1", self.port)
        command = [MORTAL if word == APPLICATION else word for word in child.command]
        assert MORTAL in command
        self._is_ready = child.is_ready
        self.log = (settings.DATA / f"web-{self.port}.log").open("w+")
        told = {"DATABASE_URL": database_url()}
        given = {**os.environ, **told}  # noqa: TID251 - a child inherits it
        self._process = subprocess.Popen(
            command, cwd=site.HOUSE, env=given, stdout=self.log, stderr=self.log
        )
        self.url = f"http://127.0.0.1:{self.port}"

    def wait(self):
        """Until it answers."""
        until_s = time.monotonic() + START_LIMIT_S
        while not self._is_ready():
            assert self._process.poll() is None, self.said()
            assert time.monotonic() < until_s, self.said()
            time.sleep(0.02)
        return self

    def said(self):
        self.log.seek(0)
        return self.log.read()[-2000:]

    def is_dead(self):
        """Whether the kill -9 came before the request that was sent last had ended."""
        until_s = time.monotonic() + START_LIMIT_S
        while self._process.poll() is None and not mortal_site.ENDED.exists():
            assert time.monotonic() < until_s, self.said()
            time.sleep(0.01)
        assert self._process.poll() in (None, -9), self.said()
        return self._process.poll() is not None

    def end(self):
        self._process.kill()
        self._process.wait()
        self.log.close()


class Servers:
    """Servers one after the other; the next ones start while one is at work."""

    def __init__(self, ahead=2):
        self._coming, self._ahead, self._all = deque(), ahead, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in self._all:
            one.end()

    def next(self):
        while len(self._coming) <= self._ahead:
            self._coming.append(Server())
            self._all.append(self._coming[-1])
        return self._coming.popleft().wait()


def database_url():
    """The database of this test process, as a process of its own finds it."""
    told = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{told['NAME']}"
    return f"postgres://{told['USER']}@{told['HOST']}:{told['PORT']}/{told['NAME']}"


def send(server, raw):
    """The answer to a signed order; None when the connection broke."""
    try:
        headers = {"Content-Type": "application/octet-stream"}
        answer = httpx.post(f"{server.url}/api/messages", content=raw, headers=headers, timeout=10)
    except httpx.TransportError:
        return None
    assert answer.status_code == 200, answer.text
    return answer.json()
