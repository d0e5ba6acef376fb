"""The rights for programs: the same answers as the pages, and orders signed by their own key."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.contrib.auth import get_user_model
from django.utils import timezone

from assay import messages
from assay.money import parse_tokens
from assay.wire import Nano
from ledger import actions as ledger_actions
from ledger.queries import balance_nano
from tests import factories
from tests.licensing.market import ASSAY as OURS
from tests.licensing.market import BASE, DATA, WORK, buy, people, scene, share
from tests.signing import make_item
from web import auth

pytestmark = pytest.mark.django_db
PRICE = str(parse_tokens("100"))


@pytest.fixture(autouse=True)
def everybody(db):
    people()
    scene()


def signed_in(name):
    get_user_model().objects.get_or_create(username=name)
    return {"authorization": f"Bearer {auth.issue(name, timezone.now())}"}


class Stranger:
    """Somebody with a key of their own, who speaks only by signed messages."""

    def __init__(self, client, name="carol", tokens="150"):
        self.client, self.name = client, name
        self.key = Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))
        assert self.send(messages.AccountOpen(name), "begin").status_code == 200
        self.headers = signed_in(name)
        nano = parse_tokens(tokens)
        now = timezone.now()
        ledger_actions.mint(account=name, amount_nano=nano, idempotency="f", now=now)

    def send(self, body, words="one"):
        raw = make_item(body, self.key, idempotency=words).encode()
        headers = getattr(self, "headers", {})
        kind = "application/octet-stream"
        return self.client.post("/api/messages", raw, content_type=kind, headers=headers)


def test_the_list_and_one_work_say_what_the_page_says(client):
    items = client.get("/api/works").json()["items"]
    assert {one["id"] for one in items} == {BASE, DATA, WORK}
    assert client.get("/api/works", {"kind": "data"}).json()["items"][0]["id"] == DATA
    assert len(client.get("/api/works", {"owner": "miner"}).json()["items"]) == 1
    work = client.get(f"/api/works/{WORK}").json()
    assert work["price_nano"] == PRICE
    assert {one["work"]: one["rate_e8"] for one in work["parents"]} == {
        BASE: 5_000_000,
        DATA: 10_000_000,
    }
    answers = {one["use"]: one["answer"] for one in work["uses"]}
    assert answers["commercial"] == "priced"
    assert answers["train"] == "denied"
    assert ["License", OURS[0][1]] in work["tags"]
    assert client.get("/api/works/nothing").json()["code"] == "licensing.work_unknown"


def test_lists_go_on_where_they_stopped(client):
    seen, after = [], "0"
    while after:
        answer = client.get("/api/works", {"limit": 2, "after": after}).json()
        seen += [one["id"] for one in answer["items"]]
        after = answer["next"]
    assert sorted(seen) == sorted([BASE, DATA, WORK])


def test_a_quote_names_every_payee_and_adds_up_to_the_price(client):
    quote = client.get(f"/api/works/{WORK}/quote").json()
    parts = {one["payee"]: int(one["amount_nano"]) for one in quote["split"]}
    assert set(parts) == {"miner", "mate", "author", "sponsor"}
    assert sum(parts.values()) + int(quote["fee_nano"]) + int(quote["held_nano"]) == int(PRICE)
    assert quote["price_nano"] == PRICE
    roles = {one["payee"]: one["role"] for one in quote["split"]}
    assert roles["author"] == "base model author"
    denied = client.get(f"/api/works/{WORK}/quote", {"uses": "train"})
    assert (denied.status_code, denied.json()["code"]) == (403, "licensing.denied")


def test_a_stranger_buys_by_a_signed_order_once(client):
    carol = Stranger(client)
    order = messages.LicenceBuy(WORK, ("commercial",), 1, Nano(int(PRICE)))
    first, second = carol.send(order), carol.send(order)
    assert first.status_code == second.status_code == 200, first.text
    assert first.json() == second.json()
    assert balance_nano("carol") == parse_tokens("50")
    grant = first.json()["result"]["grant"]
    open_to_all = client.get(f"/api/licences/{grant}").json()
    assert open_to_all["jws"] == first.json()["result"]["jws"]
    assert open_to_all["holder"] == "carol"
    mine = client.get("/api/licences", headers=carol.headers).json()["items"]
    assert [one["grant"] for one in mine] == [grant]
    again = carol.send(order, "again")
    assert (again.status_code, again.json()["code"]) == (409, "licensing.already_held")
    assert again.json()["facts"]["grant"] == grant
    quote = client.get(f"/api/works/{WORK}/quote", headers=carol.headers).json()
    assert quote["held"] == [grant]
    dear = carol.send(replace(order, beside=grant), "again")
    assert (dear.status_code, dear.json()["code"]) == (409, "ledger.overdrawn")
    assert client.get("/api/licences/x").json()["code"] == "licensing.grant_unknown"
    assert client.get("/api/licences").status_code == 401


def test_a_stranger_registers_data_and_draws_royalties(client):
    carol = Stranger(client)
    tags = (*OURS, ("Commercial-Use", "Allowed-With-Fee-One-Time-10"))
    work = "data:" + factories.blob("Carol's rows", owner="carol").sha256
    body = messages.WorkRegister(work, "data", "Carol's data", tags, (share("carol"),))
    answer = carol.send(body)
    assert answer.json()["result"] == {"work": work, "owner": "carol"}
    other = "data:" + factories.blob("Carol's other rows", owner="carol").sha256
    again = messages.WorkRegister(other, "data", "Carol's data", tags, (share("carol"),))
    reused = carol.send(again)
    assert (reused.status_code, reused.json()["code"]) == (409, "log.anchor_taken")
    refused = carol.send(messages.RoyaltyDraw(work), "draw")
    assert refused.json()["code"] == "licensing.nothing_to_draw"
    other = messages.RoyaltyDraw(WORK)
    assert carol.send(other, "two").json()["code"] == "licensing.not_a_payee"


def test_dues_are_for_their_owner(client):
    buy()
    dues = client.get("/api/royalties", headers=signed_in("mate")).json()
    assert [(one["work"], one["weight"]) for one in dues] == [(WORK, 1)]
    assert int(dues[0]["due_nano"]) == parse_tokens("83.3") // 3
    assert client.get("/api/royalties").status_code == 401
