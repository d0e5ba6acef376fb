"""By the command line: a licence for a share, reports on it, and what came of it to its owner."""

import json
from datetime import timedelta

from django.utils import timezone

from assay.cli import auth
from ledger import actions
from licensing.rules.may import MONTH_MS
from tests import factories
from tests.licensing import market


def test_a_share_is_reported_paid_stated_and_drawn(site, run, monkeypatch):
    moment = [factories.at(30)]
    monkeypatch.setattr(timezone, "now", lambda: moment[0])
    for module in ("auth", "ledger", "licence"):
        monkeypatch.setattr(f"assay.cli.{module}.now_ms", lambda: actions.ms(moment[0]))
    assert auth.now_ms() == actions.ms(moment[0])
    market.people()
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    tags = (*market.ASSAY, ("Commercial-Use", "Allowed-With-RevenueShare-10%"))
    work = market.register("ada", "data:" + "c0" * 32, "data", tags)

    def told(*words):
        done = run(*words, "--json", url=site)
        assert done.exit_code == 0, done.output
        return json.loads(done.stdout)

    grant = told("licence", "buy", work, "--yes")["grant"]
    moment[0] += timedelta(milliseconds=MONTH_MS)
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    report = told("licence", "report", grant, "12.5")
    assert (report["owed_nano"], report["is_paid"]) == (str(125 * 10**7), False)
    factories.account("ada", "500")
    assert told("licence", "pay", report["report"])["is_paid"]
    asked = ("ledger", "statement", "--royalties", "--since", "2026-01-01")
    [line] = told(*asked)["lines"]
    share_nano = 125 * 10**7 * 98 // 100
    assert (line["what"], line["grant"], line["share_nano"]) == ("usage", grant, str(share_nano))
    rows = run(*asked, "--csv", url=site).stdout.splitlines()
    assert rows[0].startswith("log_index,at_ms,what,state,work,sold,edge,grant")
    assert [row.split(",")[2] for row in rows[1:]] == ["opening", "usage", "closing"]
    assert "1.225" in run(*asked, url=site).output
    assert told("ledger", "draw", "--all")["amount_nano"] == str(share_nano)
    assert run("ledger", "draw", url=site).exit_code == 2
    assert run("ledger", "statement", "--since", "2026-01-01", url=site).exit_code == 2
