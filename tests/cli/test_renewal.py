"""A licence that has ended is bought anew by the command that bought it."""

import json
from datetime import timedelta

from django.utils import timezone

from assay.cli import auth
from ledger import actions
from licensing.rules.may import MONTH_MS
from tests import factories
from tests.licensing import market


def test_the_same_command_buys_once_a_month_and_again_when_the_month_is_over(
    site, run, monkeypatch
):
    """An order was the same in every month, so a renewal gave the old licence, for nothing."""
    moment = [factories.at(30)]
    monkeypatch.setattr(timezone, "now", lambda: moment[0])
    monkeypatch.setattr(auth, "now_ms", lambda: actions.ms(moment[0]))
    market.people()
    tags = (*market.ASSAY, ("Commercial-Use", "Allowed-With-Fee-Monthly-10"))
    work = market.register("author", "data:" + "c0" * 32, "data", tags)
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    factories.account("ada", "500")

    def buy(*more):
        bought = run("licence", "buy", work, "--yes", "--json", *more, url=site)
        assert bought.exit_code == 0, bought.output
        return json.loads(bought.stdout)["grant"]

    first = buy()
    assert buy() == first
    moment[0] += timedelta(milliseconds=MONTH_MS)
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    second = buy()
    assert (second == first, buy()) == (False, second)
