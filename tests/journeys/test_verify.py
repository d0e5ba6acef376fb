"""docs/verify.md, section 8, as a stranger would run it: each block, against a site that runs."""

import os
import re
import shutil
import subprocess

import pytest

from config import env
from ledger import actions
from ledger.models import Checkpoint, Message
from tests.laws import story
from workers import record

PAGE = (env.HOUSE / "docs" / "verify.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("## 8. With public tools only")[2].partition("\n## ")[0]
BLOCK = re.compile(r"```(sh|python)\n(.*?)```", re.DOTALL)
NAME = re.compile(r"Save this as `(\w+\.py)`")
NEEDED = ("bash", "curl", "openssl", "python3", "base64", "sed", "od", "sha256sum")
TIME_LIMIT_S = 900


def script():
    """All shell blocks in their order; each Python block is saved where the page says so."""
    lines, at = ["set -euo pipefail"], 0
    for hit in BLOCK.finditer(SECTION):
        if hit[1] == "python":
            name = NAME.findall(SECTION[at : hit.start()])[-1]
            lines.append(f"cat > {name} <<'END'\n{hit[2]}END")
        else:
            lines.append(hit[2])
        at = hit.end()
    return "\n".join(lines)


@pytest.fixture
def site(told, witness, live_server):
    """A site after the whole story, with a witness that cosigned its newest checkpoint."""
    for name in NEEDED:
        if shutil.which(name) is None:
            pytest.skip(f"no {name}: the commands of docs/verify.md are not run")
    record.ask_witnesses()
    return live_server.url


def bash(folder, site, lines, **more):
    folder.mkdir(exist_ok=True)
    place = {"SITE": site, "PATH": os.environ["PATH"], **more}  # noqa: TID251 - for a child
    return subprocess.run(
        ["bash", "-c", lines],
        cwd=folder,
        env=place,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )


def test_every_block_of_the_page_runs_and_holds_on_a_good_site(site, tmp_path):
    name, _ = actions.store([b"public"], owner="operator", limit_bytes=9, now=story.NOW)
    actions.publish_blob(name, now=story.NOW)
    item = Message.objects.get(log_index=11).item
    done = bash(tmp_path / "x", site, script(), ITEM=item, FILES=name)
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout
    assert said.count("Signature Verified Successfully") == 3, said
    size = Checkpoint.objects.order_by("-size").first().size
    assert f"checkpoint {size} entries give the signed root" in said
    assert f"in the log of {size} entries at 11" in said
    assert name in said


def test_without_an_id_the_newest_message_of_the_page_is_taken(site, tmp_path):
    done = bash(tmp_path / "x", site, script())
    assert done.returncode == 0, done.stdout + done.stderr
    assert "in the log of" in done.stdout


@pytest.mark.parametrize(
    ("before", "change"),
    [
        ('pem "$LOG_KEY" > log.pem\n', "sed -i '2s/[0-9]$/0/;2s/[1-9]$/0/' text; echo 9 >> text\n"),
        ("openssl pkeyutl -verify -pubin -inkey owner.pem", "printf x >> said\n"),
        ("python3 receipt.py receipt entry", "printf x >> entry\n"),
        ("python3 tree.py", "sed -i '3s/^./#/;3s/^#/A/' checkpoint; sed -i '2s/$/1/' checkpoint\n"),
        ("  tail -c 64 line > seen.signature", "printf x >> seen\n"),
    ],
)  # fmt: skip
def test_what_is_not_as_it_was_signed_ends_the_script(site, tmp_path, before, change):
    """Guards each check: change what it reads just before, and it must fail."""
    whole = script()
    assert whole.count(before) == 1, "the page has changed; name the line anew"
    done = bash(tmp_path / "x", site, whole.replace(before, change + before))
    assert done.returncode != 0, done.stdout
