"""A key that was revoked signs nothing, opens no door, and spoils nothing that it signed before."""

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assay import keys, messages
from assay.keys import public_hex
from ledger import actions, log, queries
from ledger.errors import KeyEnded, KeyUnknown, LastKey, LogDamaged, MessageRefused
from ledger.log import signers
from ledger.models import Key, Message
from ledger.rules import accounts
from tests.hostile.orders import BYTES, Stranger, fold_anew
from tests.signing import sign_order
from web import auth, budgets

pytestmark = pytest.mark.django_db


@pytest.fixture
def eve(client):
    signers._known.clear()
    return Stranger(client)


def token_for(stranger):
    raw = auth.issue(stranger.name, timezone.now())
    stranger.headers = {"authorization": f"Bearer {raw}"}


def second_key(stranger):
    key = keys.new_key()
    assert stranger.send(messages.KeyAdd(public_hex(key)), "second").status_code == 200
    return key


def sent(stranger, body, key, words):
    raw = sign_order(body, key, idempotency=words).encode()
    return stranger.client.post("/api/messages", raw, content_type=BYTES, headers=stranger.headers)


def sign_in(client, account, key, at_ms):
    words = f"assay-session-v1\0assay.local/log\0{account}\0{at_ms}"
    body = {"account": account, "public": public_hex(key), "at_ms": at_ms}
    body["signature"] = key.sign(words.encode()).hex()
    return client.post("/api/sessions", body, content_type="application/json")


def test_a_key_that_its_owner_replaced_signs_nothing_and_signs_in_nowhere(eve, client):
    stolen, fresh = eve.key, keys.new_key()
    body = messages.KeyRotate(public_hex(fresh), public_hex(stolen))
    first = eve.send(body, "rotate")
    assert first.status_code == 200, first.content
    assert client.get("/api/auth/whoami", headers=eve.headers).status_code == 401, "tokens end too"
    token_for(eve)
    for kind in (messages.KeyAdd("cd" * 32), messages.KeyRevoke(public_hex(fresh))):
        answer = sent(eve, kind, stolen, "thief")
        assert (answer.status_code, answer.json()["code"]) == (403, "log.key_revoked")
    now_ms = actions.ms(timezone.now())
    assert sign_in(client, "eve", stolen, now_ms).json()["code"] == "auth.refused"
    assert sign_in(client, "eve", fresh, now_ms).status_code == 200
    assert sent(eve, messages.KeyAdd("cd" * 32), fresh, "owner").status_code == 200
    assert eve.send(body, "rotate").json() == first.json(), "sent again, the same answer"
    assert set(queries.keys_of("eve")) == {public_hex(fresh), "cd" * 32}
    assert public_hex(stolen) not in client.get("/api/accounts/eve").json()["keys"]
    fold_anew()


def test_what_a_revoked_key_signed_before_stays_good(eve):
    """Its orders are answered afterwards too, and every fold of the log takes them."""
    key = second_key(eve)
    order = log.read_order(sign_order(messages.KeyAdd("ef" * 32), key, idempotency="x").encode())
    actions.add_key(order, now=timezone.now())
    assert eve.send(messages.KeyRevoke(public_hex(key)), "revoke").status_code == 200
    assert log.find(order.id).actor == "eve"
    history = fold_anew()
    assert history.order(order.id).actor == "eve"
    assert history.rows.get(accounts.Key, public_hex(key)).revoked_by


def test_a_thief_cannot_append_by_a_process_that_remembers_the_key(eve):
    """The statement that appends asks the table: what was remembered decides nothing."""
    key = second_key(eve)
    raw = sign_order(messages.KeyAdd("ef" * 32), key, idempotency="x").encode()
    order = log.read_order(raw)
    remembered = dict(signers._known)
    with transaction.atomic():
        log.record([order])
        remembered = dict(signers._known)
        transaction.set_rollback(True)
    assert eve.send(messages.KeyRevoke(public_hex(key)), "revoke").status_code == 200
    signers._known.update(remembered)
    count = Message.objects.count()
    with pytest.raises(KeyEnded), transaction.atomic():
        log.record([order])
    assert Message.objects.count() == count


def test_an_order_behind_the_revocation_is_refused_by_every_fold(eve):
    key = second_key(eve)
    assert eve.send(messages.KeyRevoke(public_hex(key)), "revoke").status_code == 200
    raw = sign_order(messages.KeyAdd("ef" * 32), key, idempotency="late").encode()
    with pytest.raises(LogDamaged) as refusal:
        fold_anew().follow(raw)
    assert refusal.value.facts["code"] == "log.key_revoked"


def test_whoever_sends_orders_of_the_log_again_signs_nobody_out_and_spends_nothing(eve, client):
    """The log is public, and orders about keys need no token."""
    key = second_key(eve)
    raw = sign_order(messages.KeyRevoke(public_hex(key)), eve.key, idempotency="x").encode()
    first = client.post("/api/messages", raw, content_type=BYTES)
    token_for(eve)
    spent = {one.budget.name: one.spent for one in budgets.left("eve")}
    again = client.post("/api/messages", raw, content_type=BYTES)
    assert (again.status_code, again.json()) == (200, first.json())
    assert client.get("/api/auth/whoami", headers=eve.headers).status_code == 200
    assert {one.budget.name: one.spent for one in budgets.left("eve")} == spent


