"""People with an Arweave or an Ethereum wallet: they open accounts, sign in, and send orders."""

import pytest
from django.conf import settings

from assay import messages
from ledger import actions, queries
from ledger.models import Message
from tests import signing
from tests.assay import foreign

pytestmark = pytest.mark.django_db
RAW = "application/octet-stream"
WALLETS = pytest.mark.parametrize("make", [foreign.rsa_wallet, foreign.ethereum_wallet])


def send(client, item, token=""):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return client.post("/api/messages", item.encode(), content_type=RAW, headers=headers)


def sign_in(client, wallet, account, now):
    at_ms = actions.ms(now)
    words = f"assay-session-v1\0{settings.LOG_ORIGIN}\0{account}\0{at_ms}".encode()
    body = {
        "account": account,
        "public": wallet.owner.hex(),
        "at_ms": at_ms,
        "signature": wallet.sign(words).hex(),
        "signature_type": wallet.signature_type,
    }
    return client.post("/api/sessions", body, content_type="application/json")


@WALLETS
def test_a_wallet_opens_an_account_signs_in_and_its_messages_fold(make, client, now):
    wallet = make()
    opened = send(client, foreign.order(wallet, messages.AccountOpen("ada"), "open"))
    assert opened.status_code == 200, opened.json()
    assert queries.keys_of("ada") == [wallet.name]
    assert sign_in(client, wallet, "ada", now).status_code == 200
    history = signing.history()
    for message in Message.objects.order_by("id"):
        history.follow(bytes(message.raw))
    assert "account.open" in history.kinds


@WALLETS
def test_a_wallets_order_is_taken_as_its_accounts(make, client, now):
    """The order itself may be refused by a rule; what counts is that the signer is known."""
    wallet = make()
    send(client, foreign.order(wallet, messages.AccountOpen("ada"), "open"))
    token = sign_in(client, wallet, "ada", now).json()["token"]
    answer = send(client, foreign.order(wallet, messages.RoyaltyDraw("w"), "draw"), token)
    assert answer.json()["code"].startswith(("work.", "royalty.", "licensing.")), answer.json()


def test_another_wallet_does_not_sign_in(client, now):
    wallet, other = foreign.ethereum_wallet(), foreign.ethereum_wallet(b"\x12" * 32)
    send(client, foreign.order(wallet, messages.AccountOpen("ada"), "open"))
    answer = sign_in(client, other, "ada", now)
    assert (answer.status_code, answer.json()["facts"]["reason"]) == (401, "key")
