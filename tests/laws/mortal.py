"""A process that dies by kill -9 at its n-th step, and what it had sent by then.

A step is anything that others can see: an SQL statement, the two sides of a commit, a file that
reaches the disk, a task that goes to the broker. The process is a fork of the test's own.
"""

import os
import signal
import sys
import traceback

from celery import Task
from django.db import connection, connections
from django.test import Client

from ledger.blobs import folder

FOR_EVER = 10**9


class Life:
    """So many steps, then the end."""

    def __init__(self, steps):
        self.left = steps

    def step(self):
        self.left -= 1
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work):
        """The same work, with a step before it and one after it."""

        def stepped(*args, **named):
            self.step()
            answer = work(*args, **named)
            self.step()
            return answer

        return stepped

    def begin(self, sent):
        """Count from now on, in this process; tasks are noted in a file instead of being sent."""
        self.watch(connection)
        folder.os.fsync = self.around(os.fsync)
        Task.apply_async = self.around(lambda task, args=(), *_, **__: note(sent, task, args))

    def watch(self, base):
        """Each statement and each commit of this connection is a step."""
        base.execute_wrappers.append(self._statement)
        base._commit = self.around(base._commit)

    def _statement(self, execute, *statement):
        self.step()
        return execute(*statement)


def note(sent, task, args):
    with sent.open("a") as file:
        file.write(" ".join([task.name.rpartition(".")[2], *args]) + "\n")


def dies_at(steps, job, sent):
    """Do the job in a process that is killed at this step; False when it came to its end first."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        _live(Life(steps), job, sent)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.WEXITSTATUS(status) == 0, "the job failed before it could be killed"
    return False


def _live(life, job, sent):
    try:
        life.begin(sent)
        job()
        connections.close_all()
    except BaseException:  # noqa: BLE001 - told, and answered with the exit status
        traceback.print_exc(file=sys.stderr)
        os._exit(1)
    os._exit(0)


def post(raw):
    """What the web process does with a signed order."""
    answer = Client().post("/api/messages", raw, content_type="application/octet-stream")
    assert answer.status_code == 200, answer.content
    return answer.json()
