"""Every address, asked with odd values: an answer in the promised form, never a fault of ours.

The values go into each place of the path, into what pages read of the query, into every field of
forms and JSON bodies; every method that an address takes is asked. tests/hostile/test_described.py
asks the API at the borders of its document, tests/hostile/test_authorisation.py in every role.
"""

import inspect
import json
import re
from urllib.parse import quote, urlencode

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import resolve

from config.reference.doors import doors
from config.urls import api
from tests.hostile.places import FORMS, PLACE, ROUTES

ODD = (
    "9" * 5000, "-1", "1" * 19, "99999999999999999999", "1e400", "nan", "0x10", "\u0663", "\u00b2",
    "\x00", "a\x00b", "\x1b[2J", "\u202e", "\ud7ff", "%", "..", "x" * 3000, "'", "null", "0,0",
    "2**63", "9223372036854775808", "-9223372036854775809", "", " ",
)  # fmt: skip
ASKED = ("after", "format", "kind", "phase", "page", "q", "uses", "min_score", "score", "prize",
         "curve", "next", "base", "metric", "task", "use")  # fmt: skip
ODD_JSON = (None, True, [], {}, [[]], 10**400, -1, 1.5, "", "\0", "\u202e", "9" * 5000, 2**63)
ODD_BODIES = (b"", b"[", b"null", b"[]", b'"x"', b"\xff\xfe", b"\xef\xbb\xbf{}", b"NaN",
              b'{"a":' * 5000, b"[" * 50_000, b'{"a": 1, "a": 2}', b"1" * 5000)  # fmt: skip
SERVED = {PLACE.sub(r"{\1}", route): route for route in ROUTES}
TAKEN = [(one.method, SERVED[one.address]) for one in doors()]
FIELD = re.compile(r'<(?:input|select|textarea|button)[^>]* name="([^"]+)"')
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"


class Walk:
    """Asks, and notes what is not in the promised form."""

    def __init__(self, site):
        self.site, self.broken = site, []

    def ask(self, method, route, path, what="", **sent):
        """As the owner: nobody gets further."""
        answer = self.site.ask(method, path, self.site.account(route, "owner"), **sent)
        if not is_promised(answer, path):
            self.broken.append((method, route, str(what)[:40], answer.status_code))
        return answer


def is_promised(answer, path):
    """No fault of ours; a refusal is JSON for programs, and a page or a piece of one for people."""
    if answer.status_code >= 500 and answer.status_code != 503:
        return False
    if answer.status_code < 400 or not answer.content:  # to HEAD nothing is told
        return True
    if path.startswith("/api/"):
        return set(json.loads(answer.content)) == {"code", "message", "next", "facts"}
    return answer.content.strip().startswith((b"<!doctype html>", b"{"))


def in_path(value):
    return quote(value.encode("utf-8", "surrogatepass"), safe="")


@pytest.fixture
def walk(site):
    return Walk(site)


def test_no_place_of_an_address_breaks_by_an_odd_value(walk):
    for method, route in TAKEN:
        for place in PLACE.findall(route):
            for value in filter(None, ODD):
                walk.ask(method, route, walk.site.path(route, **{place: in_path(value)}), value)
    assert walk.broken == []


def reads_questions(path):
    """Whether the view itself looks at the question; a few are asked of the others too."""
    source = inspect.getsource(inspect.unwrap(resolve(path).func))
    return "request.GET" in source or "page_start" in source


def test_no_page_breaks_by_an_odd_question(walk):
    for method, route in TAKEN:
        if method != "GET" or route.startswith("/api/"):
            continue
        for value in ODD if reads_questions(walk.site.path(route)) else ODD[::5]:
            asked = urlencode(dict.fromkeys(ASKED, value), errors="surrogatepass")
            walk.ask(method, route, f"{walk.site.path(route)}?{asked}", value)
    assert walk.broken == []


def fields_of(walk, route):
    """What the page of a form asks for, and what another page sends here."""
    page = walk.site.ask("GET", walk.site.path(route), walk.site.account(route, "owner"))
    found = set() if page.streaming else set(FIELD.findall(page.text))
    return (found - {"csrfmiddlewaretoken"}) | set(FORMS.get(route, ()))


def test_no_form_breaks_by_an_odd_value(walk):
    for method, route in TAKEN:
        if method != "POST" or route.startswith("/api/"):
            continue
        path, names = walk.site.path(route), fields_of(walk, route)
        for value in ODD:
            typed = urlencode(dict.fromkeys(names, value), errors="surrogatepass")
            walk.ask(method, route, path, value, data=typed, content_type=FORM)
        for raw in ODD_BODIES:
            walk.ask(method, route, path, raw, data=raw, content_type=PARTS)
    assert walk.broken == []


@pytest.mark.parametrize(
    "route",
    [
        "/account/tokens/",
        "/competitions/<str:competition>/extend/",
        "/models/<str:work>/buy/",
        "/royalties/draw/",
    ],
)
def test_a_form_with_a_field_that_nobody_knows_is_refused_for_it(walk, route):
    typed = urlencode({**FORMS.get(route, {}), "odd": "1"})
    answer = walk.ask("POST", route, walk.site.path(route), data=typed, content_type=FORM)
    assert answer.status_code in (200, 422)
    assert "This form has no field odd." in answer.text
    assert "assay_" not in answer.text


def json_bodies():
    """(method, path, schema) of every operation that takes a JSON body."""
    document = api.get_openapi_schema()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            sent = operation.get("requestBody", {}).get("content", {})
            if "application/json" in sent:
                name = sent["application/json"]["schema"]["$ref"].rpartition("/")[2]
                yield method.upper(), path, document["components"]["schemas"][name]


def test_no_body_breaks_by_an_odd_value_and_a_field_that_nobody_knows_is_named(walk):
    asked = 0
    for method, path, schema in json_bodies():
        for raw in ODD_BODIES:
            walk.ask(method, path, path, raw, data=raw, content_type="application/json")
        for name in schema["properties"]:
            for value in ODD_JSON:
                sent = json.dumps({name: value})
                walk.ask(method, path, path, sent, data=sent, content_type="application/json")
        odd = {"data": b'{"odd": 1}', "content_type": "application/json"}
        told = walk.ask(method, path, path, "odd", **odd)
        assert (told.status_code, told.json()["code"]) == (422, "request.invalid")
        assert any("odd" in one for one in told.json()["facts"]["problems"])
        asked += 1
    assert walk.broken == []
    assert asked > 0


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
    answer = async_to_sync(asked_at)(method, path)
    assert answer.status_code == status
    assert answer.text.startswith("{" if path.startswith("/api") else "<!doctype html>")


async def asked_at(method, path):
    return await AsyncClient().generic(method, path)
