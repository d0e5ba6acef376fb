"""The record by HTTP: key sign-in, the door for orders, blobs, the log's files, the state."""

import csv
import io
from hashlib import sha256

import pytest
from django.conf import settings
from django.utils import timezone

from assay import items, keys, merkle, messages, notes
from ledger import actions, log, sequencer
from ledger.models import Message
from tests.ledger.store import put_bytes
from tests.signing import sign_order
from web import auth

pytestmark = pytest.mark.django_db
RAW = "application/octet-stream"


@pytest.fixture
def now():
    return timezone.now()


@pytest.fixture
def key():
    return keys.new_key()


@pytest.fixture
def ada(now, key, client):
    """An account opened by its key; the answer is a token for it."""
    actions.found(now=now)
    order = sign_order(messages.AccountOpen("ada"), key, idempotency="open")
    assert client.post("/api/messages", order.encode(), content_type=RAW).status_code == 200
    return session(client, key, now).json()["token"]


def session(client, key, now, **changes):
    at_ms = actions.ms(now)
    words = f"assay-session-v1\0{settings.LOG_ORIGIN}\0ada\0{at_ms}"
    body = {"account": "ada", "public": keys.public_hex(key), "at_ms": at_ms}
    body["signature"] = key.sign(words.encode()).hex()
    return client.post("/api/sessions", {**body, **changes}, content_type="application/json")


def bearer(token):
    return {"headers": {"Authorization": f"Bearer {token}"}}


def test_a_signed_order_opens_an_account_and_the_same_again_is_harmless(now, key, client):
    actions.found(now=now)
    raw = sign_order(messages.AccountOpen("ada"), key, idempotency="open").encode()
    first = client.post("/api/messages", raw, content_type=RAW)
    again = client.post("/api/messages", raw, content_type=RAW)
    assert first.json() == again.json()
    assert first.json()["result"] == {"account": "ada"}
    assert Message.objects.filter(kind="account.open").count() == 1


def test_bytes_that_are_no_order_are_refused_with_a_reason(client):
    answer = client.post("/api/messages", b"nonsense", content_type=RAW)
    assert answer.status_code == 422
    assert answer.json()["code"] == "items.invalid"


def test_an_order_that_nobody_takes_is_refused(ada, key, client, now):
    body = messages.WorkRegister("data:" + "0" * 64, "data", "t", (), ())
    raw = sign_order(body, key, idempotency="w").encode()
    answer = client.post("/api/messages", raw, content_type=RAW, **bearer(ada))
    assert answer.status_code in (403, 404, 422), answer.json()


def test_an_order_of_a_stranger_is_refused(ada, client):
    raw = sign_order(messages.RoyaltyDraw("w"), keys.new_key(), idempotency="x").encode()
    answer = client.post("/api/messages", raw, content_type=RAW, **bearer(ada))
    assert answer.json()["code"] == "log.signer_refused"


def test_a_fact_does_not_come_in_by_the_door_of_orders(ada, client, now):
    raw = log.fact(messages.ClockTicked(actions.ms(now)), idempotency="t").raw
    answer = client.post("/api/messages", raw, content_type=RAW, **bearer(ada))
    assert answer.json()["code"] == "log.message_refused"


def test_a_session_needs_the_key_of_the_account(ada, client, now):
    answer = session(client, keys.new_key(), now)
    assert (answer.status_code, answer.json()["facts"]["reason"]) == (401, "key")


def test_a_session_needs_a_signature_of_now(ada, key, client, now):
    old = session(client, key, now, at_ms=actions.ms(now) - 6 * 60_000)
    assert old.json()["facts"]["reason"] == "clock"
    other = session(client, key, now, at_ms=actions.ms(now) - 1)
    assert other.json()["facts"]["reason"] == "signature"


def test_a_session_for_an_unknown_account_says_so(key, client, now):
    assert session(client, key, now).json()["code"] == "ledger.account_unknown"


def test_a_blob_is_stored_under_its_hash_and_is_not_public(ada, client):
    raw = b"adapter"
    name = sha256(raw).hexdigest()
    assert client.head(f"/api/blobs/{name}", **bearer(ada)).status_code == 404
    answer = client.put(f"/api/blobs/{name}", raw, content_type=RAW, **bearer(ada))
    assert answer.json() == {
        "sha256": name, "size_bytes": 7, "chunk_root": sha256(b"\0" + raw).hexdigest(),
    }  # fmt: skip
    assert client.head(f"/api/blobs/{name}", **bearer(ada)).status_code == 200
    assert client.get(f"/api/blobs/{name}", **bearer(ada)).json()["code"] == "ledger.blob_missing"


def test_a_public_blob_is_given_to_everybody_for_ever(ada, client, now):
    name = put_bytes(b"train")
    actions.publish_blob(name, now=now)
    answer = client.get(f"/api/blobs/{name}")
    assert answer.getvalue() == b"train"
    assert "immutable" in answer.headers["Cache-Control"]


def test_bytes_that_are_not_those_of_their_name_are_refused(ada, client):
    answer = client.put(f"/api/blobs/{'0' * 64}", b"x", content_type=RAW, **bearer(ada))
    assert answer.json()["code"] == "ledger.blob_damaged"


def test_a_file_beyond_the_limit_is_refused(ada, client, settings):
    settings.BLOB_LIMIT_BYTES = 10
    name = sha256(b"x" * 11).hexdigest()
    answer = client.put(f"/api/blobs/{name}", b"x" * 11, content_type=RAW, **bearer(ada))
    assert answer.status_code == 413
    assert answer.json()["code"] == "ledger.blob_too_large"


def test_storing_needs_a_token(client):
    answer = client.put(f"/api/blobs/{'0' * 64}", b"x", content_type=RAW)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.required")


