"""What every request passes: an id, a limit to its body, and errors turned into answers."""

import re
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.conf import settings
from django.db import DataError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware

from assay.errors import AssayError
from web import budgets
from web.answers import problem
from web.errors import MethodRefused, NotFound, RequestInvalid, TooLarge

REQUEST_ID_HEADER = "X-Request-Id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_OVERSIZE = "assay.body_too_large"
_DISCARD_AT_MOST = 4
COMPRESSED = frozenset({"text/html", "text/csv", "application/json"})
_NUL_SAID = ("NUL (0x00)", "\\u0000")

NextStep = Callable[[HttpRequest], HttpResponseBase | Awaitable[HttpResponseBase]]
Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


class Door:
    """Gives each request `request.id`, refuses bodies beyond the limit, and answers AssayErrors.

    settings.ASSAY_BODY_LIMITS  path prefix -> bytes; the longest prefix that fits counts
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: NextStep) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> HttpResponseBase | Awaitable[HttpResponseBase]:
        if self.is_async:
            return self._answer_async(request)
        begun = budgets.begin(request)
        try:
            early = _enter(request)
            response = problem(request, early) if early else self.get_response(request)
            assert isinstance(response, HttpResponseBase)
            late = _refused_method(request, response)
            return _leave(request, response, problem(request, late) if late else None)
        finally:
            budgets.end(begun)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        """A page of a refusal reads the database, which async code may not."""
        begun, say = budgets.begin(request), sync_to_async(problem)
        try:
            early = _enter(request)
            response = await (say(request, early) if early else self.get_response(request))  # type: ignore[misc]
            late = _refused_method(request, response)
            return _leave(request, response, await say(request, late) if late else None)
        finally:
            budgets.end(begun)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """An AssayError becomes its answer; anything else goes on to be a 500.

        Text with the character NUL is refused: PostgreSQL holds none, and says so in two ways.
        """
        if isinstance(exception, DataError) and any(one in str(exception) for one in _NUL_SAID):
            return problem(request, _nul_refused("The request"))
        return problem(request, exception) if isinstance(exception, AssayError) else None


class Compression(GZipMiddleware):
    """Compresses what is text: pages, JSON, CSV. Files keep their length, so that ranges hold.

    That a page's size tells nothing of its secrets (BREACH): decision 0055.
    """

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        kind = response.headers.get("Content-Type", "").partition(";")[0]
        is_text = kind in COMPRESSED and response.status_code != 206
        return super().process_response(request, response) if is_text else response


class BodyLimit:
    """ASGI front that keeps oversized bodies off the disk: Django spools a body before any view.

    Wraps the whole application in config/asgi.py. What is beyond the limit is read and dropped
    (up to four times the limit, so that a client gets to read the answer); Door then refuses.
    """

    def __init__(self, app: AsgiApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit_bytes = body_limit_bytes(str(scope["path"]))
        seen_bytes = 0

        async def receive_within_limit() -> Message:
            nonlocal seen_bytes
            if scope.get(_OVERSIZE):
                return await _gone(receive)
            message = await receive()
            seen_bytes += _size_of(message)
            if seen_bytes <= limit_bytes:
                return message
            scope[_OVERSIZE] = True
            while message.get("more_body") and seen_bytes <= limit_bytes * _DISCARD_AT_MOST:
                message = await receive()
                seen_bytes += _size_of(message)
            return {"type": "http.request", "body": b"", "more_body": False}

        await self.app(scope, receive_within_limit, send)


def body_limit_bytes(path: str) -> int:
    """How large a body this path takes."""
    limits: dict[str, int] = settings.ASSAY_BODY_LIMITS
    return limits[max((prefix for prefix in limits if path.startswith(prefix)), key=len)]


async def _gone(receive: Receive) -> Message:
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
    return message


def _size_of(message: Message) -> int:
    body = message.get("body", b"")
    return len(body) if isinstance(body, bytes) else 0


def _enter(request: HttpRequest) -> AssayError | None:
    """Give it its id; what is wrong with it before anybody looks at it."""
    given = request.headers.get(REQUEST_ID_HEADER, "")
    request.id = given if _GIVEN_ID.fullmatch(given) else uuid.uuid4().hex  # type: ignore[attr-defined]
    if "\0" in request.path:
        return NotFound("There is nothing at this address.", path=request.path)
    if "%00" in request.META.get("QUERY_STRING", ""):
        return _nul_refused("The address")
    limit_bytes = body_limit_bytes(request.path)
    announced = request.headers.get("Content-Length") or "0"
    body_bytes = int(announced) if announced.isdecimal() else 0
    if body_bytes <= limit_bytes and not getattr(request, "scope", {}).get(_OVERSIZE):
        return None
    cause = f"This address takes at most {limit_bytes} bytes."
    return TooLarge(cause, limit_bytes=limit_bytes, body_bytes=body_bytes)


def _nul_refused(where: str) -> RequestInvalid:
    cause = "the character NUL is in no text that we hold"
    return RequestInvalid(f"{where} cannot be read: {cause}.", problems=[f"text: {cause}"])


def _refused_method(request: HttpRequest, response: HttpResponseBase) -> AssayError | None:
    """Django and ninja answer it without a word."""
    if response.status_code != 405:
        return None
    cause = f"This address does not take {request.method}."
    allowed = response.headers.get("Allow", "")
    return MethodRefused(cause, method=request.method, allowed=allowed, path=request.path)


def _leave(
    request: HttpRequest, response: HttpResponseBase, better: HttpResponse | None
) -> HttpResponseBase:
    """What is sent. better: instead of the response"""
    if better is not None:
        better.headers["Allow"] = response.headers.get("Allow", "")
        response = better
    response.headers[REQUEST_ID_HEADER] = request.id  # type: ignore[attr-defined]
    if "Cache-Control" not in response.headers and _is_private(request, response):
        response.headers["Cache-Control"] = "private, no-cache"
    return response


def _is_private(request: HttpRequest, response: HttpResponseBase) -> bool:
    """Whether the answer may be one person's: somebody is signed in, or a cookie is given."""
    is_known = settings.SESSION_COOKIE_NAME in request.COOKIES or "Authorization" in request.headers
    return is_known or bool(response.cookies)
