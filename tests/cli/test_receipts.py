"""Every command that signs an order prints its receipt; the other doors: tests/test_receipts.py."""

import json
import re
from dataclasses import asdict

import pytest
from django.utils import timezone

from assay import keys, messages
from assay.cli import auth, licence
from assay.cli import keys as keys_commands
from assay.cli.home import Home
from assay.wire import Nano
from ledger import actions, log
from licensing import actions as rights
from tests import factories, racers
from tests.ledger.escrow import Escrow
from tests.licensing import market, uses


@pytest.fixture
def ada(site, run, monkeypatch, request):
    """ada("ledger", "balance"): a miner with money, at her terminal; the clock stands still.

    Who closes the account has none, and who owes a share gets it late.
    """
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    monkeypatch.setattr(auth, "now_ms", lambda: actions.ms(factories.at(30)))
    monkeypatch.setattr(keys_commands, "now_ms", lambda: actions.ms(factories.at(31)))
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    monkeypatch.setattr(licence, "now_ms", lambda: actions.ms(factories.at(30)))
    if request.node.callspec.params["kind"] not in ("account.close", "usage.pay"):
        factories.account("ada", "500")
    return lambda *words: run(*words, url=site)


def login(settings, tmp_path):
    return ["auth", "login", "--account", "eve", "--key", "another"]


def submit(settings, tmp_path):
    factories.competition()
    (tmp_path / "adapter_config.json").write_text("{}")
    (tmp_path / "adapter_model.safetensors").write_bytes(b"\0" * 100)
    return ["submit", str(tmp_path), "-c", "docs", "--no-check"]


def resume(settings, tmp_path):
    racers.contest()
    factories.scored("bob", right=36)
    return ["submissions", "resume", racers.eliminated("ada")]


def nominate(settings, tmp_path):
    factories.competition()
    return ["nominate", factories.scored("ada"), "-c", "docs"]


def open_one(settings, tmp_path):
    """An entry that was made from here, after the close."""
    factories.competition()
    made = factories.queries.entry_row(factories.scored("ada"))
    told = asdict(factories.queries.opening_of(made))
    told |= {"owner": "ada", "competition": "docs", "submission": made.id}
    Home(tmp_path / "home", is_own=True).keep_opening(made.commitment, told)
    factories.deadline.advance("docs", now=factories.at(601))
    return ["submissions", "open", made.id, "--yes"]


def buy(settings, tmp_path):
    market.people()
    market.scene()
    return ["licence", "buy", market.WORK, "--yes"]


def draw(settings, tmp_path):
    market.people()
    tags = (*market.ASSAY, ("Commercial-Use", "Allowed-With-Fee-One-Time-10"))
    work = market.register("ada", "data:" + "c0" * 32, "data", tags)
    quote = market.queries.quote(work, ("commercial",), account="buyer", now=timezone.now())
    market.buy_quoted("buyer", quote, now=timezone.now())
    return ["ledger", "draw", work]


def withdraw(settings, tmp_path):
    settings.BRIDGE = Escrow(tmp_path / "escrow.db")
    return ["ledger", "withdraw", "1", "--to", "0xada"]


def rotate(settings, tmp_path):
    return ["keys", "rotate"]


def revoke(settings, tmp_path):
    """A key that she has elsewhere; the one at hand stays."""
    lost = keys.public_hex(keys.new_key())
    order = log.order_for("ada", messages.KeyAdd(lost), idempotency="another")
    actions.add_key(order, now=timezone.now())
    return ["keys", "revoke", lost, "--yes"]


def close(settings, tmp_path):
    return ["account", "close", "--yes"]


def refund(settings, tmp_path):
    market.people()
    market.scene()
    quote = market.queries.quote(market.WORK, ("commercial",), account="ada", now=timezone.now())
    return ["licence", "refund", market.buy_quoted("ada", quote, now=timezone.now()).id]


def report(settings, tmp_path):
    market.people()
    work = market.register("author", "data:" + "c0" * 32, "data", uses.SHARED)
    quote = market.queries.quote(work, ("commercial",), account="ada", now=factories.at(10))
    return ["licence", "report", market.buy_quoted("ada", quote, now=factories.at(10)).id, "12.5"]


def pay(settings, tmp_path):
    """The money comes after the report."""
    *_, grant, _ = report(settings, tmp_path)
    body = messages.UsageReport(grant, actions.ms(factories.at(20)), Nano(10**10))
    made = rights.report_usage(log.order_for("ada", body, idempotency="r"), now=factories.at(20))
    factories.account("ada", "500")
    return ["licence", "pay", made.id]


def own_work():
    market.people()
    return market.register("ada", "data:" + "c0" * 32, "data", uses.SHARED)


def change_terms(settings, tmp_path):
    tags = tmp_path / "terms.txt"
    tags.write_text("\n".join(f"{name}: {value}" for name, value in market.DATA_TAGS))
    return ["models", "change-terms", own_work(), "--tags", str(tags)]


def withdraw_work(settings, tmp_path):
    return ["models", "withdraw", own_work()]


def dispute(settings, tmp_path):
    market.people()
    market.scene()
    return ["models", "dispute", market.WORK, "--why", "It was trained by us."]


COMMANDS = {
    "account.open": login,
    "account.close": close,
    "key.rotate": rotate,
    "key.revoke": revoke,
    "submission.commit": submit,
    "submission.resume": resume,
    "submission.nominate": nominate,
    "submission.open": open_one,
    "licence.buy": buy,
    "licence.refund": refund,
    "usage.report": report,
    "usage.pay": pay,
    "terms.change": change_terms,
    "work.withdraw": withdraw_work,
    "work.dispute": dispute,
    "royalty.draw": draw,
    "money.withdraw": withdraw,
}


def test_every_order_that_the_command_line_signs_is_in_the_list(house):
    """Guards the list of this file: a new command that signs an order needs its line."""
    text = "".join(path.read_text() for path in (house / "assay" / "cli").glob("*.py"))
    bodies = {getattr(messages, name) for name in re.findall(r"\bmessages\.(\w+)\(", text)}
    assert {messages.KIND_OF[body] for body in bodies} == set(COMMANDS)


@pytest.mark.parametrize("kind", COMMANDS)
@pytest.mark.parametrize("is_json", [True, False], ids=["json", "text"])
def test_a_command_prints_the_receipt_of_its_order(ada, settings, tmp_path, kind, is_json):
    words = COMMANDS[kind](settings, tmp_path)
    answer = ada(*words, *(["--json"] if is_json else []))
    assert answer.exit_code == 0, answer.output
    if is_json:
        address = json.loads(answer.stdout)["receipt"]
    else:
        (address,) = re.findall(r"^receipt +(\S+)$", answer.stdout, re.MULTILINE)
    assert log.find(address.removeprefix("/log/receipt/")).kind == kind
