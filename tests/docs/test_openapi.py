"""docs/openapi.json tells all of the record: every address, what is sent, what comes back."""

import json
import re

import pytest
from django.urls import Resolver404, resolve

from config import env
from ledger.api.log_files import LOG_FILES
from ledger.urls import urlpatterns

DOCUMENT = json.loads((env.HOUSE / "docs" / "openapi.json").read_text(encoding="utf-8"))
RECORD = ("accounts", "blobs", "log", "messages", "sessions", "state", "uploads")
OPERATIONS = {
    f"{verb} {path}": operation
    for path, verbs in DOCUMENT["paths"].items()
    for verb, operation in verbs.items()
}


def resolved(answer):
    name = answer.get("$ref", "").rpartition("/")[2]
    return DOCUMENT["components"]["responses"][name] if name else answer


def test_every_file_of_the_log_that_is_served_is_in_the_document():
    served = {f"/{one.pattern}" for one in urlpatterns if str(one.pattern).startswith("log/")}
    named = {re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path) for path in served - {"/log/"}}
    assert named == set(LOG_FILES)


@pytest.mark.parametrize("path", DOCUMENT["paths"])
def test_every_address_in_the_document_is_served(path):
    try:
        resolve(re.sub(r"\{number\}", "1", re.sub(r"\{(?!number)\w+\}", "x", path)))
    except Resolver404:
        pytest.fail(f"nothing answers at {path}")


@pytest.mark.parametrize(
    "name", [name for name, one in OPERATIONS.items() if one["tags"][0] in RECORD]
)
def test_an_operation_of_the_record_says_what_it_is_what_comes_back_and_how_it_refuses(name):
    operation = OPERATIONS[name]
    assert operation.get("description"), "a sentence"
    assert {"400", "413", "422", "500"} <= set(operation["responses"])
    for status, one in operation["responses"].items():
        refusal = resolved(one).get("content", {}).get("application/json", {}).get("schema")
        assert int(status) < 400 or refusal == {"$ref": "#/components/schemas/Refusal"}, status
    good = next(one for code, one in operation["responses"].items() if code.startswith("2"))
    has_body = not name.startswith(("head", "delete")) and "204" not in operation["responses"]
    assert not has_body or good.get("content"), "what comes back"


def test_the_document_that_is_served_is_the_one_that_is_printed(client):
    assert client.get("/api/openapi.json").json() == DOCUMENT


def test_every_reference_inside_the_document_leads_somewhere():
    text = json.dumps(DOCUMENT)
    known = set(DOCUMENT["components"]["schemas"])
    assert set(re.findall(r'"#/components/schemas/([^"]+)"', text)) <= known
