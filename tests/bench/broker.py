"""`make bench-broker`: how many messages wait on a site whose broker is files.

    python -m tests.bench.broker --minutes 10    writes its page among the benchmarks
    python -m tests.bench.broker --minutes 1     a short look, which writes nothing

A real site with a tick each second takes 20 small entries, in five bursts of four over the first
two thirds of the time, and scores them. Twice a second the messages that no worker has taken are
counted. Exit 1 when five or more ever waited, or when not every entry got its score.
"""

import argparse
import json
import sys
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from config.demo.miner import Miner
from tests.bench.ledger import machine
from tests.journeys.running import Site, running_site

OUT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks"
ENTRIES, BURSTS, MINERS = 20, 5, 2
EVERY_S = 0.5
TOO_MANY = 5
FULL_MINUTES = 10
CONTEST = "broker"
PAGE = """# How many messages wait

Written by `make bench-broker`; every number comes from [broker.json](broker.json). Machine:
{cpu}, {cpus} CPUs, {date}.

The site is a real one whose broker is files, the default of a machine without redis, with a tick of
the clock each second. {entries} small entries come in by the command line, four at a time, and are
scored. Twice a second the messages that no worker has taken are counted.

| what | measured | goal |
|---|---|---|
| minutes | {minutes} | {full} |
| entries scored | {scored} | {entries} |
| most messages that ever waited | {most} | below {too_many} |
| times that messages were counted | {looks} | |

How often so many waited: {shown}.
"""


@dataclass
class Tally:
    """What was counted: so many waiting -> how often; and of which queues when it was the most."""

    seen: Counter[int] = field(default_factory=Counter)
    at_most: dict[str, int] = field(default_factory=dict)

    @property
    def most(self) -> int:
        return max(self.seen, default=0)

    def look(self, folder: Path) -> None:
        """Count the messages in a broker's folder."""
        queues = waiting(folder)
        if queues.total() > self.most:
            self.at_most = dict(queues)
        self.seen[queues.total()] += 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=FULL_MINUTES)
    minutes = parser.parse_args().minutes
    with TemporaryDirectory(prefix="assay-bench-broker-") as place:
        told = measure(Path(place), minutes)
    sys.stdout.write(json.dumps(told, indent=1) + "\n")
    if minutes >= FULL_MINUTES:
        write({**told, "machine": machine()})
    return status(told)


def measure(folder: Path, minutes: float) -> dict[str, Any]:
    """Run the site; what was counted, and how many entries have a score at the end."""
    with running_site(folder, CELERY_BROKER_URL="filesystem://localhost") as site:
        site.publish(CONTEST, board=40)
        miners = [site.miner(f"miner{number}") for number in range(MINERS)]
        tally = Tally()
        with ThreadPoolExecutor(1) as pool:
            entering = pool.submit(enter, site, miners, minutes * 60)
            watch(site, tally, entering, until_s=time.monotonic() + minutes * 60)
        scored = scored_of(site)
    return {
        "minutes": minutes,
        "entries": ENTRIES,
        "scored": scored,
        "looks": tally.seen.total(),
        "most": tally.most,
        "at_most": tally.at_most,
        "seen": dict(sorted(tally.seen.items())),
    }


def enter(site: Site, miners: list[Miner], within_s: float) -> None:
    """Hand in every entry, in bursts that begin in the first two thirds of the time."""
    begun_s = time.monotonic()
    for number in range(ENTRIES):
        burst, place = divmod(number, ENTRIES // BURSTS)
        if place == 0:
            time.sleep(max(0, begun_s + within_s * burst / (BURSTS * 1.5) - time.monotonic()))
        miner = miners[number % MINERS]
        miner.assay("submit", str(site.adapter(number)), "-c", CONTEST, "--no-check")


def watch(site: Site, tally: Tally, entering: Future[None], *, until_s: float) -> None:
    """Tend the site and count, to the end of the time and until nothing is left to score."""

    def is_over() -> bool:
        time.sleep(EVERY_S)
        tally.look(site.plan.data / "broker")
        if time.monotonic() < until_s or not entering.done():
            return False
        entering.result()
        return scored_of(site) == ENTRIES

    site.until(is_over, f"scores of {ENTRIES} entries")


def scored_of(site: Site) -> int:
    """How many entries have a score, as every auditor sees it."""
    rows = site.anyone.get("/api/state/competitions.Submission?limit=500").json()["rows"]
    return sum(row["state"] == "scored" for row in rows)


def waiting(folder: Path) -> Counter[str]:
    """Queue -> messages that no worker has taken."""
    return Counter(path.name.rsplit(".", 2)[1] for path in folder.glob("*.msg"))


def status(told: dict[str, Any]) -> int:
    """The exit status of a run."""
    return 0 if told["most"] < TOO_MANY and told["scored"] == told["entries"] else 1


def write(told: dict[str, Any]) -> None:
    """The run as JSON and as a page."""
    shown = ", ".join(f"{number}: {times} times" for number, times in told["seen"].items())
    goals = {"full": FULL_MINUTES, "too_many": TOO_MANY, "shown": shown}
    (OUT / "broker.json").write_text(json.dumps(told, indent=1) + "\n")
    (OUT / "broker.md").write_text(PAGE.format(**{**told["machine"], **told, **goals}))


if __name__ == "__main__":
    sys.exit(main())
