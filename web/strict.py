"""No field that nobody knows: what an address does not take is refused, and named."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from ninja.operation import Operation

from assay.errors import did_you_mean
from web.errors import RequestInvalid

OF_FORMS = "csrfmiddlewaretoken"  # Django's protection against forged forms
NEXT = "next"  # where to go after signing in, up or out
NO_BODY = (b"", b"{}")  # an empty object has no field, and clients of ours sent it
MOST_NAMED = 8
View = Callable[..., HttpResponse]
Run = Callable[..., HttpResponseBase]


def only_named(run: Run) -> Run:
    """Let an operation of the API take what its document names: in its address, and as its body.

    run     of an operation; what is refused is answered by the API's own handler
    JSON bodies that are taken refuse their unknown fields by themselves: web.api.Body
    """
    operation: Operation = run.__self__  # type: ignore[attr-defined]
    sources = [(one.__ninja_param_source__, one) for one in operation.models]
    named = {name for source, one in sources if source == "query" for name in _names(one)}
    is_sent = "requestBody" in (operation.openapi_extra or {})
    takes_body = is_sent or any(source == "body" for source, _ in sources)

    @wraps(run)
    def asked(request: HttpRequest, *places: Any, **more: Any) -> HttpResponseBase:
        error = _odd_question(request, named)
        if error is None and not takes_body and request.read(3) not in NO_BODY:
            told = ["body: There is none here."]
            error = RequestInvalid("This address takes no body.", problems=told)
        if error is not None:
            return operation.api.on_exception(request, error)
        return run(request, *places, **more)

    return asked


def a_button(view: View, *sent_along: str) -> View:
    """Decorates a page whose form has no fields, only a button. raises RequestInvalid

    sent_along  names of what its page sends with it all the same
    """

    @wraps(view)
    def pressed(request: HttpRequest, *places: Any, **more: Any) -> HttpResponse:
        odd = sorted({*request.POST, *request.FILES} - {OF_FORMS, *sent_along})
        if odd:
            raise RequestInvalid(f"This form has no field {odd[0]:.40}.", problems=_problems(odd))
        return view(request, *places, **more)

    return pressed


def _odd_question(request: HttpRequest, named: set[str]) -> RequestInvalid | None:
    odd = sorted(set(request.GET) - named)
    if not odd:
        return None
    return RequestInvalid(
        f"This address has no field {odd[0]:.40}.",
        next_step=did_you_mean(odd[0][:40], sorted(named)),
        problems=[f"query.{one}" for one in _problems(odd)],
    )


def _problems(odd: list[str]) -> list[str]:
    return [f"{one:.40}: There is no such field." for one in odd[:MOST_NAMED]]


def _names(model: Any) -> list[str]:
    """What a model of ninja takes out of the address."""
    return list(model.__ninja_flatten_map__)
