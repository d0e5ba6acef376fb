"""What is permanent or heavy has a budget: by account, and by address over all accounts of one."""

import threading

import pytest
from django.conf import settings as house_settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from assay import keys, messages
from assay.canonical import sha256_hex
from assay.client import sign_order
from competitions.actions import drafts
from competitions.models import Draft
from ledger import actions
from ledger.models import Blob, Message, Upload
from tests import factories
from tests.hostile.orders import BYTES, Stranger
from web import auth, budgets, passwords
from web.models import ApiToken, Spending

pytestmark = pytest.mark.django_db
HTML, JSON = {"accept": "text/html"}, {"accept": "application/json"}


def refused(answer, budget, *, of="account", status=429):
    assert answer.status_code == status, answer.content
    told = answer.json()
    assert told["code"] == f"budget.{budget}"
    assert told["next"]
    assert told["facts"]["of"] == of
    assert int(answer.headers["Retry-After"]) == told["facts"]["retry_after_s"] > 0
    return True


def open_account(client, name, **more):
    order = sign_order(
        messages.AccountOpen(name),
        keys.new_key(),
        origin=house_settings.LOG_ORIGIN,
        idempotency="begin",
    )
    return client.post("/api/messages", order.encode(), content_type=BYTES, **more)


def test_an_address_opens_so_many_accounts_a_day_by_both_doors(client, most):
    actions.found(now=timezone.now())
    most("accounts", address=2)
    assert open_account(client, "ada").status_code == 200
    form = {"username": "ben", "password1": "a-long-pass-phrase"}
    assert client.post("/account/sign-up/", form).status_code == 302
    client.logout()
    refused(open_account(client, "cleo"), "accounts", of="address")
    page = client.post("/account/sign-up/", form | {"username": "dan"}, headers=HTML)
    assert page.status_code == 429
    assert "budget.accounts" in page.text
    assert not get_user_model().objects.filter(username="dan").exists()
    kinds = Message.objects.filter(kind="account.opened", cause__gt="")
    assert kinds.count() == 2
    assert open_account(client, "cleo", REMOTE_ADDR="198.51.100.7").status_code == 200


def test_what_a_header_says_of_the_address_counts_for_nothing(client, most):
    actions.found(now=timezone.now())
    most("accounts", address=1)
    assert open_account(client, "ada", headers={"x-forwarded-for": "1.2.3.4"}).status_code == 200
    answer = open_account(client, "ben", headers={"x-forwarded-for": "1.2.3.5"})
    refused(answer, "accounts", of="address")


def test_one_network_of_ipv6_is_one_address(client, most):
    actions.found(now=timezone.now())
    most("accounts", address=1)
    assert open_account(client, "ada", REMOTE_ADDR="2001:db8:1:2::1").status_code == 200
    answer = open_account(client, "ben", REMOTE_ADDR="2001:db8:1:2:ffff::9")
    refused(answer, "accounts", of="address")
    assert open_account(client, "ben", REMOTE_ADDR="2001:db8:1:3::1").status_code == 200


@pytest.mark.parametrize(("told", "found"), [
    ("198.51.100.7", "198.51.100.7"), ("::ffff:198.51.100.7", "198.51.100.7"),
    ("2001:db8:1:2:ffff::9", "2001:db8:1:2::"), ("2001:db8::1%eth0", "2001:db8::"),
    ("", None), ("a socket", None),
])  # fmt: skip
def test_an_address_is_one_that_every_database_takes(rf, told, found):
    request = rf.get("/", REMOTE_ADDR=told)
    assert budgets.ip_of(request) == found
    assert budgets.address_of(request) == (found or "unknown")


def register(stranger, number):
    raw = f"data {number}".encode()
    name = sha256_hex(raw)
    assert stranger.upload(raw, name).status_code == 200
    shares = (messages.Share(stranger.name, 1),)
    body = messages.WorkRegister(f"data:{name}", "data", "Mine", factories.DATA_TAGS, shares)
    return stranger.send(body, name)


def test_an_account_puts_so_many_bytes_into_the_log_a_day(client, most):
    eve = Stranger(client)
    most("log_bytes", account=6000)
    answers = [register(eve, number) for number in range(6)]
    good = [one for one in answers if one.status_code == 200]
    assert 1 <= len(good) < 6
    refused(answers[-1], "log_bytes")
    held = sum(len(bytes(one)) for one in Message.objects.values_list("raw", flat=True))
    assert held < 6000 + 4000, "what the site itself says, and what was paid for"


