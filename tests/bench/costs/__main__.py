"""What the dearest request of each kind costs: `make bench-costs`. Table: docs/threat-model.md.

Each is made in a process of its own, on a fresh copy of a small site, by the doors that a stranger
has. Counted are seconds of CPU, the growth of memory, and bytes that stay in the data folder.
Clocks are not asked: they say what else the machine did.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[3]
NAMES = ("large_bodies", "accounts", "sign_ins", "summary", "drafts", "upload", "whole_table",
         "new_keys", "numbers", "brackets")  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="assay-costs-") as held:
        blank = Path(held) / "blank"
        run("prepare", blank)
        for name in NAMES:
            data = Path(held) / name
            shutil.copytree(blank, data)
            sys.stdout.write(run(name, data))
            sys.stdout.flush()
            shutil.rmtree(data)


def run(name: str, data: Path) -> str:
    """The line of JSON that a case's own process prints."""
    data.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "tests.bench.costs.cases", name, str(data)]
    environment = {**os.environ, "ASSAY_DATA": str(data), "PYTHONPATH": str(HOUSE)}  # noqa: TID251
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    done = subprocess.run(
        command, cwd=HOUSE, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return json.dumps({"case": name, "failed": done.stderr[-400:]}) + "\n"
    return done.stdout.splitlines()[-1] + "\n" if done.stdout.strip() else ""


if __name__ == "__main__":
    main()
