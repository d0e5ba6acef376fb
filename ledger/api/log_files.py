"""The log's files as the API's document names them; ledger/views.py serves them."""

from types import MappingProxyType
from typing import Any, NamedTuple

from assay.errors import AssayError
from ledger.errors import MessageUnknown, ReceiptNotYet
from web.errors import NotFound
from web.openapi import BYTES, TEXT, content, refused


def _in_path(name: str, words: str) -> dict[str, Any]:
    shape = {"type": "string"}
    return {"name": name, "in": "path", "required": True, "schema": shape, "description": words}


ITEM = _in_path("item", "Id of a message: 43 characters of base64url.")
LEVEL = _in_path("level", "`entries`, or the height of the hashes: 0 to 7.")
PLACE = _in_path("place", "Number in groups of three: `x001/234`; a partial tile adds `.p/WIDTH`.")


class LogFile(NamedTuple):
    """A file of the log: what it is, of which content type, and what its address holds."""

    summary: str
    words: str
    kind: str
    refusals: tuple[type[AssayError], ...]
    parameters: tuple[dict[str, Any], ...] = ()


LOG_FILES = MappingProxyType(
    {
        "/log/checkpoint": LogFile(
            "Checkpoint",
            "The newest signed size and root, with its witnesses' lines.",
            TEXT,
            (NotFound,),
        ),
        "/log/witnessed": LogFile(
            "Witnessed",
            "The newest checkpoint that a witness cosigned, if any did.",
            TEXT,
            (NotFound,),
        ),
        "/log/tile/{level}/{place}": LogFile(
            "Tile",
            "256 hashes, or 256 times a u16 length and an entry.",
            BYTES,
            (NotFound,),
            (LEVEL, PLACE),
        ),
        "/log/receipt/{item}": LogFile(
            "Receipt",
            "A .tlog-proof; `log.receipt_not_yet` until there is one.",
            TEXT,
            (MessageUnknown, ReceiptNotYet),
            (ITEM,),
        ),
        "/log/entry/{item}": LogFile(
            "Entry", "The signed bytes of a message.", BYTES, (MessageUnknown,), (ITEM,)
        ),
    }
)


def documents() -> dict[str, dict[str, Any]]:
    """path -> its operations, for the document of the API."""
    return {path: {"get": _operation(one)} for path, one in LOG_FILES.items()}


def _operation(found: LogFile) -> dict[str, Any]:
    return {
        "operationId": f"log_{found.summary.lower()}",
        "summary": found.summary,
        "description": found.words,
        "tags": ["log"],
        "parameters": list(found.parameters),
        "responses": {200: content(found.kind, found.words), **_refused(found.refusals)},
    }


def _refused(errors: tuple[type[AssayError], ...]) -> dict[int, dict[str, Any]]:
    """Beside the API a refusal is a page for who takes one."""
    found = refused(errors)
    page = {"text/html": {"schema": {"type": "string"}}}
    return {status: {**one, "content": one["content"] | page} for status, one in found.items()}
