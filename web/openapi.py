"""What the API says of itself: every status that an operation answers, and bodies that are bytes.

Routers say what an operation has of its own; Api adds what all of them have:

    router.get("/{name}", response=Out, openapi_extra=documented(AccountUnknown))(_account)
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import chain
from types import MappingProxyType
from typing import Any

from ninja import NinjaAPI

from assay.errors import AssayError
from web.errors import (
    Broken,
    NotFound,
    RequestInvalid,
    RequestUnreadable,
    ScopeMissing,
    SignInNeeded,
    TokenExpired,
    TokenUnknown,
    TooLarge,
)

Json = dict[str, Any]
Error = type[AssayError]
Given = Mapping[tuple[int, str], str]
BYTES, TEXT = "application/octet-stream", "text/plain"
WITH_A_TOKEN: tuple[Error, ...] = (TokenUnknown, TokenExpired, ScopeMissing)
# What operations answer without saying so, by the name of the answer in the document.
COMMON: Mapping[str, tuple[Error, ...]] = MappingProxyType(
    {
        "Unreadable": (RequestUnreadable,),
        "TooLarge": (TooLarge,),
        "Invalid": (RequestInvalid,),
        "Broken": (Broken,),
        "NotFound": (NotFound,),
        "NoToken": (SignInNeeded, TokenUnknown, TokenExpired),
        "NoScope": (ScopeMissing,),
    }
)
EVERYWHERE = ("Unreadable", "TooLarge", "Invalid", "Broken")
_REFUSAL = {"application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}}


class Api(NinjaAPI):
    """The API whose document, served and printed, names every refusal.

    refusal  the JSON schema of their one form;  files: operations beside ninja's, such as the log's
    """

    refusal: Json
    files: Mapping[str, Json]

    def get_openapi_schema(self, **asked: Any) -> Any:
        """OpenAPI 3.1."""
        found = super().get_openapi_schema(**asked)
        found["components"]["schemas"]["Refusal"] = self.refusal
        found["components"]["responses"] = {
            name: refused(errors)[errors[0].status] for name, errors in COMMON.items()
        }
        found["paths"] |= deepcopy(self.files)
        scopes = dict(self._scopes())
        for path, operations in found["paths"].items():
            for operation in operations.values():
                _complete(path, operation, scopes.get(operation["operationId"]))
        return found

    def _scopes(self) -> Iterator[tuple[str, str]]:
        """(operation id, scope) of what asks for a token."""
        views = (one.path_operations.values() for one in self._get_bound_routers())
        for view in chain.from_iterable(views):
            for operation in view.operations:
                for one in operation.auth_callbacks or ():
                    yield self.get_openapi_operation_id(operation), getattr(one, "scope", "")


def documented(
    *refusals: Error,
    statuses: tuple[int, ...] = (),
    sends: str = "",
    gives: Given = MappingProxyType({}),
    scope: str = "",
) -> Json:
    """What ninja cannot see of an operation: its `openapi_extra`.

    refusals  errors of its own
    statuses  of more than can be named; docs/errors.md has their codes
    sends     what the bytes of its body are
    gives     (status, content type or nothing) -> what that answer is
    scope     of a token that may be there, and then adds to the answer
    """
    more = WITH_A_TOKEN if scope else ()
    found: Json = {"responses": refused((*refusals, *more), statuses)}
    for (status, kind), words in gives.items():
        found["responses"][status] = content(kind, words) if kind else {"description": words}
    if sends:
        found["requestBody"] = {"required": True, **content(BYTES, sends)}
    if scope:
        found["security"] = [{}, {"TokenAuth": [scope]}]
    return found


def refused(errors: tuple[Error, ...], statuses: tuple[int, ...] = ()) -> dict[int, Json]:
    """status -> a refusal that names its codes."""
    codes: dict[int, list[str]] = {status: ["one of docs/errors.md"] for status in statuses}
    for one in errors:
        codes.setdefault(one.status, []).append(f"`{one.code}`")
    return {
        status: {"description": f"Refused: {', '.join(dict.fromkeys(named))}.", "content": _REFUSAL}
        for status, named in sorted(codes.items())
    }


def content(kind: str, words: str) -> Json:
    """A body of this content type."""
    is_text = kind.startswith("text/")
    shape = {"type": "string"} if is_text else {"type": "string", "format": "binary"}
    return {"description": words, "content": {kind: {"schema": shape}}}


def _complete(path: str, operation: Json, scope: str | None) -> None:
    """Add the refusals that every operation has, and those of its token and its places."""
    own = {int(status): one for status, one in operation["responses"].items()}
    named = [*EVERYWHERE, *(["NotFound"] if "{" in path else [])]
    if scope is not None:
        named.append("NoToken")
    if scope:
        named.append("NoScope")
        operation["security"] = [{name: [scope] for name in operation["security"][0]}]
    for name in named:
        own.setdefault(COMMON[name][0].status, {"$ref": f"#/components/responses/{name}"})
    operation["responses"] = {str(status): own[status] for status in sorted(own)}
