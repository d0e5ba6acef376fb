"""A refusal says code, cause and next step to whoever asked, in the form that they can read."""

import pytest

pytestmark = [pytest.mark.urls("tests.web.site"), pytest.mark.django_db]
ENVELOPE = {"code", "message", "next", "facts"}


@pytest.fixture
def visitor(client):
    client.raise_request_exception = False
    return client


def test_a_browser_gets_a_page_with_code_cause_and_next_step(visitor):
    answer = visitor.get("/closed/", headers={"accept": "text/html"})
    assert answer.status_code == 409
    for words in (
        "competition.closed",
        "The competition docstrings is closed.",
        "See the list of open competitions.",
        "<h1>",
        "docstrings",
    ):
        assert words in answer.text


def test_a_program_gets_the_envelope_from_the_same_address(visitor):
    answer = visitor.get("/closed/", headers={"accept": "application/json"})
    assert answer.status_code == 409
    assert answer.json() == {
        "code": "competition.closed",
        "message": "The competition docstrings is closed.",
        "next": "See the list of open competitions.",
        "facts": {"competition": "docstrings"},
    }


def test_htmx_gets_a_piece_and_not_a_page(visitor):
    answer = visitor.get("/closed/", headers={"HX-Request": "true"})
    assert answer.status_code == 409
    assert "competition.closed" in answer.text
    assert "<html" not in answer.text


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/sums/closed", 409, "competition.closed"),
        ("/api/nowhere", 404, "request.not_found"),
        ("/api/sums/sum", 405, "request.method_refused"),
        ("/api/broken/", 500, "request.broken"),
        ("/api/sums/mine", 401, "auth.required"),
    ],
)
def test_below_api_every_refusal_is_the_envelope(visitor, path, status, code):
    answer = visitor.get(path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert set(answer.json()) == ENVELOPE
    assert answer.json()["next"]


def test_a_wrong_field_is_named_with_its_cause(visitor):
    answer = visitor.post("/api/sums/sum", {"left": "one"}, content_type="application/json")
    assert answer.status_code == 422
    refusal = answer.json()
    assert refusal["code"] == "request.invalid"
    assert [problem.split(":")[0] for problem in refusal["facts"]["problems"]] == ["left", "right"]
    assert "1 more" in refusal["message"]


def test_a_body_that_is_no_json_is_refused_by_name(visitor):
    answer = visitor.post("/api/sums/sum", "{", content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (400, "request.unreadable")


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(visitor, settings):
    settings.ASSAY_BODY_LIMITS = {"/": 100, "/api/sums/": 10}
    answer = visitor.post("/api/sums/sum", {"left": 1, "right": 2}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (413, "request.too_large")
    assert answer.json()["facts"]["limit_bytes"] == 10


def test_a_page_is_missing_in_words(visitor):
    answer = visitor.get("/nowhere/", headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert "request.not_found" in answer.text


def test_a_fault_of_ours_tells_the_request_id_and_nothing_of_the_inside(visitor):
    answer = visitor.get("/broken/", headers={"accept": "text/html"})
    assert answer.status_code == 500
    assert answer.headers["X-Request-Id"] in answer.text
    assert "planted" not in answer.text


def test_a_request_keeps_the_id_that_it_came_with_unless_it_is_odd(visitor):
    assert visitor.get("/", headers={"X-Request-Id": "abc-12345"})["X-Request-Id"] == "abc-12345"
    assert visitor.get("/", headers={"X-Request-Id": "a b\u00e9"})["X-Request-Id"] != "a b\u00e9"


def test_a_list_says_where_it_goes_on_until_it_ends(visitor):
    first = visitor.get("/api/sums/numbers").json()
    assert first == {"items": [1, 2], "next": "2"}
    last = visitor.get("/api/sums/numbers?after=6").json()
    assert last == {"items": [7], "next": ""}
