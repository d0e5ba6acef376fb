"""Every key, a person's and the house's, is exchanged on a site that runs; nothing old is lost.

The site's own processes do it in tests/journeys/test_failures.py; here forgers try what they can.
"""

import json
import shutil
from io import StringIO

import httpx2
import pytest
from django.core.management import call_command

from assay import keys, notes
from ledger import actions, log, queries
from ledger.models import Message
from licensing.rules.grant import verify
from tests.journeys.running import commands
from tests.laws import story
from workers import record


@pytest.fixture
def own_keys(settings, tmp_path):
    """The house's keys in a folder of their own."""
    settings.KEYS_FOLDER = tmp_path / "house keys"


@pytest.fixture
def site(own_keys, told, witness, live_server):
    """A site after the whole story, with keys of its own and a witness."""
    record.ask_witnesses()
    return live_server.url


@pytest.fixture
def assay(tmp_path, live_server):
    """Of somebody with a home of its own."""
    return commands(tmp_path / "home", live_server.url)


def rotate(role):
    call_command("rotate_key", role, stdout=StringIO())
    story.place_all()


def mint(words):
    story.mint(account="buyer", amount_nano=1, idempotency=words, now=story.NOW)
    story.place_all()


class Kept:
    """What somebody keeps of a site before any key is exchanged."""

    def __init__(self, site, assay, folder):
        assert assay("auth", "login", "--account", "holder")[0] == 0
        story.place_all()
        self.about, self.mirror = httpx2.get(f"{site}/api/log").json(), folder / "mirror"
        mine = queries.keys_of("holder")[0]
        self.order = Message.objects.get(kind="account.open", signer=mine).item
        assert assay("log", "receipt", self.order, "--out", folder)[0] == 0
        self.receipt = folder / f"{self.order}.tlog-proof"
        assert assay("log", "export", site, "--out", self.mirror)[0] == 0
        assert assay("audit", site)[0] == 0
        self.grant = Message.objects.filter(kind="licence.granted").earliest("pk").cause
        self.jws = httpx2.get(f"{site}/licences/{self.grant}/grant.jws").text
        self.log_key = log.signing_key("log")


def test_every_key_is_exchanged_and_old_receipts_scores_and_licences_hold(site, assay, tmp_path):
    kept = Kept(site, assay, tmp_path)
    for role in ("evaluator", "log", "operator"):
        rotate(role)
        mint(role)
    assert assay("keys", "rotate")[0] == 0
    story.place_all()
    record.ask_witnesses(again_s=0)
    assert_the_old_holds(kept, site, assay)
    assert_the_new_keys_sign(kept, site, assay, tmp_path)
    assert_the_stolen_ones_do_not(kept, assay, tmp_path)


def assert_the_old_holds(kept, site, assay):
    """By the keys of then, which the site still names."""
    named = {one["key"] for one in httpx2.get(f"{site}/api/log").json()["keys"]}
    about = kept.about
    assert {about["log_key"], about["operator_key"], about["evaluator_key"]} <= named
    assert assay("log", "verify", kept.receipt, "--key", about["log_key"])[0] == 0
    claims = verify(kept.jws, about["operator_key"], now_ms=actions.ms(story.at(200)))
    assert claims.grant == kept.grant
    assert f"--key {about['operator_key']}" in httpx2.get(f"{site}/licences/{kept.grant}/").text
    scores = Message.objects.filter(kind__startswith="submission.", signer=about["evaluator_key"])
    assert scores.exists()


def assert_the_new_keys_sign(kept, site, assay, folder):
    """And whoever followed the old ones follows: auditor, mirror, witness."""
    now = httpx2.get(f"{site}/api/log").json()
    assert {name for name in now if name.endswith("_key") and now[name] != kept.about[name]} == {
        "log_key", "operator_key", "evaluator_key",
    }  # fmt: skip
    assert assay("log", "receipt", kept.order, "--out", folder / "new")[0] == 0
    fresh = folder / "new" / f"{kept.order}.tlog-proof"
    assert assay("log", "verify", fresh, "--key", now["log_key"])[0] == 0
    code, audited = assay("audit", site)
    assert (code, "extends the" in audited["checks"][1]["text"]) == (0, True), audited
    assert assay("audit", site, "--key", kept.about["log_key"])[0] == 0
    assert assay("log", "export", site, "--out", kept.mirror)[0] == 0
    assert assay("audit", kept.mirror)[0] == 0
    assert assay("explain", "buyer", "--from", kept.mirror)[0] == 0
    newest = queries.latest_checkpoint()
    assert queries.witness("w.example").size == newest.size == queries.log_size()


def assert_the_stolen_ones_do_not(kept, assay, folder):
    """Not an order, not a sign-in, not a tree."""
    path = folder / "home" / "keys" / "default.key"
    stolen = keys.read_key(next(path.parent.glob("default.key.retired-*")))
    path.unlink()
    keys.write_key(path, stolen)
    assert assay("keys", "rotate")[1]["code"] == "log.key_revoked"
    assert assay("auth", "login", "--account", "holder")[0] == 4
    shutil.copytree(kept.mirror, folder / "good")
    forge(kept.mirror, kept.log_key)
    code, refused = assay("audit", kept.mirror)
    assert (code, refused["checks"][-1]["name"]) == (6, "checkpoint"), refused
    code, refused = assay("log", "import", kept.mirror, folder / "good")
    assert (code, refused["facts"]["reason"]) == (6, "key"), refused
    now = json.loads((folder / "good" / "log.json").read_text())["log_key"]
    explained = assay("explain", "buyer", "--from", kept.mirror, "--key", now)
    assert (explained[0], explained[1]["code"]) == (6, "log.key_not_announced"), explained


def forge(mirror, key):
    """The newest tree, signed by a key that was exchanged before it."""
    about = json.loads((mirror / "log.json").read_text())
    stated = notes.Checkpoint(about["origin"], about["size"], bytes.fromhex(about["root"]))
    public = key.public_key().public_bytes_raw()
    about["log_key"] = notes.verifier_key(about["origin"], notes.LOG_KEY, public)
    (mirror / "log" / "checkpoint").write_text(notes.sign_checkpoint(stated, key))
    (mirror / "log.json").write_text(json.dumps(about))
