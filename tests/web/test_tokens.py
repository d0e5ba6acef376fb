"""A token speaks for one account, for a while; every way in which it may fail has a name."""

from datetime import UTC, datetime, timedelta
from importlib import import_module
from io import StringIO
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from web import auth, codes
from web.errors import CodeSpent, ScopeMissing, TokenExpired, TokenUnknown
from web.models import ApiToken, Session

pytestmark = [pytest.mark.urls("tests.web.site"), pytest.mark.django_db]
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PASSWORD = "weigh-me-44"


@pytest.fixture
def ada():
    return get_user_model().objects.create_user("ada", password=PASSWORD)


def test_a_fresh_token_speaks_for_its_account(ada):
    caller = auth.check(auth.issue("ada", NOON), NOON + timedelta(days=1))
    assert (caller.account, caller.scopes) == ("ada", {"read", "submit", "pay"})


def test_a_token_ends_at_its_time_and_says_what_to_do(ada):
    raw = auth.issue("ada", NOON, timedelta(hours=1))
    auth.check(raw, NOON + timedelta(minutes=59))
    with pytest.raises(TokenExpired) as refusal:
        auth.check(raw, NOON + timedelta(hours=1))
    assert (refusal.value.code, refusal.value.status) == ("auth.token_expired", 401)
    assert "assay auth login" in refusal.value.next_step


@pytest.mark.parametrize("spoil", [lambda raw: raw[:-1] + "~", lambda raw: raw[:-4], lambda _: ""])
def test_a_token_that_was_never_issued_is_unknown(ada, spoil):
    with pytest.raises(TokenUnknown) as refusal:
        auth.check(spoil(auth.issue("ada", NOON)), NOON)
    assert (refusal.value.code, refusal.value.status) == ("auth.token_unknown", 401)
    assert "assay auth login" in refusal.value.next_step


def test_the_prefix_of_a_token_with_another_secret_is_unknown(ada):
    raw, other = auth.issue("ada", NOON), auth.issue("ada", NOON)
    with pytest.raises(TokenUnknown):
        auth.check(raw[:15] + other[15:], NOON)


def test_a_revoked_token_is_unknown_and_only_its_owner_revokes_it(ada):
    raw = auth.issue("ada", NOON)
    prefix = auth.check(raw, NOON).token_prefix
    assert not auth.revoke("eve", prefix)
    assert auth.revoke("ada", prefix)
    with pytest.raises(TokenUnknown):
        auth.check(raw, NOON)


def test_the_token_of_a_closed_account_is_unknown(ada):
    raw = auth.issue("ada", NOON)
    ada.is_active = False
    ada.save()
    with pytest.raises(TokenUnknown):
        auth.check(raw, NOON)


def test_the_secret_is_nowhere_in_the_table(ada):
    raw = auth.issue("ada", NOON)
    row = ApiToken.objects.values().get()
    assert all(raw[15:] not in str(value) for value in row.values())


def test_a_token_may_only_do_what_its_scopes_say(ada):
    caller = auth.check(auth.issue("ada", NOON, scopes=("read",)), NOON)
    with pytest.raises(ScopeMissing) as refusal:
        caller.require("pay")
    assert refusal.value.facts == {"needed": "pay", "scopes": ["read"]}


def test_use_is_noted_but_not_at_every_request(ada, django_assert_num_queries):
    raw = auth.issue("ada", NOON)
    auth.check(raw, NOON)
    with django_assert_num_queries(1):
        auth.check(raw, NOON + timedelta(minutes=4))
    with django_assert_num_queries(2):
        auth.check(raw, NOON + timedelta(minutes=6))


def _login(client, password=PASSWORD, **more):
    body = {"account": "ada", "password": password, "days": 1, **more}
    return client.post("/api/auth/token", body, content_type="application/json")


def _bearer(raw):
    return {"Authorization": f"Bearer {raw}"}


def test_a_program_signs_in_asks_who_it_is_and_signs_out(client, ada):
    bearer = {"Authorization": f"Bearer {_login(client).json()['token']}"}
    assert client.get("/api/auth/whoami", headers=bearer).json()["account"] == "ada"
    assert client.get("/api/sums/mine", headers=bearer).json() == "ada"
    assert client.delete("/api/auth/token", headers=bearer).status_code == 204
    answer = client.get("/api/auth/whoami", headers=bearer)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.token_unknown")


