"""A grant that names its holder's key, the keys that sign grants, and the list of revoked ones."""

import json
from dataclasses import replace
from datetime import timedelta

import jwt as pyjwt
import pytest
from django.conf import settings
from django.utils import timezone
from joserfc import jwt as joserfc
from joserfc.jwk import KeySet, OKPKey
from typer import Typer
from typer.testing import CliRunner

from assay import messages
from assay.keys import new_key, public_hex
from ledger import log
from ledger.actions import mint
from ledger.sequencer import sequence
from licensing import actions, errors, queries
from licensing.commands.licence import verify_grant
from licensing.rules import revoked
from licensing.rules.grant import sign, verify
from licensing.rules.keyset import KnownKey, check_place, jwks, key_of, read_jwks
from tests import factories
from tests.hostile.orders import Stranger, fold_anew
from tests.licensing import market
from tests.licensing.market import NOW, WORK
from tests.licensing.test_grant import CLAIMS, KEY, OPERATOR

pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")
MINE = new_key()
BOUND = replace(CLAIMS, until_ms=0, holder_key=public_hex(MINE))
GATED = (*market.ASSAY, ("Access", "Restricted"), ("Access-Fee", "One-Time-5"))


def test_a_bound_grant_says_the_holders_key_as_rfc_7800_does():
    told = pyjwt.decode(sign(BOUND, KEY), options={"verify_signature": False})
    assert OKPKey.import_key(told["cnf"]["jwk"]).as_dict()["crv"] == "Ed25519"
    assert verify(sign(BOUND, KEY), OPERATOR, now_ms=BOUND.from_ms) == BOUND
    assert "cnf" not in pyjwt.decode(
        sign(replace(BOUND, holder_key=""), KEY), options={"verify_signature": False}
    )


def by_pyjwt(text, told):
    [key] = [one for one in pyjwt.PyJWKSet.from_dict(told).keys if one.algorithm_name == "EdDSA"]
    return pyjwt.decode(text, key.key, algorithms=["EdDSA"])


def by_joserfc(text, told):
    return joserfc.decode(text, KeySet.import_key_set(told), algorithms=["EdDSA"]).claims


@pytest.mark.parametrize("verified", [by_pyjwt, by_joserfc])
def test_a_library_of_its_field_takes_the_key_from_the_set_and_reads_the_holders(verified):
    told = json.loads(json.dumps(jwks([KnownKey(OPERATOR, None, None)])))
    assert {one["alg"] for one in told["keys"]} == {"EdDSA", "Ed25519"}
    assert verified(sign(BOUND, KEY), told)["cnf"]["jwk"]["kty"] == "OKP"


def test_a_key_of_the_set_counts_where_it_signed_and_a_past_one_only_with_a_proof():
    other = public_hex(new_key())
    keys = read_jwks(json.dumps(jwks([KnownKey(other, 0, 9), KnownKey(OPERATOR, 9, 20)])))
    found = key_of(sign(BOUND, KEY), keys)
    assert found == KnownKey(OPERATOR, 9, 20)
    check_place(found, 20)
    for odd in (None, 8, 21):
        with pytest.raises(errors.GrantKey):
            check_place(found, odd)
    check_place(KnownKey(OPERATOR, 9), None)
    with pytest.raises(errors.GrantKey):
        key_of(sign(BOUND, new_key()), keys)
    for odd in ("", "{}", '{"keys": [{"alg": "EdDSA", "kid": "ab"}]}', '{"keys": 3}'):
        with pytest.raises(errors.KeySetInvalid):
            read_jwks(odd)


@pytest.fixture
def _scene(db):
    market.people()
    market.scene()


@pytest.mark.usefixtures("_scene")
def test_the_list_of_revoked_licences_says_which_and_up_to_where_and_how_old_it_is(
    client, tmp_path, monkeypatch
):
    kept, gone = market.buy("kept"), market.buy("gone")
    actions.revoke_licence(gone.id, now=NOW)
    key = log.log_vkey_at(0)
    assert revoked.read(client.get("/licences/revoked.txt").text, key).grants == frozenset()
    while sequence(holder="site", now=timezone.now()):
        pass
    note = client.get("/licences/revoked.txt").text
    told = revoked.read(note, key)
    assert (told.grants, told.origin) == (frozenset({gone.id}), settings.LOG_ORIGIN)
    for odd in (
        note.replace(gone.id, kept.id),
        note.replace("revoked", "Revoked", 1),
        "",
        "x\n\ny",
    ):
        with pytest.raises(errors.RevokedInvalid):
            revoked.read(odd, key)
    (tmp_path / "list").write_text(queries.revoked_note(now=NOW))
    later_ns = int((NOW + timedelta(hours=30)).timestamp()) * 10**9
    monkeypatch.setattr("licensing.commands.licence.time.time_ns", lambda: later_ns)
    (tmp_path / "keys").write_text(client.get("/.well-known/jwks.json").text)
    options = ("--jwks", tmp_path / "keys", "--revoked", tmp_path / "list", "--log-key", key)
    said = checked(tmp_path, kept, *options)
    assert "not revoked as of 2030-01-01" in said.stdout
    assert "30 h 0 min ago" in said.stdout
    assert isinstance(checked(tmp_path, gone, *options).exception, errors.GrantRevoked)
    assert "not asked" in checked(tmp_path, gone, *options[:2]).stdout


