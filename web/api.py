"""The frame of the API: one envelope for errors and pages, tokens, and the routes of sign-in.

Rooms above hand in their routers; config/urls.py puts everything together:

    api = build_api([("/competitions", competitions.api.router), ...])
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from ninja import Field, Query, Router, Schema
from ninja.errors import AuthenticationError, AuthorizationError, HttpError, ValidationError
from ninja.responses import Status
from ninja.security import HttpBearer
from pydantic import ConfigDict, field_validator

from assay import handles
from assay.errors import AssayError
from assay.tokens import DAYS, DAYS_MOST, LEAST, SCOPES, Scope
from web import auth
from web.answers import problem
from web.errors import (
    Forbidden,
    LockedOut,
    NotFound,
    PasswordsBusy,
    PasswordWrong,
    RequestError,
    RequestInvalid,
    RequestUnreadable,
    SignInNeeded,
    SignInsSpent,
    TokensHeld,
)
from web.openapi import Api, documented
from web.strict import only_named

PAGE_ITEMS = 100
DESCRIPTION = """Competitions for model adapters, scored in the open.

Refusals have one form: code, message, next, facts. A field that an operation does not name, in its
address or its body, is refused with `request.invalid`, and so is a body where none is named; what
is wrong is listed in `facts.problems`."""
# Where a list goes on, as the site itself told it: how many to pass over, a moment, a name.
Passed = Query(0, ge=0, le=10**8)
Moment = Query("", pattern=r"^[0-9]{0,15}$")
Cursor = Query("", max_length=200)
Item = TypeVar("Item")
Files = Mapping[str, dict[str, Any]]
Handler = Callable[[HttpRequest, Any], AssayError]


class TokenAuth(HttpBearer):
    """`Authorization: Bearer <token>`; request.auth becomes an auth.Caller.

    scope  what the token must be good for; empty: any token
    """

    def __init__(self, scope: str = "") -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> auth.Caller:
        """raises SignInNeeded without a token, else what authenticate raises."""
        if not request.headers.get(self.header, "").lower().startswith("bearer "):
            raise SignInNeeded("This needs a token.")
        caller = super().__call__(request)
        assert isinstance(caller, auth.Caller)
        return caller

    def authenticate(self, request: HttpRequest, token: str) -> auth.Caller:  # noqa: ARG002
        """raises TokenUnknown, TokenExpired, ScopeMissing"""
        caller = auth.check(token.strip(), timezone.now())
        if self.scope:
            caller.require(self.scope)
        return caller


class Page(Schema, Generic[Item]):
    """One page of a list: `next` is the cursor of the following page, empty on the last."""

    items: list[Item]
    next: str = ""


class Refusal(Schema):
    """The body of every answer with a status of 400 and above."""

    code: str
    message: str
    next: str
    facts: dict[str, Any]


class Body(Schema):
    """What every JSON body is: no field that is not named, and no text with the character NUL.

    PostgreSQL keeps no NUL; said here, both databases answer the same.
    """

    model_config = ConfigDict(extra="forbid")

    @field_validator("*", mode="after")
    @classmethod
    def _refuse_nul(cls, value: object) -> object:
        if isinstance(value, str) and "\0" in value:
            raise ValueError("The character NUL is in no text that we hold.")
        return value


class TokenWish(Body):
    """What a new token may do, and for how many days it lives.

    budget_nano: what it may spend in all on licences without a key's signature; also needs `pay`
    """

    scopes: list[Scope] = Field([*LEAST], min_length=1, max_length=len(SCOPES))
    budget_nano: str = Field("0", pattern="^(0|[1-9][0-9]{0,17})$")
    days: int = Field(DAYS, ge=1, le=DAYS_MOST)

    def issue(self, account: str, now: datetime) -> dict[str, object]:
        """Make it for an account; the answer is the body of a Token."""
        lifetime = timedelta(days=self.days)
        scopes = tuple(one for one in SCOPES if one in self.scopes)
        raw = auth.issue(account, now, lifetime, scopes, budget_nano=int(self.budget_nano))
        told = {"token": raw, "account": account, "scopes": scopes}
        return told | {"expires_at": now + lifetime}


class Credentials(TokenWish):
    """A name, its password, and what the token shall be: without scopes it may only read."""

    account: str = Field(max_length=handles.MOST)
    password: str = Field(max_length=200)


class Token(Schema):
    """A new token; it is never shown again."""

    token: str
    account: str
    scopes: list[str]
    expires_at: datetime


class Whoami(Schema):
    """Who a token speaks for."""

    account: str
    scopes: list[str]
    expires_at: datetime


def build_api(routers: Iterable[tuple[str, Router]], files: Files = MappingProxyType({})) -> Api:
    """The whole API.

    routers  (prefix, router) of every room; routes are open unless they say auth=TokenAuth()
    files    what the document names besides: path -> operations
    """
    api = Api(
        title="Assay",
        version="1",
        description=DESCRIPTION,
        urls_namespace="api",
        docs_url=None,
        docs_decorator=require_safe,
    )
    api.refusal, api.files = Refusal.model_json_schema(), files
    for kind, make_error in _ERRORS.items():
        api.add_exception_handler(kind, partial(_answer, make_error=make_error))
    api.add_decorator(only_named, mode="view")
    api.add_router("/auth", sign_in_router(), tags=["auth"])
    for prefix, router in routers:
        api.add_router(prefix, router, tags=[prefix.strip("/")])
    return api


def sign_in_router() -> Router:
    """POST /token, DELETE /token, GET /whoami: what `assay auth` talks to."""
    router = Router()
    says = documented(PasswordWrong, LockedOut, SignInsSpent, TokensHeld, PasswordsBusy)
    router.post("/token", response=Token, auth=None, openapi_extra=says)(_new_token)
    router.delete("/token", response={204: None}, auth=TokenAuth())(_end_token)
    router.get("/whoami", response=Whoami, auth=TokenAuth())(_whoami)
    return router


def page(
    items: list[Item], *, cursor: Callable[[Item], str], limit: int = PAGE_ITEMS
) -> dict[str, Any]:
    """The page envelope of a list that was read with one row more than `limit`.

    cursor  gives the value that the client sends back as `after` to go on behind an item
    """
    shown = items[:limit]
    more = len(items) > limit
    return {"items": shown, "next": cursor(shown[-1]) if more else ""}


def _new_token(request: HttpRequest, body: Credentials) -> dict[str, object]:
    """Sign in with a name and a password; get a token for a program."""
    return body.issue(auth.sign_in(request, body.account, body.password), timezone.now())


def _end_token(request: HttpRequest) -> Status[None]:
    """Revoke the token that this request carries."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    auth.revoke(caller.account, caller.token_prefix)
    return Status(204, None)


