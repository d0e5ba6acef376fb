"""Runs in stages: nothing twice, nothing left out, and no more work than the race needs."""

import json
from dataclasses import replace

import pytest

from assay.messages import FileRef
from competitions import queries
from competitions.errors import EvaluationRefused
from competitions.rules import race
from competitions.rules.race import Track
from competitions.rules.spec import SEALED_FILES
from evaluator.evaluators.classification import ACCURACY
from evaluator.score import racing
from evaluator.score.racing import Race, Reason
from evaluator.score.rerun import receipt_of, rerun
from evaluator.score.results import ResultTree
from evaluator.task.manifest import RaceClause, to_bytes
from evaluator.task.slices import commitment, pack_inputs, pack_labels, single, unpack_inputs
from ledger import log
from tests import factories, racers
from tests.evaluator import makers
from tests.ledger.store import put_bytes
from workers import scoring
from workers.holding import Lease
from workers.sandbox.levels import Level
from workers.sandbox.runner import Outcome, Status
from workers.scoring import Work, race_on
from workers.stages import run_stages

RACE = Race(examples=120, block=5, alpha_ppm=10_000, points_cap=1, is_binary=True)
ORDER = racing.order_of(b"s" * 32, "an entry", 120)
FREE = Lease(lambda: None, 60)
ENDS = (10, 20, 30, 45, 65, 95, 120)


class Bench:
    """Computes class `place % 3` of each place, and counts."""

    def __init__(self, is_right=lambda place: True):
        self.places, self.jobs, self.is_right = [], 0, is_right

    def compute(self, places):
        self.jobs += 1
        self.places += places
        answers = tuple((place % 3 if self.is_right(place) else 9,) for place in places)
        return Outcome(Status.OK, answers, 1.5, 2.0, 100 * self.jobs, Level.FULL, "9" * 64)

    def records(self, answers, places):
        pairs = zip(answers, places, strict=True)
        return [int(one[0] == place % 3) for one, place in pairs]


def run(bench, rival=()):
    name = "a rival" if rival else ""
    track = Track(RACE, ORDER, name, tuple(rival))
    return run_stages(track, ACCURACY, bench.compute, bench.records)


def test_the_stages_of_a_finisher_are_the_whole_slice_and_nothing_is_computed_twice():
    bench = Bench()
    found = run(bench, rival=[1] * 120)
    assert found.look is None
    assert tuple(bench.places) == ORDER
    assert bench.jobs == len(ENDS)
    assert found.outcome.predictions == tuple((place % 3,) for place in range(120))
    assert (found.outcome.cpu_s, found.outcome.wall_s) == (1.5 * 7, 2.0 * 7)
    assert found.outcome.peak_bytes == 700
    assert found.numbers == (1,) * 120


def test_a_hopeless_entry_is_stopped_at_the_end_of_the_stage_that_told():
    bench = Bench(is_right=lambda place: place % 5 == 0)
    found = run(bench, rival=[int(place % 2) for place in ORDER])
    assert found.look.reason is Reason.EVIDENCE
    assert found.look.n <= len(bench.places) == len(found.numbers)
    stage = ENDS.index(len(bench.places))
    assert found.look.n > (ENDS[stage - 1] if stage else 0)
    assert found.outcome.predictions is None


def test_without_a_rival_even_a_hopeless_entry_runs_to_the_end():
    bench = Bench(is_right=lambda place: False)
    assert run(bench).look is None
    assert sorted(bench.places) == list(range(120))


# --- through the sandbox --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def task():
    """A raced task of 24 examples of the board on the real base, three classes."""
    inputs = single([[101, 2000 + 7 * at, 3000 + at, 102][: 3 + at % 2] for at in range(24)])
    labels = [at % 3 for at in range(24)]
    board = replace(makers.manifest().test.board, examples=24, units=24, tokens=84)
    test = replace(makers.manifest().test, board=board)
    race = RaceClause(3, 10_000, 1, "0" * 64)
    manifest = replace(makers.manifest(), test=test, race=race)
    return manifest, Work(None, pack_inputs(inputs), pack_labels(labels), part="board")


def track_of(rival=()):
    race = Race(24, 3, 10_000, 1, is_binary=True)
    order = racing.order_of(b"s" * 32, "an entry", 24)
    return Track(race, order, "a rival" if rival else "", tuple(rival))


def test_a_run_in_stages_gives_bits_that_its_receipt_gives_again(task, tmp_path, monkeypatch):
    """The site's run, a job a stage, and a stranger's rerun in one process agree leaf by leaf."""
    manifest, work = task
    kept = {}
    store = scoring.ledger_actions
    monkeypatch.setattr(store, "store_own", lambda raw, **_: kept.setdefault("raw", raw) and "8")
    assert len(racing.stage_ends(24, 3)) == 4
    result = race_on(manifest, work, track_of(), FREE)
    leaves = tuple(json.loads(kept["raw"])["leaves"])
    raw, inputs = to_bytes(manifest), work.inputs
    receipt = receipt_of(raw, inputs, None, ResultTree(leaves, result.results_root))
    (tmp_path / "manifest.json").write_bytes(raw)
    (tmp_path / "inputs.blob").write_bytes(inputs)
    found = rerun(replace(receipt, order=track_of().order), tmp_path)
    assert found.differing == ()
    assert len(unpack_inputs(inputs).examples) == result.examples == 24


