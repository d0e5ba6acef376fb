"""A bell is a task without arguments that looks for itself what there is to do.

One that waits is enough: it has not looked yet. So none is sent while one waits, however often it
is rung, and each bell has a queue of its own, for the broker to say whether one does.
"""

from typing import Any

from celery import Task, current_app
from kombu.exceptions import OperationalError

QUEUES = {
    "workers.dispatch.follow": "follow",
    "workers.clock.tick": "tick",
    "workers.clock.sweep": "sweep",
    "workers.record.cross_bridge": "bridge",
    "workers.record.sweep_files": "files",
    "workers.record.ask_witnesses": "witnesses",
    "workers.tasks.preview_next": "preview",
    "workers.tasks.prepare_next": "prepare",
    "workers.tasks.score_next": "evaluate",
}
EXPIRES_S = 60  # what is left from before a stop is thrown away; whoever needed it rings again
BROKER_DOWN = (OperationalError, OSError)


class Bell(Task):
    """The base of such a task: `@shared_task(base=Bell)`. Its queue is in QUEUES."""

    abstract = True
    expires = EXPIRES_S

    def apply_async(self, *arguments: Any, **options: Any) -> Any:
        """Send it; None when one waits already. raises OperationalError"""
        if not self.app.conf.task_always_eager and is_waiting(self.name):
            return None
        return super().apply_async(*arguments, **options)


def send(task: str, *arguments: str) -> None:
    """Send a task by its name, as only the worker that does it loads it. raises OperationalError"""
    if task in current_app.tasks:
        current_app.tasks[task].apply_async(arguments)
    elif task not in QUEUES:
        current_app.send_task(task, arguments)
    elif not is_waiting(task):
        current_app.send_task(task, expires=EXPIRES_S)


def ring(bell: str) -> None:
    """Send it, if that can be. A broker that is down costs time, not work: the sweep comes."""
    try:
        send(bell)
    except BROKER_DOWN:
        return


def is_waiting(bell: str) -> bool:
    """Whether one waits that no worker has taken. raises OperationalError"""
    with current_app.producer_pool.acquire(block=True) as producer:
        connection = producer.connection
        assert connection is not None, "a producer of the pool is connected"
        bound = current_app.amqp.queues[QUEUES[bell]].bind(connection.default_channel)
        ask: Any = connection.ensure(bound, bound.queue_declare, max_retries=1, interval_start=0)
        return int(ask().message_count) > 0
