"""Every address, asked with odd values: an answer in the promised form, never a fault of ours."""

import json
import re
from urllib.parse import quote

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import get_resolver
from django.urls.resolvers import URLPattern

from config.urls import api
from tests import factories
from tests.hostile.orders import Stranger

pytestmark = pytest.mark.django_db
ODD = (
    "9" * 5000, "-1", "1" * 19, "99999999999999999999", "1e400", "nan", "0x10", "\u0663", "\u00b2",
    "\x00", "a\x00b", "\x1b[2J", "\u202e", "\ud7ff", "%", "..", "x" * 3000, "'", "null", "0,0",
    "2**63", "9223372036854775808", "-9223372036854775809", "", " ",
)  # fmt: skip
ASKED = ("after", "limit", "from", "page", "phase", "format", "owner", "kind", "competition", "q")
PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


def addresses(patterns, start=""):
    """(address with <name> for its places) of every route, the API's too."""
    for one in patterns:
        route = start + str(one.pattern)
        if isinstance(one, URLPattern):
            yield "/" + route.replace("^", "").replace("$", "").replace("\\Z", "")
        else:
            yield from addresses(one.url_patterns, route)


ROUTES = sorted({one for one in addresses(get_resolver().url_patterns) if "(?P" not in one})


def ask(asker, route, value, **query):
    path = PLACE.sub(lambda _: quote(value.encode("utf-8", "surrogatepass"), safe="") or "x", route)
    return asker.client.get(path, query, headers=asker.headers)


@pytest.fixture
def asker(client):
    client.raise_request_exception = False
    factories.competition()
    factories.scored()
    return Stranger(client)


def is_promised(answer):
    if answer.status_code < 400:
        return True
    if "json" not in answer.headers.get("Content-Type", ""):
        return answer.status_code != 500
    return set(json.loads(answer.content)) >= {"code", "message", "next", "facts"}


@pytest.mark.parametrize("route", ROUTES)
def test_no_address_breaks_by_an_odd_value(asker, route):
    broken = []
    for value in ODD:
        for query in ({}, *({name: value} for name in ASKED)):
            if query and PLACE.search(route) and value != ODD[0]:
                continue
            answer = ask(asker, route, value, **query)
            if (answer.status_code >= 500 and answer.status_code != 503) or not is_promised(answer):
                broken.append((value[:30], query and next(iter(query)), answer.status_code))
    assert broken == []


def json_bodies():
    """(method, path) of every operation that takes a JSON body."""
    for path, operations in api.get_openapi_schema()["paths"].items():
        for method, operation in operations.items():
            if "application/json" in operation.get("requestBody", {}).get("content", ()):
                yield method.upper(), path


@pytest.mark.parametrize(("method", "path"), sorted(json_bodies()))
def test_a_body_with_a_field_that_nobody_knows_is_refused_for_it(asker, method, path):
    sent = {"data": {"odd": 1}, "content_type": "application/json", "headers": asker.headers}
    told = getattr(asker.client, method.lower())(path, **sent)
    assert (told.status_code, told.json()["code"]) == (422, "request.invalid")
    assert any("odd" in one for one in told.json()["facts"]["problems"])


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/competitions/%00/", 404),
        ("GET", "/competitions/?after=%00", 422),
        ("POST", "/competitions/", 405),
        ("GET", "/competitions/nowhere/", 404),
        ("PATCH", "/api/works", 405),
    ],
)
def test_a_refusal_is_no_fault_of_ours_where_the_server_is_asynchronous(db, method, path, status):
    """Such a page reads the database: as async code answered it, it was a 500."""
    answer = async_to_sync(AsyncClient().generic)(method, path)
    assert answer.status_code == status
    assert answer.text.startswith("{" if path.startswith("/api") else "<!doctype html>")
