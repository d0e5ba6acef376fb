"""A running site for a journey: real processes, a small competition, miners at the command line."""

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from assay.cli.main import app
from config.demo.miner import Miner
from config.demo.site import begin, manage, plan_site
from config.demo.telling import Telling
from config.demo.visitor import Visitor
from tests.evaluator import makers
from workers.supervisor import Plan, Supervisor

SPONSOR, AUTHOR = "orchard", "sentence-lab"
LIMIT_S = 1800  # for what never happens
LOOKS_EVERY_S = 0.25  # each look is a request, which the site's processes are kept waiting by


class Site:
    """A site under its supervisor, tended by the test's own thread."""

    def __init__(self, plan: Plan, supervisor: Supervisor, folder: Path) -> None:
        self.plan, self.supervisor, self.folder = plan, supervisor, folder
        self.url = plan.address.rstrip("/")
        self.sponsor, self.anyone = (Visitor(self.url, name) for name in (SPONSOR, "anyone"))

    def until(self, holds, what: str):
        """Tend the site until `holds()` answers something true; that is the answer."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            self.supervisor.tend()
            if answer := holds():
                return answer
            time.sleep(LOOKS_EVERY_S)
        logs = {path.name: path.read_text()[-1500:] for path in (self.plan.data / "log").iterdir()}
        raise AssertionError(f"{what} did not happen in {LIMIT_S} s: {json.dumps(logs, indent=1)}")

    def publish(self, name: str, *, board: int, open_s: int = 3600, quota: int = 10) -> None:
        """A competition of the sponsor with so many examples on its board, by the wizard."""
        draft = str(self.sponsor.post("/sponsor/", {}).url).split("/drafts/")[1].split("/")[0]
        base = f"/sponsor/drafts/{draft}"
        task = {"title": name.title(), "competition": name, "summary": "Small and quick."}
        self.sponsor.post(f"{base}/task/", task)
        data = {"base": "minilm-l6-v2", "metric": "accuracy", "max_tokens": "32"}
        self.sponsor.post(f"{base}/data/", data, self._files(name, makers_rows(name, board)))
        prize = {"prize": "100", "curve": "2,1", "dispute": "0 s", "window": "1 day"}
        prize |= {"quota": str(quota), "closes_in": f"{open_s} s"}
        self.sponsor.post(f"{base}/prize/", prize)
        terms = {"commercial": "none", "train": "none", "data_share": "10"}
        self.sponsor.post(f"{base}/terms/", terms)
        self.sponsor.post(f"{base}/dry-run/", {})
        self.until(lambda: "Baseline score" in self.sponsor.get(f"{base}/review/").text, "dry run")
        self.sponsor.post(f"{base}/publish/", {})
        path = f"/api/competitions/{name}"
        self.until(lambda: self.anyone.get(path).json()["state"] == "open", "opening")

    def state_of(self, entry: str) -> str:
        """Where an entry stands, as every auditor sees it."""
        rows = self.anyone.get("/api/state/competitions.Submission?limit=500").json()["rows"]
        return next(str(row["state"]) for row in rows if row["id"] == entry)

    def miner(self, name: str) -> Miner:
        """A miner with a key and a session."""
        made = Miner(name, self.url, self.folder / name)
        made.home.mkdir(parents=True, mode=0o700)
        made.assay("auth", "login", "--account", name)
        return made

    def adapter(self, number: int) -> Path:
        """A folder with an honest adapter of its own."""
        folder = self.folder / f"adapter-{number}"
        folder.mkdir()
        config, tensors = makers.adapter(f"trainer {number}", lora_alpha=4 + number)
        (folder / "adapter_config.json").write_bytes(config)
        (folder / "adapter_model.safetensors").write_bytes(tensors)
        return folder

    def messages(self, kind: str) -> int:
        """How many messages of a kind the log has."""
        with closing(sqlite3.connect(self.plan.data / "assay.db")) as held:
            count = held.execute("SELECT count(*) FROM ledger_message WHERE kind = ?", [kind])
            return int(count.fetchone()[0])

    def _files(self, competition: str, rows: dict[str, list[dict[str, str]]]) -> dict[str, Path]:
        folder = self.folder / f"rows of {competition}"
        folder.mkdir()
        for name, lines in rows.items():
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / f"{name}.jsonl").write_text(text)
        return {name: folder / f"{name}.jsonl" for name in rows}


def commands(home: Path, url: str) -> Callable[..., tuple[int, dict[str, Any]]]:
    """assay(*words) -> (exit code, its JSON answer): the command line, in this process."""

    def assay(*words: object) -> tuple[int, dict[str, Any]]:
        told = {"ASSAY_HOME": str(home), "ASSAY_URL": url}
        answer = CliRunner().invoke(app, [*map(str, words), "--json"], env=told)
        return answer.exit_code, json.loads((answer.stdout or answer.stderr).splitlines()[-1])

    return assay


def makers_rows(competition: str, board: int) -> dict[str, list[dict[str, str]]]:
    """Rows whose labels are the ones that tests/evaluator/makers.py builds heads for."""
    labels = makers.LABELS
    sizes = {"train": 40, "public": 12, "board": board, "final": 100}
    return {
        name: [
            row(f"{competition} {name}", number, labels[number % len(labels)])
            for number in range(size)
        ]
        for name, size in sizes.items()
    }


def row(name: str, number: int, label: str) -> dict[str, str]:
    return {"text": f"{name} {number} {words(name, number)}", "label": label}


def words(name: str, number: int) -> str:
    """Words that differ from row to row, so that no two rows are near-duplicates."""
    made = makers.pseudo(f"{name}{number}", (12,))
    return " ".join(f"w{int(abs(one) * 90000)}" for one in made)


@contextmanager
def running_site(folder: Path, **environment: str) -> Iterator[Site]:
    """Start a site in `folder`, with more environment; everything is ended afterwards."""
    plan = plan_site(folder / "data", 0, **environment)
    supervisor = begin(plan, Telling())
    try:
        site = Site(plan, supervisor, folder)
        with Visitor(site.url, AUTHOR) as author:
            author.sign_up()
        site.sponsor.sign_up(play_money=True)
        manage(plan, "register_base", "minilm-l6-v2", "--author", AUTHOR)
        yield site
        manage(plan, "replay")  # whatever happened in the journey, its tables follow from its log
    finally:
        supervisor.stop()


def sandbox_of(worker: int) -> set[int]:
    """The processes of a sandbox under a worker: its zygotes and their jails."""
    return {pid for pid in descendants(worker) if is_sandbox(pid)}


def descendants(pid: int) -> set[int]:
    """Every process that a process has started, directly or not, and that still runs."""
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        children = children_of(waiting.pop()) - found
        found |= children
        waiting += children
    return found


def children_of(pid: int) -> set[int]:
    """The processes that a process has started and that still run."""
    found: set[int] = set()
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found |= {int(one) for one in task.read_text().split()}
    return found


def is_sandbox(pid: int) -> bool:
    """True while this is a process of a sandbox."""
    try:
        return b"workers.sandbox.zygote" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def end_now(pid: int) -> None:
    """kill -9."""
    os.kill(pid, 9)