def test_many_accounts_of_one_address_share_its_bytes(client, most):
    eve, mallory = Stranger(client), Stranger(client, "mallory")
    spent = Spending.objects.get(budget="log_bytes", who="address/127.0.0.1").spent
    most("log_bytes", address=spent + 3000)
    assert register(eve, 1).status_code == 200
    refused(register(mallory, 2), "log_bytes", of="address")


def test_what_is_paid_for_an_order_is_no_less_than_what_the_log_keeps_of_it(client):
    eve = Stranger(client)
    register(eve, 1)
    spent = Spending.objects.get(budget="log_bytes", who="address/127.0.0.1").spent
    founding = Message.objects.filter(kind__in=["key.added", "account.opened"], cause="")
    asked = Message.objects.exclude(pk__in=founding)
    assert sum(len(bytes(one)) for one in asked.values_list("raw", flat=True)) <= spent


def test_an_account_sends_so_many_bytes_of_files_a_day_whole_or_by_parts(client, most):
    eve = Stranger(client)
    most("upload_bytes", account=1000)
    assert eve.upload(b"a" * 600, sha256_hex(b"a" * 600)).status_code == 200
    refused(eve.upload(b"b" * 600, sha256_hex(b"b" * 600)), "upload_bytes")
    begun = client.post(
        "/api/uploads",
        {"sha256": "c" * 64, "size_bytes": 600},
        content_type="application/json",
        headers=eve.headers,
    )
    refused(begun, "upload_bytes")
    assert (Blob.objects.count(), Upload.objects.count()) == (1, 0)


def test_a_sponsor_has_so_many_drafts_and_may_throw_one_away(client, most):
    user = get_user_model().objects.get(username=factories.account("sponsor"))
    client.force_login(user)
    most("drafts", account=2)
    for _ in range(2):
        assert client.post("/sponsor/").status_code == 302
    page = client.post("/sponsor/", headers=HTML)
    assert page.status_code == 429
    assert "throw one away" in page.text
    other = factories.draft("somebody-else")
    assert client.post(f"/sponsor/drafts/{other.pk}/discard/").status_code == 404
    mine = Draft.objects.filter(sponsor="sponsor").first()
    assert client.post(f"/sponsor/drafts/{mine.pk}/discard/").status_code == 302
    assert client.post("/sponsor/").status_code == 302
    assert Draft.objects.filter(sponsor="sponsor").count() == 2


def test_so_many_dry_runs_wait_at_once_and_so_many_are_asked_for_a_day(client, most):
    made = [factories.draft(name=f"docs-{number}") for number in range(3)]
    client.force_login(get_user_model().objects.get(username="sponsor"))
    most("dry_runs_at_once", account=1)
    most("dry_runs", account=2)

    def ask(draft):
        return client.post(f"/sponsor/drafts/{draft.pk}/dry-run/", headers=JSON)

    assert ask(made[0]).status_code == 302
    assert ask(made[0]).status_code == 302, "the same again is harmless"
    refused(ask(made[1]), "dry_runs_at_once")
    Draft.objects.filter(pk=made[0].pk).update(state="refused")
    assert ask(made[1]).status_code == 302
    Draft.objects.filter(pk=made[1].pk).update(state="refused")
    refused(ask(made[2]), "dry_runs")
    assert Draft.objects.filter(state="waiting").count() == 0


def test_a_drafts_files_are_read_so_often_a_day(client, most):
    found = factories.draft()
    client.force_login(get_user_model().objects.get(username="sponsor"))
    most("readings", account=1)
    form = {"base": "minilm-l6-v2", "metric": "accuracy", "max_tokens": "48"}
    path = f"/sponsor/drafts/{found.pk}/data/"
    assert client.post(path, form | {"columns": "text = a"}).status_code == 302
    assert client.post(path, form | {"columns": "text = a"}).status_code == 302, "nothing changed"
    refused(client.post(path, form | {"columns": "text = b"}, headers=JSON), "readings")