def test_an_expired_token_is_named_so_over_the_api(client, ada):
    raw = auth.issue("ada", NOON - timedelta(days=9), timedelta(days=1))
    answer = client.get("/api/sums/mine", headers={"Authorization": f"Bearer {raw}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.token_expired")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_wrong_password_is_refused_without_saying_which_half_was_wrong(client, ada):
    wrong = _login(client, "wrong").json()
    assert wrong["code"] == "auth.password_wrong"
    ada.delete()
    assert _login(client).json() == wrong


def test_a_name_with_the_character_nul_is_refused(client, ada):
    body = {"account": "ada\0", "password": PASSWORD, "days": 1}
    answer = client.post("/api/auth/token", body, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")


def test_a_token_is_shown_once_on_the_page_and_can_be_revoked_there(client, ada):
    client.force_login(ada)
    made = client.post("/account/tokens/", {"days": "30"})
    prefix = ApiToken.objects.get().prefix
    assert f"assay_{prefix}_" in made.text
    assert f"assay_{prefix}_" not in client.get("/account/tokens/").text
    client.post(f"/account/tokens/{prefix}/revoke/")
    assert not ApiToken.objects.exists()


def test_a_token_for_which_nothing_was_asked_may_only_read(client, ada):
    client.force_login(ada)
    client.post("/account/tokens/", {"days": "30"})
    body = {"account": "ada", "password": PASSWORD}
    told = client.post("/api/auth/token", body, content_type="application/json").json()
    assert told["scopes"] == ["read"]
    assert {one.scopes for one in ApiToken.objects.all()} == {"read"}
    answer = client.get("/api/sums/pay", headers=_bearer(told["token"]))
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.scope_missing")
    assert answer.json()["facts"] == {"needed": "pay", "scopes": ["read"]}


def test_scopes_and_expiry_are_those_that_were_chosen_and_the_list_says_so(client, ada):
    client.force_login(ada)
    client.post("/account/tokens/", {"scopes": ["read", "submit"], "days": "365"})
    made = ApiToken.objects.get()
    assert (made.scopes, made.expires_at - made.created_at) == ("read submit", timedelta(days=365))
    page = client.get("/account/tokens/").text
    assert "read submit" in page
    assert f"{made.expires_at:%Y-%m-%d}" in page
    token = _login(client, scopes=["submit", "pay"], days=7).json()
    assert token["scopes"] == ["submit", "pay"]
    told = client.get("/api/auth/whoami", headers=_bearer(token["token"])).json()
    assert (set(told["scopes"]), told["expires_at"]) == ({"submit", "pay"}, token["expires_at"])


@pytest.mark.parametrize(
    "more",
    [{"days": 366}, {"days": 0}, {"scopes": []}, {"scopes": ["root"]}, {"x": 1}],
)
def test_no_token_lives_for_ever_or_may_what_no_door_knows(client, ada, more):
    assert _login(client, **more).json()["code"] == "request.invalid"
    client.force_login(ada)
    client.post("/account/tokens/", {"days": "30", **more} if "x" not in more else {})
    assert not ApiToken.objects.filter(account=ada).exclude(scopes="read").exists()
    assert all(
        one.expires_at - one.created_at <= timedelta(days=365) for one in ApiToken.objects.all()
    )


@pytest.mark.parametrize("place", ["", "set/"])
def test_a_change_of_the_password_ends_tokens_codes_and_other_sessions(client, ada, place):
    raw = auth.issue("ada", timezone.now())
    code, _ = codes.make_code("ada", codes.FOR_BROWSER, timezone.now())
    theirs = Client()
    theirs.force_login(ada)
    assert theirs.get("/account/tokens/").status_code == 200
    if place:
        ada.set_unusable_password()
        ada.save()
    client.force_login(ada)
    known = {} if place else {"oldpassword": PASSWORD}
    words = {**known, "password1": "another-44-x", "password2": "another-44-x"}
    assert client.post(f"/account/password/{place}", words).status_code == 302
    answer = client.get("/api/auth/whoami", headers=_bearer(raw))
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.token_unknown")
    with pytest.raises(CodeSpent):
        codes.redeem(code, codes.FOR_BROWSER, timezone.now())
    assert client.get("/account/tokens/").status_code == 200
    assert theirs.get("/account/tokens/").status_code == 302


def test_a_change_on_the_host_ends_tokens_codes_and_sessions_too(client, ada, monkeypatch):
    """`manage.py changepassword` knows nothing of them."""
    raw = auth.issue("ada", timezone.now())
    code, _ = codes.make_code("ada", codes.FOR_KEY, timezone.now())
    client.force_login(ada)
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: "another-44-x")
    call_command("changepassword", "ada", stdout=StringIO())
    answer = client.get("/api/auth/whoami", headers=_bearer(raw))
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.token_unknown")
    with pytest.raises(CodeSpent):
        codes.redeem(code, codes.FOR_KEY, timezone.now())
    assert client.get("/account/tokens/").status_code == 302


def test_sessions_of_the_table_before_are_kept_with_whose_they_are(client, ada):
    client.force_login(ada)
    store, now = client.session, timezone.now()
    kept = (store.session_key, store.encode(dict(store.items())), now + timedelta(days=1))
    Session.objects.all().delete()
    assert client.get("/account/tokens/").status_code == 302
    client.cookies["sessionid"] = store.session_key
    with connection.cursor() as cursor:
        shape = "session_key varchar(40), session_data text, expire_date timestamp"
        cursor.execute(f"CREATE TABLE django_session ({shape})")
        cursor.execute("INSERT INTO django_session VALUES (%s, %s, %s)", kept)
    moving = import_module("web.migrations.0004_session")
    for _ in range(2):
        moving.move(apps, SimpleNamespace(connection=connection))
    assert client.get("/account/tokens/").status_code == 200
    auth.sign_out_everywhere("ada")
    assert client.get("/account/tokens/").status_code == 302
