"""The whole story, from a stake to a royalty, by real processes: a quick run of the demo.

Once as a bare machine plays it, with messages in files, and once with redis.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600), pytest.mark.slow]
HOUSE = Path(__file__).resolve().parents[2]


def test_the_story_holds_from_stake_to_royalty_on_a_bare_machine(tmp_path):
    data = the_story_holds(tmp_path / "demo", bare_machine(tmp_path / "bin"))
    assert (data / "broker").is_dir()
    assert not (data / "redis").exists()


@pytest.mark.redis
def test_the_story_holds_from_stake_to_royalty_with_redis(tmp_path):
    data = the_story_holds(tmp_path / "demo", {})
    assert (data / "redis").is_dir()
    assert not (data / "broker").exists()


def bare_machine(folder):
    """Variables under which none of the optional programs is found."""
    script = HOUSE / "requirements" / "system.py"
    subprocess.run([sys.executable, str(script), "--bare", str(folder)], check=True)
    return {"PATH": str(folder), "ASSAY_BARE": "1"}


def the_story_holds(folder, more):
    """Play it; every step and every amount is as it must be. The site's data folder is returned."""
    command = [sys.executable, "-m", "config.demo", "--once", "--quick", "--folder", str(folder)]
    environment = os.environ | more  # noqa: TID251 - the demo inherits the machine
    done = subprocess.run(
        command, cwd=HOUSE, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    report = json.loads((folder / "report.json").read_text())
    assert all(report["checks"].values())
    assert len(report["scored"]) >= 3
    assert [one["code"] for one in report["refused"]] == ["adapter.key_unknown"]
    assert sum(int(one["amount_nano"]) for one in report["payout"]) == 1000 * 10**9
    assert sum(int(one["amount_nano"]) for one in report["royalty"]) == 100 * 10**9
    assert float(report["scored"][0]["interval"][0]) > float(report["baseline"]["sealed"])
    assert report["replay"]["equal"] is True or report["replay"].get("status") == "equal"
    return folder / "data"
