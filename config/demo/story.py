"""The story, scene by scene, through public doors only: web forms, the command line, the API."""

import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config.demo.hostile import poison
from config.demo.miner import Miner
from config.demo.site import BASE, manage
from config.demo.telling import StoryBroken, Telling
from config.demo.visitor import Visitor
from evaluator.task.splitting import SLICES
from workers.supervisor import Plan

COMPETITION = "which-library"
AUTHOR, SPONSOR, BUYER, CONTRIBUTOR = "sentence-lab", "orchard", "northwind", "docwriters"
TASK = {
    "title": "Which library is this docstring from?",
    "competition": COMPETITION,
    "summary": "Tell eight Python libraries apart by one docstring; their names are masked.",
}
DATA = {
    "base": BASE,
    "metric": "accuracy",
    "max_tokens": "48",
}
PRIZE = {"prize": "1000", "curve": "8,4,2,1", "dispute": "1 s", "quota": "5", "window": "1 day"}
TERMS = {
    "commercial": "fee",
    "commercial_fee": "100",
    "derive_share": "10",
    "train": "none",
    "data_share": "10",
    "contributors": f"{CONTRIBUTOR} 3\n{SPONSOR} 1",
}


@dataclass(frozen=True)
class Pace:
    """How much is trained and scored, and how long the competition is open.

    examples  of each class in the training, the public, the board and the final slice
    open_s    at least; DRY_RUNS dry runs where they take longer
    runs      who trains: steps, seed, and after how many steps an early adapter is kept and
              entered first; 0: none
    """

    examples: tuple[int, int, int, int]
    runs: Mapping[str, tuple[int, int, int]]
    open_s: int


DRY_RUNS = 8  # what miners and workers do meanwhile takes seven on an idle machine
LATE = 0.88  # of the time, just before the last tenth: who is not done by then needs more of it
LICENSED_WITHIN_S = 600  # a machine that is busy with other things; the sweep comes every 5 s
FULL = Pace((160, 8, 24, 32), {"ada": (12, 1, 4), "ben": (22, 2, 0)}, 45)
QUICK = Pace((80, 6, 12, 24), {"ada": (8, 1, 3), "ben": (12, 2, 0)}, 45)


