"""The whole story, from a stake to a royalty, by real processes: a quick run of the demo.

With redis where it is, else with messages in files. What a bare machine has, .ci/run plays before
the tests.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from requirements.system import program

pytestmark = [pytest.mark.journey, pytest.mark.timeout(3600), pytest.mark.slow]
HOUSE = Path(__file__).resolve().parents[2]


def test_the_story_holds_from_stake_to_royalty(tmp_path):
    data = the_story_holds(tmp_path / "demo")
    brokers = {"redis", "broker"} & {one.name for one in data.iterdir()}
    assert brokers == {"redis" if program("redis").path() else "broker"}


def the_story_holds(folder):
    """Play it; every step and every amount is as it must be. The site's data folder is returned."""
    command = [sys.executable, "-m", "config.demo", "--once", "--quick", "--folder", str(folder)]
    done = subprocess.run(command, cwd=HOUSE, capture_output=True, text=True, check=False)
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
