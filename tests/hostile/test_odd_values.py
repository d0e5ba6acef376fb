"""Every address, asked with odd values: an answer in the promised form, never a fault of ours.

The values go into each place of the path, into what pages read of the query, into every field of
forms and JSON bodies; every method that an address takes is asked, by every role: the roles take
turns, and where one is not let in, the owner asks the same. tests/hostile/test_described.py asks
the API at the borders of its document, tests/hostile/test_authorisation.py who may do what.
"""

import inspect
import itertools
import json
import re
from urllib.parse import quote, urlencode

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient
from django.urls import resolve

from config.reference.doors import doors
from config.urls import api
from tests.hostile.places import FORMS, PLACE, ROLES, ROUTES, STEPS

pytestmark = pytest.mark.slow

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
LETS_IN = {
    (one.method, SERVED[one.address]): {role for role in ROLES if getattr(one, role) == "yes"}
    for one in doors()
}
FIELD = re.compile(r'<(?:input|select|textarea|button)[^>]* name="([^"]+)"')
ENTRANCES = ("/account/sign-in/", "/account/sign-up/")
CHANGE, SET = "/account/password/", "/account/password/set/"
FORM, PARTS = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"


class Walk:
    """Asks, and notes what is not in the promised form."""

    def __init__(self, site):
        self.site, self.broken = site, []
        self.turns, self.asked = itertools.cycle(ROLES), set()

    def ask(self, method, route, path, what="", role="owner", **sent):
        """As one role."""
        answer = self.site.ask(method, path, self.site.account(route, role), **sent)
        self.asked.add((method, route, role))
        if not is_promised(answer, path):
            self.broken.append((method, route, role, str(what)[:40], answer.status_code))
        return answer

    def ask_in_turn(self, method, route, path, what, **sent):
        """As the next role; as the owner too where that one is not let in."""
        role = next(self.turns)
        if role not in LETS_IN[method, route] and role != "owner":
            self.ask(method, route, path, what, **sent)
        self.ask(method, route, path, what, role, **sent)

    def check(self):
        """Nothing broke, and every role asked every address by each method that was walked."""
        assert self.broken == []
        walked = {(method, route) for method, route, _ in self.asked}
        assert self.asked == {(*one, role) for one in walked for role in ROLES}


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
                path = walk.site.path(route, **{place: in_path(value)})
                walk.ask_in_turn(method, route, path, value)
    walk.check()


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
            walk.ask_in_turn(method, route, f"{walk.site.path(route)}?{asked}", value)
    walk.check()


def fields_of(walk, route, path):
    """What the page of a form asks for, and what another page sends here."""
    page = walk.site.ask("GET", path, walk.site.account(route, "owner"))
    found = set() if page.streaming else set(FIELD.findall(page.text))
    return (found - {"csrfmiddlewaretoken"}) | set(FORMS.get(route, ()))


def test_no_form_breaks_by_an_odd_value(walk):
    for route, path in forms_of(walk.site):
        names = fields_of(walk, route, path)
        for value in ODD if names else ODD[: len(ROLES)]:  # else it is only a button
            typed = urlencode(dict.fromkeys(names, value), errors="surrogatepass")
            walk.ask_in_turn("POST", route, path, value, data=typed, content_type=FORM)
        for raw in ODD_BODIES:
            walk.ask_in_turn("POST", route, path, raw, data=raw, content_type=PARTS)
    walk.check()


def forms_of(site):
    """(route, path) of every form: four of them are at one route."""
    for method, route in TAKEN:
        if method == "POST" and not route.startswith("/api/"):
            for step in STEPS if "<str:step>" in route else ("",):
                yield route, site.path(route, step=step)


def test_a_form_with_a_field_that_nobody_knows_is_refused_for_it(walk):
    """Those of django-allauth too; who is signed in is sent on, so nobody asks two of them."""
    for route, path in forms_of(walk.site):
        typed = urlencode({**FORMS.get(route, {}), "odd": "1"})
        role = "anonymous" if path in ENTRANCES else "owner"
        answer = walk.ask("POST", route, path, role=role, data=typed, content_type=FORM)
        if path == CHANGE and answer.headers.get("Location") == SET:
            continue  # an account without a password sets one
        assert answer.status_code in (200, 422), path
        assert "This form has no field odd." in answer.text, path
        assert "assay_" not in answer.text
    assert walk.broken == []


def operations():
    """(method, route, whether it takes a body) of the API, as its document says."""
    for path, found in api.get_openapi_schema()["paths"].items():
        for method, operation in found.items():
            if path.startswith("/api/"):
                yield method.upper(), SERVED[path], "requestBody" in operation


def problems(answer):
    """What an answer lists; to HEAD nothing is told."""
    assert answer.status_code == 422
    told = json.loads(answer.content or '{"code": "request.invalid", "facts": {"problems": []}}')
    assert told["code"] == "request.invalid"
    return told["facts"]["problems"]


def test_an_operation_refuses_a_field_and_a_body_that_its_document_does_not_name(walk):
    odd = []
    for method, route, takes_body in operations():
        path = walk.site.path(route)
        asked = f"{path}{'&' if '?' in path else '?'}odd=1"
        if problems(walk.ask(method, route, asked)) != ["query.odd: There is no such field."]:
            odd.append((method, route))
        sent = {"data": b'{"odd": 1}', "content_type": "application/json"}
        if not takes_body and problems(walk.ask(method, route, path, **sent)) != [
            "body: There is none here."
        ]:
            odd.append((method, route, "body"))
    assert odd == [("HEAD", "/api/blobs/<sha256>"), ("HEAD", "/api/blobs/<sha256>", "body")]
    assert walk.broken == []


def test_a_field_that_is_nearly_right_is_answered_with_the_right_one(client, db):
    told = client.get("/api/competitions?limt=2").json()
    assert told["message"] == "This address has no field limt."
    assert told["next"] == "Did you mean limit?"


def json_bodies():
    """(method, route, schema) of every operation that takes a JSON body."""
    document = api.get_openapi_schema()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            sent = operation.get("requestBody", {}).get("content", {})
            if "application/json" in sent:
                name = sent["application/json"]["schema"]["$ref"].rpartition("/")[2]
                yield method.upper(), SERVED[path], document["components"]["schemas"][name]


def test_no_body_breaks_by_an_odd_value_and_a_field_that_nobody_knows_is_named(walk):
    asked = 0
    for method, route, schema in json_bodies():
        path = walk.site.path(route)
        for raw in ODD_BODIES:
            walk.ask_in_turn(method, route, path, raw, data=raw, content_type="application/json")
        for name in schema["properties"]:
            for value in ODD_JSON:
                sent = {"data": json.dumps({name: value}), "content_type": "application/json"}
                walk.ask_in_turn(method, route, path, sent, **sent)
        odd = {"data": b'{"odd": 1}', "content_type": "application/json"}
        told = walk.ask(method, route, path, "odd", **odd)
        assert (told.status_code, told.json()["code"]) == (422, "request.invalid")
        assert any("odd" in one for one in told.json()["facts"]["problems"])
        asked += 1
    walk.check()
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