@dataclass
class Story:
    """Everything the scenes hand to each other."""

    plan: Plan
    folder: Path
    telling: Telling
    url: str
    pace: Pace = FULL
    visitors: dict[str, Visitor] = field(default_factory=dict)
    miners: dict[str, Miner] = field(default_factory=dict)
    trained: set[str] = field(default_factory=set)
    closes_s: float = 0.0
    late: threading.Timer = field(default_factory=lambda: threading.Timer(0, int))

    def play(self) -> None:
        """All scenes in order. raises StoryBroken at the first step that does not hold"""
        scenes = (
            ("people", self.people),
            ("data", self.data),
            ("sponsor", self.sponsor),
            ("training", self.training),
            ("close", self.close),
        )
        for name, scene in scenes:
            with self.telling.stage(name):
                scene()

    def people(self) -> None:
        """Everybody who uses the web site signs up; the base model gets its author."""
        for name in (AUTHOR, SPONSOR, BUYER, CONTRIBUTOR):
            visitor = Visitor(self.url, name)
            visitor.sign_up(play_money=name in (SPONSOR, BUYER))
            self.visitors[name] = visitor
        self.telling.say("people", f"{AUTHOR}, {SPONSOR}, {BUYER} and {CONTRIBUTOR} signed up")
        manage(self.plan, "register_base", BASE, "--author", AUTHOR, "--share", "5")
        self.telling.say("author", f"{BASE} is a licensed work of {AUTHOR}: 5% of what it earns")

    def data(self) -> None:
        """Docstrings of installed packages, masked and cut into four slices."""
        command = [sys.executable, "-m", "evaluator", "docstrings", "--out", str(self.data_folder)]
        slices = zip((f"--{name}" for name in SLICES), self.pace.examples, strict=True)
        sizes = [str(part) for pair in slices for part in pair]
        subprocess.run([*command, *sizes], check=True, capture_output=True)
        rows = {one.stem: len(one.read_bytes().splitlines()) for one in self.data_folder.iterdir()}
        self.telling.facts["rows"] = rows
        self.telling.say(SPONSOR, f"cut docstrings into {rows}")

    @property
    def data_folder(self) -> Path:
        return self.folder / "docstrings"

    def sponsor(self) -> None:
        """The wizard, the dry run, the stake."""
        sponsor = self.visitors[SPONSOR]
        page = sponsor.post("/sponsor/", {})
        draft = str(page.url).split("/drafts/")[1].split("/")[0]
        base = f"/sponsor/drafts/{draft}"
        sponsor.post(f"{base}/task/", TASK)
        files = {name: self.data_folder / f"{name}.jsonl" for name in SLICES}
        sponsor.post(f"{base}/data/", DATA, files)
        sponsor.post(f"{base}/terms/", TERMS)
        begun_s = time.monotonic()
        sponsor.post(f"{base}/dry-run/", {})
        self._wait_for_dry_run(base)
        took_s = time.monotonic() - begun_s
        self.telling.say(SPONSOR, f"dry run in the sandbox took {took_s:.0f} s")
        open_s = max(self.pace.open_s, int(DRY_RUNS * took_s))
        sponsor.post(f"{base}/prize/", {**PRIZE, "closes_in": f"{open_s} s"})
        sponsor.post(f"{base}/publish/", {})
        self.closes_s = time.monotonic() + open_s
        self.late = threading.Timer(LATE * open_s, self._put_off, [open_s])
        self.late.daemon = True
        self.late.start()
        found = sponsor.get(f"/api/competitions/{COMPETITION}").json()
        self.telling.facts |= {
            "baseline_board": found["baseline_e9"],
            "evaluator": found["manifest_sha256"],
            "open_s": open_s,
        }
        self.telling.say(
            SPONSOR,
            f"evaluator {found['manifest_sha256'][:16]}..., baseline {found['baseline_e9']}",
        )
        self.telling.say(SPONSOR, f"1000 tokens and the bond are in escrow; open for {open_s} s")

    def _put_off(self, open_s: int) -> None:
        """The machine is busier than during the dry run: the sponsor puts the close off, once.

        By as much as can be while somebody trains; afterwards half of that is plenty.
        """
        by_s = open_s if len(self.trained) < len(self.pace.runs) else open_s // 2
        sponsor = self.visitors[SPONSOR]
        shown = sponsor.get(f"/api/competitions/{COMPETITION}").json()["closes_at_ms"]
        told = {"by": f"{by_s} s", "closes_at_ms_shown": str(shown)}
        sponsor.post(f"/competitions/{COMPETITION}/extend/", told)
        self.closes_s += by_s
        self.telling.say(SPONSOR, f"put the close off by {by_s} s: the miners need more time")

    def _wait_for_dry_run(self, base: str) -> None:
        sponsor = self.visitors[SPONSOR]
        with self.telling.waiting(SPONSOR, "the dry run pins the task and measures the base"):
            while "Baseline score" not in (page := sponsor.get(f"{base}/review/").text):
                if "Start it again" in page:
                    raise StoryBroken("the dry run was refused")
                time.sleep(0.5)

    def training(self) -> None:
        """Two miners at once: keys, files, a LoRA each, the local check, the entry.

        One of them tries a hostile adapter as well.
        """
        failures: list[BaseException] = []

        def mine(name: str) -> None:
            try:
                self.mine(name, *self.pace.runs[name])
                if name == "ben":
                    self.hostile()
            except (
                StoryBroken,
                OSError,
                ValueError,
                KeyError,
                subprocess.SubprocessError,
            ) as error:
                failures.append(error)

        threads = [threading.Thread(target=mine, args=(name,)) for name in self.pace.runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.late.cancel()
        if failures:
            raise failures[0]

    def mine(self, name: str, steps: int, seed: int, early: int) -> None:
        """One miner's way from a key to a score."""
        miner = self.miners.get(name) or self._new_miner(name)
        folder, adapter = miner.home / COMPETITION, miner.home / f"adapter-{steps}"
        begun_s = time.monotonic()
        options = {"--out": adapter, "--steps": steps, "--seed": seed}
        options |= {"--keep-every": early}
        words = [str(part) for pair in options.items() for part in pair]
        with self.telling.waiting(name, "training", miner.last_words):
            done = miner.run("train", str(folder), *words, "--threads", "1")
        if done.returncode:
            raise StoryBroken(
                f"{name}: training ended with {done.returncode}: {done.stderr[-800:]}"
            )
        took_s = time.monotonic() - begun_s
        self.trained.add(name)
        self.telling.say(name, f"trained a LoRA, {steps} steps, in {took_s:.0f} s")
        if early:
            kept = adapter.with_name(f"{adapter.name}-step-{early}")
            state = self.enter(miner, kept, f"{name} at {early}")
            self.telling.say(name, f"entered an early adapter, {_answer(state)}")
        state = self.enter(miner, adapter, f"{name} at {steps}")
        self.telling.say(name, f"entered {state['id'][:12]}..., {_answer(state)}")
        if early:
            self.nominate(miner, state)

    def nominate(self, miner: Miner, state: Any) -> None:
        """Let this entry decide alone: the early one stays the miner's secret."""
        told = miner.assay("nominate", state["id"], "-c", COMPETITION)
        named = [one["id"] for one in told["decide"]]
        self.telling.check("nominated", holds=named == [state["id"]], says=str(told))
        self.telling.say(
            miner.name, f"nominated {state['title']!r}: it alone decides for {miner.name}"
        )

    def enter(self, miner: Miner, adapter: Path, title: str, *more: str, **told: bool) -> Any:
        """Submit an adapter and wait for the verdict."""
        words = ("submit", str(adapter), "-c", COMPETITION, "--wait", "--title", title)
        with self.telling.waiting(miner.name, f"checking and entering {title!r}", miner.last_words):
            return miner.assay(*words, *more, **told)

    def _new_miner(self, name: str) -> Miner:
        miner = Miner(name, self.url, self.folder / "homes" / name)
        miner.home.mkdir(parents=True, mode=0o700)
        miner.assay("auth", "login", "--account", name)
        miner.assay("competitions", "download", COMPETITION, "--out", str(miner.home / COMPETITION))
        self.miners[name] = miner
        self.telling.say(name, "made a key, signed in, downloaded the competition")
        return miner

    def hostile(self) -> None:
        """An adapter with a key too many: refused by the server too, and no quota is lost."""
        miner = self.miners["ben"]
        bad = poison(miner.home / f"adapter-{self.pace.runs['ben'][0]}", miner.home / "hostile")
        local = miner.run("check", str(bad), "-c", str(miner.home / COMPETITION))
        self.telling.check("check_refuses_hostile", holds=local.returncode == 5, says=local.stdout)
        error = self.enter(miner, bad, "hostile", "--no-check", refused=True)
        code = error.get("code") or error.get("refused", {}).get("code", "")
        self.telling.facts["refused"] = [{"owner": "ben", "code": code}]
        self.telling.check("hostile_refused", holds=code == "adapter.key_unknown", says=str(error))
        self.telling.say("ben", f"hostile adapter refused: {code}; its run is given back")

    def close(self) -> None:
        """Wait for the clock: close, final slice, payout."""
        watcher = self.visitors[BUYER]
        path = f"/api/competitions/{COMPETITION}"
        for state in (("closed", "verifying"), ("provisional",), ("settled",)):
            later = ("closed", "verifying", "provisional", "settled")
            wanted = later[later.index(state[0]) :]
            with self.telling.waiting("clock", f"until it is {state[-1]}", self._how_far):
                found = watcher.wait_for(path, "state", (*wanted, "cancelled", "aborted"))
            self.telling.say("clock", f"the competition is {found['state']}")
        self.telling.check("settled", holds=found["state"] == "settled", says=str(found["state"]))
        board = watcher.get(f"{path}/leaderboard").json()
        self.telling.facts["board"] = board
        self._wait_for_works()

    def _how_far(self) -> str:
        """What the competition waits for: its close, or final scores."""
        with Visitor(self.url, "watcher") as watcher:
            found = watcher.get(f"/api/competitions/{COMPETITION}").json()
            rows = watcher.get("/api/state/competitions.Submission?limit=500").json()["rows"]
        if found["state"] == "open":
            return f"it closes in {max(0, self.closes_s - time.monotonic()):.0f} s"
        decide = [one for one in rows if one["is_nominated"]]
        done = sum(one["state"] in {"final_scored", "revealed"} for one in decide)
        return f"{done} of {len(decide)} final scores"

    def _wait_for_works(self) -> None:
        until_s = time.monotonic() + LICENSED_WITHIN_S
        paid = [one for one in self.telling.facts["board"]["items"] if int(one["prize_nano"] or 0)]
        winners = max(1, len(paid))
        with self.telling.waiting("clock", "until the winners are works"):
            while len(adapters := self._works_of_winners()) < winners:
                if time.monotonic() > until_s:
                    raise StoryBroken(f"{len(adapters)} of {winners} winning adapters became works")
                time.sleep(0.5)
        self.telling.facts["works"] = adapters
        self.telling.say("clock", f"{len(adapters)} winning adapters are licensed works")

    def _works_of_winners(self) -> list[Any]:
        works = self.visitors[BUYER].get("/api/works").json()["items"]
        return [one for one in works if one["kind"] == "adapter"]


def _answer(state: Mapping[str, Any]) -> str:
    """What the board tells of an entry that was run."""
    return f"board score {state['score']}" if "score" in state else str(state["answer"])
