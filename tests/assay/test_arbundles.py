"""The public package reads our items, and we read its: needs Node; `make test` fetches it."""

import json
import shutil
import subprocess

import pytest

from assay import items
from config import env
from tests.assay import foreign

FOLDER = env.HOUSE / "var" / "arbundles"
TIME_LIMIT_S = 900
TAGS = [("Kind", "account.open"), ("Title", "adaptateur é漢")]
WALLETS = {
    "rsa": foreign.rsa_wallet,
    "ed25519": foreign.ed25519_wallet,
    "ethereum": foreign.ethereum_wallet,
}


def ask(mode, given=None):
    """What the package answers, as JSON."""
    node = shutil.which("node")
    if not node or not (FOLDER / "node_modules" / "arbundles").is_dir():
        how = "`make oracle`" if node else "install Node and npm, then `make oracle`"
        pytest.skip(f"no arbundles: items are not compared with the public package; {how}")
    script = env.HOUSE / "tests" / "assay" / "arbundles" / "check.mjs"
    done = subprocess.run(
        [node, script, FOLDER, mode],
        input=json.dumps(given or {}),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_we_read_and_verify_every_item_of_the_public_package():
    made = ask("make")
    assert len(made) == 15
    for name, told in made.items():
        raw = items.from_b64url(told["item"])
        item = items.read_strict(raw)
        assert item.encode() == raw, name
        assert item.id == told["id"], name
        tags = [{"name": key.decode(), "value": value.decode()} for key, value in item.tags]
        assert tags == told["tags"], name


def test_the_public_package_reads_and_verifies_our_items_and_refuses_a_changed_one():
    made = {who: foreign.signed(wallet(), TAGS) for who, wallet in WALLETS.items()}
    given = {who: items.b64url(item.encode()) for who, item in made.items()}
    for who, item in made.items():
        raw = item.encode()
        given[f"{who} changed"] = items.b64url(raw[:-1] + bytes([raw[-1] ^ 1]))
    told = ask("verify", given)
    for who, item in made.items():
        assert told[who] == {"id": item.id, "valid": True, "tags": [list(one) for one in TAGS]}
        assert told[f"{who} changed"]["valid"] is False
