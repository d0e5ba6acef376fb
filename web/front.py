"""The front of the site: whom it believes, and how long it waits. Everything outside of Django.

What a header says of the client's address and of HTTPS is believed only when a proxy says it that
the settings name. Who sends slowly, or says twice how long a body is, is not served.
"""

import asyncio
import json
import time
from collections.abc import Sequence

from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from assay.errors import AssayError
from web.errors import FramedTwice, TooSlow
from web.middleware import AsgiApp, BodyLimit, Message, Receive, Scope, Send

BODY_GRACE_S = 30.0  # for a body, and besides that the time that it takes at this pace:
BODY_BYTES_PER_S = 16 << 10


def behind(app: AsgiApp, proxies: Sequence[str]) -> AsgiApp:
    """The application with its front. proxies: addresses and networks that may speak for others"""
    return ProxyHeadersMiddleware(Pace(BodyLimit(app)), trusted_hosts=list(proxies))  # type: ignore[arg-type,return-value]


class Pace:
    """Refuses a body of two lengths, and ends one that comes more slowly than anybody's line."""

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        names = {name for name, _ in scope["headers"]}
        if {b"content-length", b"transfer-encoding"} <= names:
            words = "A request says how long its body is once: by its length, or in chunks."
            await _refuse(send, FramedTwice(words))
            return
        await self.app(scope, *_paced(receive, send))


def _paced(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """The same two, while the body comes quickly enough; then a refusal, and an end."""
    begun_s, seen_bytes = time.monotonic(), 0
    is_whole = is_begun = is_over = False

    async def receive_in_time() -> Message:
        nonlocal seen_bytes, is_whole, is_over
        if is_whole or is_over:
            return {"type": "http.disconnect"} if is_over else await receive()
        until_s = begun_s + BODY_GRACE_S + seen_bytes / BODY_BYTES_PER_S
        try:
            message = await asyncio.wait_for(receive(), max(0.0, until_s - time.monotonic()))
        except TimeoutError:
            is_over = True
            if not is_begun:
                await _refuse(send, TooSlow("The body of the request came too slowly."))
            return {"type": "http.disconnect"}
        seen_bytes += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        return message

    async def send_unless_over(message: Message) -> None:
        nonlocal is_begun
        if not is_over:
            is_begun = True
            await send(message)

    return receive_in_time, send_unless_over


async def _refuse(send: Send, error: AssayError) -> None:
    """Answer before the application, and end the connection: what comes on it is no request."""
    body = json.dumps(error.as_dict()).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
