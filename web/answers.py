"""How a refusal reaches whoever asked: a page, a piece of a page, or JSON. One envelope for all."""

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.template.loader import render_to_string

from assay.errors import AssayError
from web.errors import Broken

API_PREFIX = "/api/"


def wants_json(request: HttpRequest) -> bool:
    """Programs get JSON: everything below /api/, and who prefers JSON to HTML elsewhere."""
    if request.path.startswith(API_PREFIX):
        return True
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def problem(request: HttpRequest, error: AssayError) -> HttpResponse:
    """The answer that carries an error.

    JSON   {"code", "message", "next", "facts"}
    htmx   the piece web/parts/problem.html, to be swapped in where the answer was expected
    else   the page web/error.html
    """
    if wants_json(request):
        response: HttpResponse = JsonResponse(error.as_dict(), status=error.status)
    else:
        response = HttpResponse(_page(request, error), status=error.status)
    if "retry_after_s" in error.facts:
        response.headers["Retry-After"] = str(error.facts["retry_after_s"])
    if error.status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="assay"'
    return response


def _page(request: HttpRequest, error: AssayError) -> str:
    is_piece = request.headers.get("HX-Request") == "true"
    template = "web/parts/problem.html" if is_piece else "web/error.html"
    context = {"problem": error.as_dict(), "status": error.status}
    # After a fault of ours nothing may be looked up: context processors read the database.
    return render_to_string(template, context, None if isinstance(error, Broken) else request)


def streamed(
    request: HttpRequest, pieces: Iterator[bytes]
) -> Iterator[bytes] | AsyncIterator[bytes]:
    """What a StreamingHttpResponse is given so that it sends piece by piece.

    Under ASGI an async iterator: Django would gather all that a plain one gives before it sends.
    """
    return _later(pieces) if hasattr(request, "scope") else pieces


def sent_as(
    request: HttpRequest, pieces: Iterator[bytes], name: str, kind: str
) -> StreamingHttpResponse:
    """A file to save, sent piece by piece. kind: its content type"""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingHttpResponse(streamed(request, pieces), content_type=kind, headers=headers)


async def _later(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece is made in a thread; None ends them, since StopIteration cannot leave one."""
    while (piece := await sync_to_async(_next)(pieces)) is not None:
        yield piece


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)
