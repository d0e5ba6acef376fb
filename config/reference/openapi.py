"""docs/openapi.json: the API as ninja knows it, the log's files, and how refusals look."""

from types import MappingProxyType
from typing import Any, NamedTuple

from config.urls import api
from web.api import Refusal

BYTES, TEXT = "application/octet-stream", "text/plain"


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
    parameters: tuple[dict[str, Any], ...] = ()


LOG_FILES = MappingProxyType(
    {
        "/log/checkpoint": LogFile(
            "Checkpoint", "The newest signed size and root, with its witnesses' lines.", TEXT
        ),
        "/log/witnessed": LogFile(
            "Witnessed", "The newest checkpoint that a witness cosigned, if any did.", TEXT
        ),
        "/log/tile/{level}/{place}": LogFile(
            "Tile", "256 hashes, or 256 times a u16 length and an entry.", BYTES, (LEVEL, PLACE)
        ),
        "/log/receipt/{item}": LogFile(
            "Receipt", "A .tlog-proof; `log.receipt_not_yet` until there is one.", TEXT, (ITEM,)
        ),
        "/log/entry/{item}": LogFile("Entry", "The signed bytes of a message.", BYTES, (ITEM,)),
    }
)
# Operations whose body is bytes: ninja sees only what it parses.
RAW_BODIES = MappingProxyType(
    {
        ("/api/messages", "post"): "A signed order: one ANS-104 data item.",
        ("/api/blobs/{sha256}", "put"): "The file.",
        ("/api/uploads/{upload}/parts/{number}", "put"): "The part.",
    }
)
RAW_ANSWERS = MappingProxyType({("/api/blobs/{sha256}", "get"): "The file, or a range of it."})


def openapi() -> dict[str, Any]:
    """The whole document, OpenAPI 3.1."""
    found: dict[str, Any] = dict(api.get_openapi_schema())
    paths = found["paths"]
    for (path, verb), words in RAW_BODIES.items():
        paths[path][verb]["requestBody"] = {"required": True, **_content(words, BYTES)}
    for (path, verb), words in RAW_ANSWERS.items():
        paths[path][verb]["responses"]["200"] = _content(words, BYTES)
    paths |= {path: {"get": _log_file(path)} for path in LOG_FILES}
    found["components"]["schemas"]["Refusal"] = Refusal.model_json_schema()
    refusal = {"$ref": "#/components/schemas/Refusal"}
    told = {"description": "A refusal", "content": {"application/json": {"schema": refusal}}}
    for operations in paths.values():
        for operation in operations.values():
            operation["responses"] = {
                **{str(code): one for code, one in operation["responses"].items()},
                "default": told,
            }
    return found


def _log_file(path: str) -> dict[str, Any]:
    found = LOG_FILES[path]
    return {
        "operationId": f"log_{found.summary.lower()}",
        "summary": found.summary,
        "description": found.words,
        "tags": ["log"],
        "parameters": list(found.parameters),
        "responses": {"200": _content(found.words, found.kind)},
    }


def _content(words: str, kind: str) -> dict[str, Any]:
    schema = {"type": "string"} if kind == TEXT else {"type": "string", "format": "binary"}
    return {"description": words, "content": {kind: {"schema": schema}}}
