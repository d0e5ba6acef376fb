"""What whoever checks licences offline keeps beside them: the operator's keys, the revoked ones."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from licensing import queries

FRESH_S = 60


@require_safe
def jwks(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Every key that ever signed grants, as a JWK set with the places of each in the log."""
    response = JsonResponse(queries.key_set())
    response.headers["Content-Type"] = "application/jwk-set+json"
    return _public(response)


@require_safe
def revoked(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """The licences that gave back or lost what they gave: a note signed by the log's key."""
    note = queries.revoked_note(now=timezone.now())
    return _public(HttpResponse(note, content_type="text/plain; charset=utf-8"))


def _public(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = f"public, max-age={FRESH_S}"
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response
