"""An oversized body never reaches the disk, whether or not it says its size."""

import asyncio

import pytest
from django.core.asgi import get_asgi_application

from web.middleware import BodyLimit, body_limit_bytes

pytestmark = pytest.mark.urls("tests.web.site")


@pytest.fixture(autouse=True)
def small_limits(settings):
    settings.ASSAY_BODY_LIMITS = {"/": 1000, "/api/": 100, "/api/sums/": 50}
    settings.ALLOWED_HOSTS = ["*"]


def converse(app, chunks):
    """Send chunks to the API as one body without Content-Length; (status, body)."""
    taken, sent = [], []

    async def receive():
        if len(taken) == len(chunks):
            await asyncio.Event().wait()
        taken.append(len(taken))
        more = len(taken) < len(chunks)
        return {"type": "http.request", "body": chunks[len(taken) - 1], "more_body": more}

    async def send(message):
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/sums/sum",
        "headers": [(b"content-type", b"application/json"), (b"host", b"testserver")],
        "query_string": b"",
    }
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], b"".join(one.get("body", b"") for one in sent)


def test_the_longest_prefix_that_fits_counts():
    assert body_limit_bytes("/api/sums/sum") == 50
    assert body_limit_bytes("/api/other") == 100
    assert body_limit_bytes("/page/") == 1000


def test_a_body_without_a_size_is_cut_off_at_the_limit_and_refused():
    status, body = converse(BodyLimit(get_asgi_application()), [b"x" * 20] * 1000)
    assert status == 413
    assert b"request.too_large" in body


def test_a_body_within_the_limit_goes_through():
    chunks = [b'{"left": 1,', b' "right": 2}']
    status, body = converse(BodyLimit(get_asgi_application()), chunks)
    assert (status, body) == (200, b"3")
