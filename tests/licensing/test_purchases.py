"""A token buys within its budget, once per Idempotency-Key; what is refused moves nothing."""

import pytest
from django.utils import timezone

from ledger.actions import mint
from ledger.models import Account, Message
from tests import factories
from web import auth
from web.models import ApiToken

pytestmark = pytest.mark.django_db
KEY = "an-order-of-mine-1"
TAGS = (*factories.ASSAY, ("Commercial-Use", "Allowed-With-Fee-Monthly-20"))


class Shop:
    """A work on sale, and a firm with 90 tokens of money."""

    def __init__(self, client):
        self.client = client
        factories.account("firm")
        mint(account="firm", amount_nano=90 * 10**9, idempotency="f", now=timezone.now())
        factories.account("owner")
        content = factories.blob("rows", owner="owner").sha256
        self.work = factories.work("data", content, owner="owner", tags=TAGS)

    def token(self, tokens=50, scopes=("read", "pay")):
        lifetime = auth.TOKEN_LIFETIME
        return auth.issue("firm", timezone.now(), lifetime, scopes, budget_nano=int(tokens * 10**9))

    def buy(self, token, key=KEY, **changed):
        quote = self.client.get(f"/api/works/{self.work}/quote").json()
        asked = {name: quote[name] for name in ("work", "uses", "terms_version", "price_nano")}
        headers = {"authorization": f"Bearer {token}"} | ({"idempotency-key": key} if key else {})
        return self.client.post(
            "/api/v1/licences", asked | changed, content_type="application/json", headers=headers
        )


@pytest.fixture
def shop(client):
    return Shop(client)


def told(answer):
    return answer.status_code, answer.json().get("code")


def state():
    """What no refusal may change."""
    balances = dict(Account.objects.values_list("id", "available_nano"))
    return balances, Message.objects.count(), list(ApiToken.objects.values_list("spent_nano"))


def test_the_same_key_buys_once_and_the_budget_ends_where_it_was_set(shop):
    token = shop.token(50)
    bought = shop.buy(token)
    assert bought.status_code == 200, bought.content
    assert bought.json()["holder"] == "firm"
    before = state()
    assert shop.buy(token).json()["grant"] == bought.json()["grant"]
    assert state() == before
    grant = bought.json()["grant"]
    assert told(shop.buy(token, "another-order-of-mine")) == (409, "licensing.already_held")
    again = shop.buy(token, "another-order-of-mine", beside=grant)
    assert again.status_code == 200
    before = state()
    third = shop.buy(token, "a-third-order-of-mine", beside=grant)
    assert told(third) == (403, "auth.token_budget_spent")
    assert third.json()["facts"] == {"left_nano": str(10 * 10**9), "wanted_nano": str(20 * 10**9)}
    assert state() == before


@pytest.mark.parametrize(
    ("scopes", "tokens", "key", "changed", "wanted"),
    [
        (("read", "pay"), 0, KEY, {}, (403, "auth.token_budget_spent")),
        (("read", "submit"), 50, KEY, {}, (403, "auth.scope_missing")),
        (("pay",), 50, "", {}, (422, "request.invalid")),
        (("pay",), 50, KEY, {"price_nano": "1"}, (409, "licensing.quote_stale")),
        (("pay",), 50, KEY, {"uses": ["fly"]}, (422, "licensing.uses_invalid")),
        (("pay",), 50, KEY, {"uses": ["distribute"]}, (403, "licensing.denied")),
        (("pay",), 50, KEY, {"work": "data:" + "0" * 64}, (404, "licensing.work_unknown")),
        (("pay",), 50, KEY, {"holder_key": "zz"}, (422, "request.invalid")),
        (("pay",), 50, KEY, {"terms_version": 2}, (409, "licensing.quote_stale")),
    ],
)
def test_what_a_token_may_not_buy_is_refused_by_its_code_and_nothing_moves(  # noqa: PLR0917
    shop, scopes, tokens, key, changed, wanted
):
    token = shop.token(tokens, scopes)
    before = state()
    assert told(shop.buy(token, key, **changed)) == wanted
    assert state() == before


def test_a_key_that_bought_something_else_is_refused(shop):
    token = shop.token()
    grant = shop.buy(token).json()["grant"]
    before = state()
    assert told(shop.buy(token, beside=grant)) == (409, "log.anchor_taken")
    assert state() == before


def test_a_firm_without_money_is_refused_and_its_budget_stays(shop):
    token, beside = shop.token(500), {}
    for number in range(4):
        bought = shop.buy(token, f"order-number-{number:08}", **beside)
        assert bought.status_code == 200, bought.content
        beside = beside or {"beside": bought.json()["grant"]}  # the one that has begun
    before = state()
    assert told(shop.buy(token, "one-order-too-many", **beside)) == (409, "ledger.overdrawn")
    assert state() == before
