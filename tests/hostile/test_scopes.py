"""A token does what its scopes say: each operation of the API asks for the one that it needs."""

import pytest
from django.utils import timezone

from assay import messages
from assay.tokens import SCOPES
from config.urls import api
from tests import factories
from tests.hostile.orders import BYTES, Stranger
from tests.signing import sign_order
from web import auth
from web.api import TokenAuth

pytestmark = pytest.mark.django_db
OPEN_TO_EVERY_TOKEN = {("GET", "/api/auth/whoami"), ("DELETE", "/api/auth/token")}
GUARDED = sorted(
    (method, "/api" + bound.prefix + path, one.scope)
    for bound in api._get_bound_routers()
    for path, view in bound.path_operations.items()
    for operation in view.operations
    for one in operation.auth_callbacks or []
    if isinstance(one, TokenAuth)
    for method in operation.methods
)
READS_MORE_WITH_A_TOKEN = ("/api/submissions/{entry}", "/api/works/{work}/quote")


@pytest.fixture
def eve(client):
    return Stranger(client)


def headers(scopes):
    return {"Authorization": f"Bearer {auth.issue('eve', timezone.now(), scopes=scopes)}"}


def is_refused_for(answer, scope):
    if answer.status_code != 403:
        return False
    return not answer.content or answer.json()["facts"]["needed"] == scope


def without(scope):
    return headers(tuple(one for one in SCOPES if one != scope))


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_a_token_without_the_scope_of_an_operation_is_refused_with_its_name(
    eve, client, method, path, scope
):
    if not scope:
        assert (method, path) in OPEN_TO_EVERY_TOKEN
        return
    path = path.replace("{number}", "0").replace("{", "").replace("}", "")
    assert is_refused_for(client.generic(method, path, headers=without(scope)), scope)
    assert client.generic(method, path, headers=headers((scope,))).status_code != 403


def test_what_a_token_adds_to_an_open_page_asks_for_reading(eve, client):
    factories.competition()
    entry = factories.scored()
    work = factories.base_work()
    for path in READS_MORE_WITH_A_TOKEN:
        place = path.format(entry=entry, work=work)
        assert client.get(place).status_code != 403
        assert is_refused_for(client.get(place, headers=without("read")), "read")


@pytest.mark.parametrize(
    ("body", "scope"),
    [
        (messages.SubmissionCommit("docs", "0" * 64, "t", (), ()), "submit"),
        (messages.RoyaltyDraw("w"), "pay"),
        (messages.CompetitionCancel("docs"), "pay"),
    ],
)
def test_an_order_that_moves_money_needs_another_scope_than_one_that_does_not(
    eve, client, body, scope
):
    raw = sign_order(body, eve.key, idempotency="one").encode()
    sent = client.post("/api/messages", raw, content_type=BYTES, headers=without(scope))
    assert is_refused_for(sent, scope)
    sent = client.post("/api/messages", raw, content_type=BYTES, headers=headers((scope,)))
    assert sent.json().get("code") != "auth.scope_missing"
