import json
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.utils import timezone

from ledger import actions, queries
from web import auth
from web.models import ApiToken


def login(run, site, account="ada"):
    return run("auth", "login", "--account", account, "--json", url=site)


def test_login_makes_a_key_opens_the_account_and_signs_in(run, site, home):
    result = login(run, site)
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["account"] == "ada"
    assert json.loads(result.stdout)["is_new"] is True
    assert queries.account("ada").kind == "user"
    assert not get_user_model().objects.get(username="ada").has_usable_password()
    for path in (home / "keys" / "default.key", home / "tokens.json", home / "config.toml"):
        assert path.stat().st_mode & 0o777 == 0o600


def test_login_again_opens_nothing_twice(run, site):
    login(run, site)
    again = login(run, site)
    assert again.exit_code == 0
    assert json.loads(again.stdout)["is_new"] is False


def test_the_settings_of_login_serve_the_next_command(run, site):
    login(run, site)
    result = run("auth", "whoami", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["account"] == "ada"
    assert json.loads(result.stdout)["url"] == site


def test_a_token_stays_at_its_site(run, site, home):
    login(run, site)
    result = run("auth", "whoami", url="http://127.0.0.1:9")
    assert result.exit_code == 4
    assert "auth.nobody" in result.stderr


def test_another_key_cannot_sign_in_to_an_account(run, site, home):
    login(run, site)
    (home / "keys" / "default.key").unlink()
    result = login(run, site)
    assert result.exit_code == 4
    assert json.loads(result.stderr.splitlines()[-1])["code"] == "auth.refused"


def test_an_expired_token_says_so_and_how_to_go_on(run, site):
    login(run, site)
    old = timezone.now() - timedelta(days=3)
    raw = auth.issue("ada", old, timedelta(days=1))
    result = run("auth", "whoami", "--json", url=site, token=raw)
    assert result.exit_code == 4
    told = json.loads(result.stderr.splitlines()[-1])
    assert told["code"] == "auth.token_expired"
    assert "assay auth login" in told["next"]


def test_a_token_that_is_asked_for_with_less_does_less(run, site, tmp_path):
    told = run("auth", "login", "--account", "ada", "--scopes", "read", "--days", "7", "--json",
               url=site)  # fmt: skip
    assert json.loads(told.stdout)["scopes"] == ["read"]
    made = ApiToken.objects.get()
    assert (made.scopes, made.expires_at - made.created_at) == ("read", timedelta(days=7))
    assert run("submissions", "list", "--json").exit_code == 0
    told = json.loads(run("ledger", "draw", "0" * 64, "--json").stderr.splitlines()[-1])
    assert (told["code"], told["facts"]["needed"]) == ("auth.scope_missing", "pay")
    login(run, site)
    assert ApiToken.objects.latest("created_at").scopes == "read submit pay"
    wrong = run("auth", "login", "--account", "ada", "--scopes", "root", url=site)
    assert (wrong.exit_code, "read, submit, pay" in wrong.stderr) == (2, True)


def test_logout_ends_the_token_on_both_sides(run, site, home):
    login(run, site)
    assert run("auth", "logout", url=site).exit_code == 0
    assert not ApiToken.objects.filter(account_id="ada").exists()
    assert site not in json.loads((home / "tokens.json").read_text())
    assert run("auth", "logout", url=site).exit_code == 0


def test_balance_and_statement_say_what_came_in(run, site):
    login(run, site)
    actions.mint(account="ada", amount_nano=12_500_000_000, idempotency="t", now=timezone.now())
    balance = run("ledger", "balance")
    assert "12.5 tokens" in balance.stdout
    lines = run("ledger", "statement", "--format", "json").stdout.splitlines()
    assert json.loads(lines[0])["change_nano"] == "12500000000"
    table = run("ledger", "statement").stdout
    assert "play money" in table
    text = run("ledger", "statement", "--format", "csv").stdout.splitlines()
    assert text[0].startswith("transfer,at_ms,kind")
    assert len(text) == 2


def test_nobody_signed_in_is_told_to_sign_in(run, site):
    result = run("ledger", "balance", url=site)
    assert result.exit_code == 4
    assert "assay auth login" in result.stderr


def test_an_unknown_account_is_refused_by_rule(run, site):
    result = run("ledger", "balance", "nobody-here", "--json", url=site)
    assert result.exit_code == 5
    assert json.loads(result.stderr)["code"] == "ledger.account_unknown"
