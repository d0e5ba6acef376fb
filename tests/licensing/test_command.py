"""`assay licence verify` answers without any site; with a proof it also says that it was paid."""

import json
from dataclasses import replace

import pytest
from django.conf import settings
from django.utils import timezone
from typer.testing import CliRunner

from assay import notes
from assay.cli.main import app
from assay.keys import public_hex
from assay.messages import RoyaltyDraw
from ledger import log, sequencer
from ledger.sequencer.proofs import receipt
from licensing.errors import GrantNotLogged, GrantOrigin
from licensing.rules.grant import verify
from licensing.rules.proof import check_logged
from tests.licensing.market import NOW, buy, people, scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def bought(db):
    people()
    scene()
    return buy(now=timezone.now())


@pytest.fixture
def operator(db):
    return public_hex(log.signing_key("operator"))


@pytest.fixture
def files(bought, tmp_path):
    """The three files that the licence's page offers."""
    sequencer.sequence(holder="test", now=NOW)
    (tmp_path / "grant.jws").write_text(bought.jws + "\n")
    (tmp_path / "grant.message").write_bytes(log.find(bought.message).raw)
    (tmp_path / "grant.tlog-proof").write_text(receipt(bought.message))
    return tmp_path


@pytest.fixture
def log_key(db):
    public = log.signing_key("log").public_key().public_bytes_raw()
    return notes.verifier_key(settings.LOG_ORIGIN, notes.LOG_KEY, public)


def run(*words):
    return CliRunner().invoke(app, ["licence", "verify", *map(str, words)])


def with_proof(files, log_key):
    proof = ("--proof", files / "grant.tlog-proof", "--message", files / "grant.message")
    return (*proof, "--log-key", log_key)


def test_a_grant_alone_is_signed_but_not_proved_paid(files, operator):
    told = run(files / "grant.jws", "--key", operator)
    assert told.exit_code == 0, told.output
    assert "signed; not proved paid" in told.stdout
    assert "buyer" in told.stdout
    assert "100 tokens" in told.stdout


def test_with_its_proof_a_grant_is_proved_paid(files, operator, log_key):
    words = (files / "grant.jws", "--key", operator, *with_proof(files, log_key))
    told = run(*words, "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)
    assert found["log_index"] is not None
    assert found["price_nano"] == "100000000000"


def test_a_changed_letter_or_another_key_is_refused_with_its_code(files, operator):
    text = (files / "grant.jws").read_text()
    place = len(text) // 2
    other = "A" if text[place] != "A" else "B"
    (files / "odd.jws").write_text(text[:place] + other + text[place + 1 :])
    damaged = run(files / "odd.jws", "--key", operator)
    assert damaged.exit_code == 6
    assert "grant." in damaged.stderr
    wrong = run(files / "grant.jws", "--key", "ab" * 32)
    assert "grant.key" in wrong.stderr
    assert run(files / "grant.jws", "--key", "short").exit_code == 2
    assert run(files / "grant.jws", "--key", operator, "--log-key", "x").exit_code == 2


@pytest.fixture
def parts(bought, files, operator, log_key):
    return {
        "jws": bought.jws,
        "claims": verify(bought.jws, operator, now_ms=bought.from_ms),
        "message": (files / "grant.message").read_bytes(),
        "proof": (files / "grant.tlog-proof").read_text(),
        "log_key": log_key,
    }


def refusal(kind, jws, claims, **parts):
    with pytest.raises(kind) as caught:
        check_logged(jws, claims, **parts)
    return caught.value.code


def test_another_message_proof_or_log_proves_nothing(parts, bought, operator):
    check_logged(**parts)
    order = log.find(bought.id).raw
    draw = log.order_for("miner", RoyaltyDraw("ab" * 32), idempotency="x").raw
    for raw in (order, draw, b"", parts["message"][:-1] + b" "):
        assert refusal(GrantNotLogged, **parts | {"message": raw}) == "grant.not_logged"
    for proof in ("", receipt(bought.id), parts["proof"].replace("index ", "index 1")):
        assert refusal(GrantNotLogged, **parts | {"proof": proof}) == "grant.not_logged"
    lied = replace(parts["claims"], price_nano=1)
    assert refusal(GrantNotLogged, **parts | {"claims": lied}) == "grant.not_logged"
    public = bytes.fromhex(operator)
    elsewhere = notes.verifier_key("elsewhere.example", notes.LOG_KEY, public)
    assert refusal(GrantOrigin, **parts | {"log_key": elsewhere}) == "grant.origin"
    stranger = notes.verifier_key(settings.LOG_ORIGIN, notes.LOG_KEY, public)
    assert refusal(GrantNotLogged, **parts | {"log_key": stranger}) == "grant.not_logged"