def test_a_statement_is_the_same_in_json_and_csv_and_adds_up(ada, client, now):
    for number in range(3):
        actions.mint(account="ada", amount_nano=10**9 + number, idempotency=str(number), now=now)
    lines = client.get("/api/accounts/ada/statement").json()["items"]
    rows = list(
        csv.DictReader(
            io.StringIO(client.get("/api/accounts/ada/statement?format=csv").getvalue().decode())
        )
    )
    assert [row["balance_nano"] for row in rows] == [line["balance_nano"] for line in lines]
    assert lines[0]["balance_nano"] == client.get("/api/accounts/ada").json()["available_nano"]
    assert int(lines[-1]["balance_nano"]) == int(lines[-1]["change_nano"])
    first = client.get("/api/accounts/ada/statement?limit=2").json()
    rest = client.get(f"/api/accounts/ada/statement?limit=2&after={first['next']}").json()
    assert first["items"] + rest["items"] == lines
    assert rest["next"] == ""


def test_the_state_gives_every_row_of_a_table_page_by_page(ada, client):
    tables = client.get("/api/state").json()["tables"]
    assert "ledger.Account" in tables
    one = client.get("/api/state/ledger.Account?limit=1").json()["rows"]
    rest = client.get(f"/api/state/ledger.Account?after={one[0]['id']}").json()["rows"]
    names = [row["id"] for row in [*one, *rest]]
    assert names == sorted(names)
    assert "ada" in names
    answer = client.get("/api/state/ledger.Acount")
    assert (answer.status_code, answer.json()["next"]) == (404, "Did you mean ledger.Account?")


def test_the_logs_files_prove_each_other(ada, client, now):
    sequencer.sequence(holder="t", now=now)
    told = client.get("/api/log").json()
    checkpoint = notes.read_checkpoint(
        client.get("/log/checkpoint").content.decode(), told["log_key"]
    )
    assert (checkpoint.size, checkpoint.root.hex()) == (told["size"], told["root"])
    entries = _entries(client.get(f"/log/tile/entries/000.p/{told['size']}").content)
    hashes = client.get(f"/log/tile/0/000.p/{told['size']}")
    assert "immutable" in hashes.headers["Cache-Control"]
    assert hashes.content == b"".join(merkle.leaf_hash(raw) for raw in entries)
    assert merkle.root([merkle.leaf_hash(raw) for raw in entries]) == checkpoint.root
    for place, raw in enumerate(entries):
        item = items.Item.decode(raw).id
        assert client.get(f"/log/entry/{item}").content == raw
        proof = client.get(f"/log/receipt/{item}").content.decode()
        assert notes.check_proof(proof, told["log_key"], merkle.leaf_hash(raw)) == place
        assert client.get(f"/messages/{item}/").status_code == 200


@pytest.mark.parametrize(
    "place",
    [
        "0/000", "0/000.p/256", "0/000.p/0", "0/0", "0/x000/000", "9/000", "x/000", "1/000.p/1",
        "entries/-01", "00/000", "0/\u0663\u0663\u0663", "64/000.p/1", "7/000",
        "0/x999/x999/x999/999",
    ],
)  # fmt: skip
def test_what_is_no_tile_of_the_log_is_not_found(ada, client, now, place):
    sequencer.sequence(holder="t", now=now)
    assert client.get(f"/log/tile/{place}").status_code == 404


def test_an_unknown_message_is_not_found(client):
    for path in ("/log/entry/-x", "/log/receipt/-x", "/messages/-x/"):
        answer = client.get(path, headers={"Accept": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (404, "log.unknown")


def test_health_tells_what_waits_for_its_place(ada, client, now):
    waiting = client.get("/healthz").json()
    assert waiting["database"] == "ok"
    assert waiting["waiting"] > 0
    sequencer.sequence(holder="t", now=now)
    assert client.get("/healthz").json()["waiting"] == 0


def test_play_money_is_drawn_once_by_its_owner(ada, client, now, django_user_model):
    client.force_login(django_user_model.objects.get(username="ada"))
    assert b"Get play money" in client.get("/accounts/ada/").content
    assert client.post("/accounts/ada/play-money/").status_code == 302
    page = client.get("/accounts/ada/").content.decode()
    assert "Get play money" not in page
    assert "Received from issuance: play money." in page
    assert client.post("/accounts/ada/play-money/").status_code == 409
    assert client.get("/account/").headers["Location"] == "/accounts/ada/"


def test_nobody_draws_the_play_money_of_another(ada, client, django_user_model):
    client.force_login(django_user_model.objects.create_user("bob"))
    assert client.post("/accounts/ada/play-money/").status_code == 403
    assert b"Get play money" not in client.get("/accounts/ada/").content


def test_the_log_page_shows_messages_newest_first(ada, client, now):
    empty = client.get("/log/").content.decode()
    assert "No message has its place yet." in empty
    sequencer.sequence(holder="t", now=now)
    page = client.get("/log/").content.decode()
    assert page.index("key.added") < page.index("account.open<") < page.rindex("account.opened")
    assert client.get("/log/?after=1").status_code == 200


def test_a_token_of_another_account_does_not_send_this_keys_orders(
    ada, key, client, now, django_user_model
):
    django_user_model.objects.create_user("bob")
    raw = sign_order(messages.SubmissionCommit("c", "0" * 64, "t", (), ()), key, idempotency="x")
    answer = client.post(
        "/api/messages", raw.encode(), content_type=RAW, **bearer(auth.issue("bob", now))
    )
    assert answer.status_code in (403, 422), answer.json()


def _entries(bundle):
    found, at = [], 0
    while at < len(bundle):
        size = int.from_bytes(bundle[at : at + 2], "big")
        found.append(bundle[at + 2 : at + 2 + size])
        at += 2 + size
    return found