def _whoami(request: HttpRequest) -> dict[str, object]:
    """Who this token speaks for, what it may do, and until when."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    scopes = sorted(caller.scopes)
    return {"account": caller.account, "scopes": scopes, "expires_at": caller.expires_at}


def _answer(request: HttpRequest, error: Exception, *, make_error: Handler) -> HttpResponse:
    return problem(request, make_error(request, error))


def _invalid(_request: HttpRequest, error: ValidationError) -> AssayError:
    problems = [
        f"{'.'.join(str(part) for part in one['loc'] if part != 'body')}: {one['msg']}"
        for one in error.errors
    ]
    others = len(problems) - 1
    more = f" ({others} more like this)" if others else ""
    return RequestInvalid(f"{problems[0]}{more}", problems=problems)


def _not_found(request: HttpRequest, _error: Http404) -> AssayError:
    return NotFound("There is nothing at this address.", path=request.path)


def _http_error(request: HttpRequest, error: HttpError) -> AssayError:
    if isinstance(error, AuthenticationError):
        return SignInNeeded("This needs a token.")
    if isinstance(error, AuthorizationError):
        return Forbidden("This is not open to you.", path=request.path)
    if str(error) == "Cannot parse request body":
        return RequestUnreadable("The body of the request cannot be read.")
    return RequestError(str(error))


_ERRORS: Mapping[type[Exception], Handler] = MappingProxyType(
    {
        AssayError: lambda _request, error: error,
        ValidationError: _invalid,
        Http404: _not_found,
        HttpError: _http_error,
    }
)