def test_a_baseline_that_a_rival_beats_everywhere_is_stopped_in_the_sandbox(task):
    manifest, work = task
    wrong = replace(work, labels=pack_labels([2] * 24))
    stop, level, policy = race_on(manifest, wrong, track_of([1] * 24), FREE)
    assert (stop.rival, stop.examples) == ("a rival", 24)
    assert stop.records == "0" * (-(-stop.n // 4))
    assert stop.n < 24
    assert Level(level)
    assert len(policy) == 64


def test_what_breaks_in_a_stage_is_a_verdict_of_that_stage_alone(task, monkeypatch):
    """A jail that ends twice in the first stage: nothing of the others is run."""

    class Broken:
        level, policy_sha256, runs = Level.FULL, "9" * 64, 0

        def run(self, _):
            self.runs += 1
            return Outcome(Status.CRASH, None, 1.0, 1.0, 1, self.level, self.policy_sha256)

    broken = Broken()
    monkeypatch.setattr(scoring, "sandbox_of", lambda _: broken)
    with pytest.raises(EvaluationRefused):
        race_on(*task, track_of([1] * 24), FREE)
    assert broken.runs == 2


# --- from a leased piece of work to the fact ------------------------------------------------------


class Scale:
    """A sandbox that answers rightly for the first `right` places of the slice."""

    level, policy_sha256 = Level.FULL, "9" * 64

    def __init__(self):
        self.right, self.seen = 40, []

    def run(self, job):
        places = [rows[0].ids[1] - 2000 for rows in unpack_inputs(job.inputs).examples]
        self.seen += places
        rows = tuple(((place if place < self.right else place + 1) % 3,) for place in places)
        return Outcome(Status.OK, rows, 0.1, 0.1, 1, self.level, self.policy_sha256)


@pytest.fixture
def scale(db, monkeypatch):
    """An open competition whose task pins real blobs, and the scale that its worker uses."""
    slices = single([[101, 2000 + at, 102] for at in range(40)])
    packed = pack_inputs(slices), pack_labels([at % 3 for at in range(40)])
    names = (*(put_bytes(one) for one in packed), "f0" * 32, "f1" * 32)
    files = tuple(FileRef(*one, 1) for one in zip(SEALED_FILES, names, strict=True))
    task = makers.manifest()
    root = commitment(racers.SECRET, "board", *packed)
    board = replace(task.test.board, examples=40, units=40, tokens=120, commitment=root)
    clause = RaceClause(**vars(racers.TERMS))
    task = replace(task, test=replace(task.test, board=board), race=clause)
    monkeypatch.setattr(factories, "manifest", lambda *_: task)
    monkeypatch.setattr(factories, "sealed_files", lambda _: files)
    made = Scale()
    monkeypatch.setattr(scoring, "sandbox_of", lambda _: made)
    racers.contest()
    return made


def worked(scale, owner, number, right):
    """An entry that a worker has taken and done: its row."""
    factories.account(owner, "5")
    files = makers.adapter(owner, lora_alpha=number)
    names = [factories.blob(one, owner=owner).sha256 for one in files]
    body = factories.committed(owner, "docs", names, owner)
    order = log.order_for(owner, body, idempotency=owner)
    made = factories.entry.commit(order, now=factories.at(10 + number))
    return again(scale, made.id, right)


def again(scale, entry, right):
    scale.right, scale.seen = right, []
    scoring.score(**racers.lease(entry))
    return factories.as_its_owner_sees(entry)


def test_a_worker_scores_in_stages_stops_the_hopeless_and_runs_it_in_full_when_asked(scale):
    best = worked(scale, "ada", 1, 36)
    order = race.order_of(best, evaluator_of(best), racers.SECRET)
    assert (best.state, best.score_e9) == ("scored", 900_000_000)
    assert tuple(scale.seen) == order
    slow = worked(scale, "bob", 2, 6)
    assert (slow.state, slow.stop["rival"]) == ("eliminated", best.id)
    assert len(scale.seen) < 40
    order = race.order_of(slow, evaluator_of(slow), racers.SECRET)
    assert tuple(scale.seen) == order[: len(scale.seen)]
    racers.resumed(slow.id)
    slow = again(scale, slow.id, 6)
    assert (slow.state, slow.score_e9, slow.deposit) == ("scored", 150_000_000, "forfeited")
    assert tuple(scale.seen) == order
    assert factories.deadline.advance("docs", now=factories.at(601)) == ["closed", "verifying"]


def evaluator_of(entry):
    return queries.evaluator_row(queries.competition_row(entry.competition).spec.manifest_sha256)
