"""One identity: what the browser opened signs on the command line, and the other way round."""

import json
import re

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from assay import keys
from assay.cli import auth
from ledger import actions, log, queries
from ledger.models import Message
from ledger.rules.entry import read_entry
from tests import factories
from web import codes

SIGN_UP = {"username": "grace", "password1": "weigh-me-44"}


@pytest.fixture
def browser(site):
    """A browser at the live site: it sends the site's own host."""
    return Client(SERVER_NAME=site.removeprefix("http://").partition(":")[0])


@pytest.fixture
def grace(browser):
    """Somebody who signed up in the browser."""
    assert browser.post("/account/sign-up/", SIGN_UP).status_code == 302
    return browser


@pytest.fixture
def in_2030(monkeypatch):
    """Both sides live when the contests of the factories are open."""
    monkeypatch.setattr(timezone, "now", lambda: factories.at(45))
    monkeypatch.setattr(auth, "now_ms", lambda: actions.ms(factories.at(45)))


def code_on(page):
    return re.search(r"--code ([\w-]+)", page.text)[1]


def connect(run, site, code, account="grace"):
    return run("auth", "login", "--account", account, "--code", code, "--json", url=site)


def error_of(result):
    return json.loads(result.stderr.splitlines()[-1])


def test_a_web_account_adds_a_key_and_signs_its_own_orders(run, site, grace, home):
    """The page shows the whole command; afterwards the key stands on the page and in the log."""
    page = grace.post("/account/keys/")
    result = connect(run, site, code_on(page))
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["is_new"] is False
    public = keys.public_hex(keys.read_key(home / "keys" / "default.key"))
    assert queries.keys_of("grace") == [public]
    assert public in grace.get("/account/keys/").text
    assert json.loads(run("auth", "whoami", "--json").stdout)["account"] == "grace"
    added = read_entry(bytes(Message.objects.get(kind="key.added", cause__gt="").raw))
    assert (added.body.public, log.find(added.cause).speaker) == (public, "grace")
    again = run("auth", "login", "--account", "grace", url=site)
    assert again.exit_code == 0, "the key is enough from now on"


def test_a_web_account_enters_a_competition_from_the_command_line(
    run, site, in_2030, grace, tmp_path
):
    assert connect(run, site, code_on(grace.post("/account/keys/"))).exit_code == 0
    factories.competition()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (tmp_path / name).write_text(name)
    result = run("submit", str(tmp_path), "-c", "docs", "--no-check", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["owner"], told["state"]) == ("grace", "committed")
    assert log.find(told["id"]).speaker == "", "grace signed it herself"


@pytest.mark.parametrize("fault", ["twice", "over", "another account", "another key's signature"])
def test_a_code_for_a_key_counts_once_in_time_and_for_its_account(run, site, grace, fault):
    code = code_on(grace.post("/account/keys/"))
    if fault == "twice":
        assert connect(run, site, code).exit_code == 0
        run("keys", "new", "other")
        words = ("auth", "login", "--account", "grace", "--code", code, "--key", "other", "--json")
        result = run(*words, url=site)
    elif fault == "over":
        codes.OneTimeCode.objects.update(expires_at=timezone.now())
        result = connect(run, site, code)
    elif fault == "another account":
        factories.account("henry")
        result = connect(run, site, code, account="henry")
    else:
        result = connect(run, site, f"{code[:-1]}x")
    assert (result.exit_code, error_of(result)["code"]) == (4, "auth.code_spent")


def test_a_key_that_signs_for_somebody_cannot_be_added_to_another_account(run, site, grace):
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    result = connect(run, site, code_on(grace.post("/account/keys/")))
    assert (result.exit_code, error_of(result)["code"]) == (5, "ledger.key_taken")


def test_an_account_of_the_command_line_signs_a_browser_in_once(run, site, browser):
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    found = json.loads(run("auth", "web", "--json").stdout)
    path = found["url"].removeprefix(site)
    assert "Sign in as ada?" in browser.get(path).text
    assert "_auth_user_id" not in browser.session, "to look is not to enter"
    assert browser.post(path, follow=True).redirect_chain[-1][0] == "/accounts/ada/"
    assert "Sign in" not in re.findall(r"<nav.*?</nav>", browser.get("/").text, re.DOTALL)[0]
    again = Client().post(path, headers={"accept": "text/html"})
    assert again.status_code == 401
    assert "auth.code_spent" in again.text
    assert browser.get("/account/password/", follow=True).status_code == 200, "it may set one"


def test_an_address_that_is_over_signs_nobody_in(run, site, browser):
    run("auth", "login", "--account", "ada", url=site)
    path = json.loads(run("auth", "web", "--json").stdout)["url"].removeprefix(site)
    codes.OneTimeCode.objects.filter(purpose="browser").update(expires_at=timezone.now())
    assert browser.post(path).status_code == 401


def test_a_signature_for_a_browser_counts_once_and_for_its_own_host(run, site, browser, home):
    """Whoever reads it on its way, or another site that was talked to, gets nowhere with it."""
    run("auth", "login", "--account", "ada", url=site)
    key = keys.read_key(home / "keys" / "default.key")
    at_ms = round(timezone.now().timestamp() * 1000)
    origin = browser.get("/api/log").json()["origin"]

    def sent(host):
        words = "\0".join(("assay-web-v1", origin, host, "ada", str(at_ms)))
        body = {"account": "ada", "public": keys.public_hex(key), "at_ms": at_ms,
                "signature": key.sign(words.encode()).hex()}  # fmt: skip
        return browser.post("/api/sessions/web", body, content_type="application/json")

    assert sent("evil.example").json()["code"] == "auth.refused"
    here = browser.get("/api/log").wsgi_request.get_host()
    assert sent(here).status_code == 200
    assert sent(here).json()["code"] == "auth.code_spent"


def test_both_doors_say_what_to_do_with_an_account_of_the_other(run, site, grace, browser):
    refused = run("auth", "login", "--account", "grace", "--json", url=site)
    assert refused.exit_code == 4
    assert "open Keys in your account" in error_of(refused)["next"]
    assert "assay auth web" in Client().get("/account/sign-in/").text
    body = {"account": "grace", "password": "wrong", "days": 1}
    told = browser.post("/api/auth/token", body, content_type="application/json").json()
    assert "assay auth login" in told["next"]
    assert get_user_model().objects.get(username="grace").has_usable_password()