def checked(folder, grant, *options):
    app = Typer()
    app.command()(verify_grant)
    (folder / "grant.jws").write_text(grant.jws)
    began = ("--help",) if not options else map(str, options)
    return CliRunner().invoke(app, [str(folder / "grant.jws"), *began])


@pytest.mark.usefixtures("_scene")
def test_the_fold_takes_no_grant_that_names_another_key_than_the_order():
    quote = queries.quote(WORK, ["commercial"], account="buyer", now=NOW)
    named = replace(quote.order(), holder_key=public_hex(MINE))
    made = actions.buy_licence(log.order_for("buyer", named, idempotency="b"), now=NOW)
    assert made.holder_key == public_hex(MINE)
    odd = replace(quote.order(beside=made.id), holder_key="ab")
    with pytest.raises(errors.HolderKeyInvalid):
        actions.buy_licence(log.order_for("buyer", odd, idempotency="c"), now=NOW)
    fold_anew()


class Gate:
    """A gated data set, somebody who bought it for a key, and the doors to its file."""

    def __init__(self, client):
        self.client = client
        factories.account("owner")
        content = factories.blob(b"row\n" * 1000, owner="owner").sha256
        self.work = factories.work("data", content, owner="owner", tags=GATED)
        self.holder = Stranger(client, "firm")
        self.path = f"/api/works/{self.work}/delivery"

    def buy(self, holder_key=None):
        mint(account="firm", amount_nano=10**10, idempotency="f", now=timezone.now())
        quote = queries.quote(self.work, ["copy"], account="firm", now=timezone.now())
        body = replace(quote.order(), holder_key=holder_key)
        answer = self.holder.send(body, "buy")
        assert answer.status_code == 200, answer.content

    def challenge(self):
        return self.post(f"{self.path}/challenge", {"account": "firm"}).json()["challenge"]

    def ask(self, key, challenge=None, account="firm"):
        challenge = challenge or self.challenge()
        said = (
            "assay-delivery-v2",
            settings.LOG_ORIGIN,
            "testserver",
            account,
            self.work,
            challenge,
        )
        signature = key.sign("\0".join(said).encode()).hex()
        return self.post(
            self.path,
            {"account": account, "public": public_hex(key), "signature": signature,
             "challenge": challenge},
        )  # fmt: skip

    def post(self, path, body):
        return self.client.post(path, body, content_type="application/json")


@pytest.fixture
def gate(client, db):
    return Gate(client)


def codes(*answers):
    return [(one.status_code, one.json().get("code")) for one in answers]


def test_a_bound_licence_opens_the_file_to_its_key_once_per_challenge_and_to_no_other(gate):
    gate.buy(public_hex(MINE))
    needed = (403, "licensing.access_needed")
    assert codes(gate.ask(gate.holder.key), gate.ask(new_key())) == [needed, needed]
    challenge = gate.challenge()
    opened = gate.ask(MINE, challenge)
    assert opened.status_code == 200
    assert codes(gate.ask(MINE, challenge)) == [(401, "auth.code_spent")]
    assert codes(gate.ask(MINE, "0" * 32)) == [(401, "auth.code_spent")]
    url = opened.json()["url"]
    part = gate.client.get(url, headers={"Range": "bytes=4-7", "If-Range": '"other"'})
    assert (part.status_code, len(b"".join(part))) == (200, 4000)
    etag = part["ETag"]
    part = gate.client.get(url, headers={"Range": "bytes=4-7", "If-Range": etag})
    assert (part.status_code, b"".join(part)) == (206, b"row\n")


def test_a_licence_without_a_key_opens_to_the_accounts_keys_and_its_text_opens_nothing(gate):
    gate.buy()
    text = queries.grants(holder="firm")[0].jws
    bare = {"account": "firm", "grant": text, "challenge": gate.challenge()}
    assert gate.post(gate.path, bare).status_code == 422
    assert codes(gate.ask(new_key())) == [(403, "licensing.access_needed")]
    assert gate.ask(gate.holder.key).status_code == 200
    message = messages.LicenceRefund(queries.grants(holder="firm")[0].id)
    assert gate.holder.send(message, "back").status_code == 200
    assert codes(gate.ask(gate.holder.key)) == [(403, "licensing.access_needed")]