def test_an_account_has_so_many_tokens_and_those_that_are_over_do_not_count(client, most):
    factories.account("ada")
    most("tokens", account=2)
    now = timezone.now()
    for _ in range(2):
        auth.issue("ada", now)
    with pytest.raises(budgets.errors.TokensHeld):
        auth.issue("ada", now)
    auth.issue("ada", now + 2 * auth.TOKEN_LIFETIME)
    assert ApiToken.objects.count() == 1


def test_an_address_tries_so_many_passwords_of_whatever_accounts(client, most):
    most("sign_ins", address=3)
    for number in range(3):
        assert try_password(client, f"user{number}").status_code == 401
    refused(try_password(client, "user9"), "sign_ins", of="address")
    form = {"login": "user9", "password": "x"}
    assert client.post("/account/sign-in/", form, headers=HTML).status_code == 429
    assert try_password(client, "user9", REMOTE_ADDR="198.51.100.7").status_code == 401


def test_an_account_is_tried_so_often_from_whatever_addresses(client, most):
    most("sign_ins", account=3)
    for number in range(3):
        try_password(client, "ada", REMOTE_ADDR=f"198.51.100.{number}")
    refused(try_password(client, "ADA", REMOTE_ADDR="198.51.100.77"), "sign_ins")


def try_password(client, name, **more):
    body = {"account": name, "password": "wrong-password"}
    return client.post("/api/auth/token", body, content_type="application/json", **more)


def test_so_many_passwords_are_hashed_at_once_and_more_are_refused_at_once(client, settings, most):
    """Guards that sixteen sign-ins leave the other requests their cores."""
    settings.PASSWORD_HASHERS = ["tests.hostile.test_budgets.Slow"]
    settings.PASSWORD_WAIT_S = 0
    most("passwords", account=2)
    Slow.inside, Slow.go, Slow.entered = 0, threading.Event(), threading.Semaphore(0)
    two = [threading.Thread(target=make_password, args=("long-password",)) for _ in range(2)]
    for thread in two:
        thread.start()
        assert Slow.entered.acquire(timeout=600)
    refused(try_password(client, "ada"), "passwords", of="site", status=503)
    assert client.get("/healthz").status_code in (200, 503)
    Slow.go.set()
    for thread in two:
        thread.join(600)
    assert try_password(client, "ada").status_code == 401
    assert Slow.inside == 3


class Slow(passwords.Hasher):
    """Waits within its place until it may go on."""

    iterations = 1

    def _within(self):
        type(self).inside += 1
        self.entered.release()
        self.go.wait(600)

    def encode(self, password, salt, iterations=None):
        with passwords._place():
            self._within()
            return super(passwords.Hasher, self).encode(password, salt, iterations)


def test_the_sites_own_hasher_takes_a_place(settings, most):
    settings.PASSWORD_HASHERS = ["web.passwords.Hasher"]
    settings.PASSWORD_WAIT_S = 0
    most("passwords", account=1)
    with passwords._place(), pytest.raises(budgets.errors.PasswordsBusy):
        passwords.Hasher().encode("password", "salt", 1)
    assert passwords.Hasher().encode("password", "salt", 1)


def test_of_eight_who_spend_the_last_of_a_budget_one_does(transactional_db, crowd, most, rf):
    most("dry_runs", account=1)

    def one(_):
        begun = budgets.begin(rf.get("/"))
        try:
            budgets.spend("dry_runs", account="ada")
        finally:
            budgets.end(begun)

    errors = crowd(one)
    assert [type(one) for one in errors] == [budgets.errors.DryRunsSpent] * 7
    assert Spending.objects.get(who="account/ada").spent == 1


def test_of_eight_who_begin_the_last_draft_one_does(transactional_db, crowd, most):
    most("drafts", account=1)
    factories.account("sponsor")
    errors = crowd(lambda _: drafts.begin(sponsor="sponsor", now=factories.NOW))
    assert len(errors) == 7
    assert Draft.objects.count() == 1


def test_what_was_spent_long_ago_is_forgotten(rf):
    Spending.objects.create(budget="accounts", who="address/1.2.3.4", since=86_400, spent=1)
    assert budgets.forget() == 1


def test_a_page_says_what_is_left(client, most):
    eve = Stranger(client)
    eve.upload(b"a" * 600, sha256_hex(b"a" * 600))
    client.force_login(get_user_model().objects.get(username="eve"))
    page = client.get("/account/limits/").text
    assert "bytes of files sent" in page
    assert ">600<" in page
