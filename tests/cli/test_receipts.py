"""Every command that signs an order prints its receipt; the other doors: tests/test_receipts.py."""

import json
import re
from dataclasses import asdict

import pytest
from django.utils import timezone

from assay import keys, messages
from assay.cli import auth
from assay.cli import keys as keys_commands
from assay.cli.home import Home
from ledger import actions, log
from tests import factories, racers
from tests.ledger.escrow import Escrow
from tests.licensing import market


@pytest.fixture
def ada(site, run, monkeypatch, request):
    """ada("ledger", "balance"): a miner with money, at her terminal; the clock stands still.

    Who closes the account has none.
    """
    monkeypatch.setattr(timezone, "now", lambda: factories.at(30))
    monkeypatch.setattr(auth, "now_ms", lambda: actions.ms(factories.at(30)))
    monkeypatch.setattr(keys_commands, "now_ms", lambda: actions.ms(factories.at(31)))
    assert run("auth", "login", "--account", "ada", url=site).exit_code == 0
    if request.node.callspec.params["kind"] != "account.close":
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
