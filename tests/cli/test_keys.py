"""Keys are replaced and revoked, and accounts are closed, from the command line."""

import json

from django.contrib.auth import get_user_model

from ledger import queries


def login(run, site, account="ada"):
    assert run("auth", "login", "--account", account, "--json", url=site).exit_code == 0


def ask(run, *words):
    result = run(*words, "--json")
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_key_is_replaced_here_and_there_and_the_old_one_signs_nothing(run, site, home):
    login(run, site)
    (before,) = ask(run, "keys", "list", "--site")
    (told,) = ask(run, "keys", "rotate")
    assert queries.keys_of("ada") == [told["public"]] != [before["public"]]
    assert ask(run, "auth", "whoami")[0]["account"] == "ada", "it signed in anew"
    (after,) = ask(run, "keys", "list", "--site")
    assert (after["public"], after["signs"]) == (told["public"], "yes")
    path = home / "keys" / "default.key"
    aside = home / "keys" / f"default.key.retired-{before['public'][:8]}"
    assert {one.stat().st_mode & 0o777 for one in (path, aside)} == {0o600}
    aside.replace(path)  # the thief's copy
    thief = run("keys", "revoke", told["public"], "--yes")
    assert "log.key_revoked" in thief.stderr
    assert run("auth", "login", "--account", "ada").exit_code == 4


def test_a_rotation_that_was_cut_off_is_finished_by_the_same_command(run, site, home, monkeypatch):
    """Guards against a key that the site knows and the machine has lost."""
    login(run, site)

    def killed(path):
        raise KeyboardInterrupt

    with monkeypatch.context() as cut:
        cut.setattr("assay.keys.take_next", killed)
        assert run("keys", "rotate").exit_code != 0
    (told,) = ask(run, "keys", "rotate")
    assert queries.keys_of("ada") == [told["public"]]
    assert not list((home / "keys").glob("*.next"))


def test_a_lost_key_is_revoked_with_another_one_once_it_is_said(run, site):
    login(run, site)
    (public,) = (one["public"] for one in ask(run, "keys", "list"))
    refused = run("keys", "revoke", "default", "--yes", "--json")
    assert json.loads(refused.stderr.splitlines()[-1])["code"] == "ledger.last_key"
    asked = run("keys", "revoke", "default", "--json")
    assert json.loads(asked.stderr.splitlines()[-1])["code"] == "usage.yes_needed"
    assert queries.keys_of("ada") == [public]


def test_an_account_is_closed_once_it_is_said(run, site):
    login(run, site)
    assert "usage.yes_needed" in run("account", "close").stderr
    (told,) = ask(run, "account", "close", "--yes")
    assert told["closed"] is True
    assert queries.account("ada").is_closed
    assert get_user_model().objects.get(username="ada").is_active is False
    again = run("auth", "login", "--account", "ada")
    assert again.exit_code == 5
    assert "ledger.account_closed" in again.stderr
