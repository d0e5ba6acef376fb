"""config.asgi for a real server, which dies by kill -9 at a step of one request.

The file `steps` in the data folder says at which step; it is taken away as it is read, so that the
request that finds it is the only one that dies. One that comes to its end first leaves `ended`. To
the steps of tests/laws/mortal.py it adds each part of the request that comes in, each part of the
answer that goes out, and the bell.
"""

from celery import current_app
from django.conf import settings
from django.db.backends.signals import connection_created

from config.asgi import application as site
from tests.laws.mortal import FOR_EVER, Life

STEPS, ENDED = settings.DATA / "steps", settings.DATA / "ended"


def begin(life):
    """Count from now on: in every connection, whatever thread opens it, and around the bell."""

    def watch(connection, **_):
        life.watch(connection)

    connection_created.connect(watch, weak=False)
    current_app.send_task = life.around(current_app.send_task)


def later(life, work):
    """The same awaitable work, with a step before it and one after it."""

    async def stepped(*args):
        life.step()
        answer = await work(*args)
        life.step()
        return answer

    return stepped


async def application(scope, receive, send):
    if scope["type"] != "http" or not STEPS.exists():
        await site(scope, receive, send)
        return
    life = Life(int(STEPS.read_text()))
    STEPS.unlink()
    begin(life)
    await site(scope, later(life, receive), later(life, send))
    life.left = FOR_EVER
    ENDED.touch()