def test_the_last_key_stays_unless_another_takes_its_place(eve):
    answer = eve.send(messages.KeyRevoke(eve.key_name), "revoke")
    assert (answer.status_code, answer.json()["code"]) == (409, "ledger.last_key")
    key = second_key(eve)
    assert sent(eve, messages.KeyRevoke(eve.key_name), key, "revoke").status_code == 200
    token_for(eve)
    answer = sent(eve, messages.KeyRevoke(public_hex(key)), key, "revoke me")
    assert answer.json()["code"] == "ledger.last_key"


def test_nobody_revokes_or_replaces_another_ones_key(eve, client):
    adam = Stranger(client, "adam")
    for body in (
        messages.KeyRevoke(adam.key_name),
        messages.KeyRotate("ab" * 32, adam.key_name),
        messages.KeyRevoke("ab" * 32),
    ):
        answer = eve.send(body, type(body).__name__ + body.public)
        assert (answer.status_code, answer.json()["code"]) == (404, "ledger.key_unknown")
    assert queries.keys_of("adam") == [adam.key_name]


def test_a_revoked_key_comes_back_to_no_account(eve, client):
    key = second_key(eve)
    assert eve.send(messages.KeyRevoke(public_hex(key)), "revoke").status_code == 200
    token_for(eve)
    adam = Stranger(client, "adam")
    for who in (eve, adam):
        answer = who.send(messages.KeyAdd(public_hex(key)), "again")
        assert (answer.status_code, answer.json()["code"]) == (409, "ledger.key_taken")
    answer = sent(eve, messages.AccountOpen("mallory"), key, "open")
    assert answer.json()["code"] in ("log.key_revoked", "log.signer_refused")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        (lambda eve: messages.KeyRevoked("ab" * 32, "eve", 1), KeyUnknown),
        (lambda eve: messages.KeyRevoked(eve.key_name, "eve", 1), LastKey),
        (lambda eve: messages.KeyAdded("ab" * 32, "eve", "person", 1), MessageRefused),
        (lambda eve: messages.KeyAdded("ab" * 32, "operator", "operator", 1), MessageRefused),
        (lambda eve: messages.KeyAdded("ab" * 32, "operator", "log", 1), MessageRefused),
    ],
)
def test_the_operator_takes_nobodys_key_away_and_adds_none_without_an_order(eve, body, refusal):
    with transaction.atomic(), pytest.raises((MessageRefused, refusal)):
        log.record([log.fact(body(eve), idempotency="forged")])
    fold_anew()


def test_a_browser_that_a_stolen_key_signed_in_is_signed_out_and_no_other(eve, client):
    """Else the thief would go on, in the operator's words, until the session ends."""
    key, adams = second_key(eve), Client()
    adams.force_login(get_user_model().objects.create_user("adam"))
    client.force_login(get_user_model().objects.get(username="eve"))
    assert client.get("/account/keys/").status_code == 200
    assert eve.send(messages.KeyRevoke(public_hex(key)), "revoke").status_code == 200
    assert client.get("/account/keys/").status_code == 302
    assert adams.get("/account/keys/").status_code == 200


def test_signing_an_account_out_reads_no_session_of_others(eve):
    with CaptureQueriesContext(connection) as asked:
        auth.sign_out_everywhere("eve")
    of_sessions = [one["sql"] for one in asked if "web_session" in one["sql"]]
    assert of_sessions
    assert all('"user" = ' in one for one in of_sessions)


def test_the_page_of_keys_revokes_a_lost_key_of_an_account_with_a_password(client):
    actions.found(now=timezone.now())
    user = get_user_model().objects.create_user("bob", password="a long enough one")
    actions.open_account_for("bob", now=timezone.now())
    actions.add_key_for("bob", "ab" * 32, now=timezone.now())
    client.force_login(user)
    raw = auth.issue("bob", timezone.now())
    page = client.get("/account/keys/").content.decode()
    assert f"/account/keys/{'ab' * 32}/revoke/" in page
    asked = client.get(f"/account/keys/{'ab' * 32}/revoke/")
    assert b"Revoke" in asked.content
    assert Key.objects.get(pk="ab" * 32).revoked_by == "", "it asks first"
    done = client.post(f"/account/keys/{'ab' * 32}/revoke/", follow=True)
    assert done.status_code == 200
    assert "revoked" in done.content.decode()
    assert queries.keys_of("bob") == []
    told = client.get("/api/auth/whoami", headers={"authorization": f"Bearer {raw}"})
    assert told.status_code == 401
    assert client.get("/account/keys/").status_code == 200, "the one who asked stays signed in"
    fold_anew()


def test_the_page_of_keys_revokes_no_last_key_of_an_account_without_a_password(eve, client):
    """A browser that a key signed in is no other way into the account."""
    auth.welcome("eve")
    user = get_user_model().objects.get(username="eve")
    user.set_unusable_password()
    user.save()
    client.force_login(user)
    answer = client.post(f"/account/keys/{eve.key_name}/revoke/", headers={"accept": "text/html"})
    assert answer.status_code == 409
    assert "ledger.last_key" in answer.content.decode()
    assert queries.keys_of("eve") == [eve.key_name]
