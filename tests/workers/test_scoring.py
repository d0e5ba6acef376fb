"""From a job's answers to a result: limits, records, the results file, the lease."""

import json
import time
from dataclasses import replace

import pytest

from competitions.actions import queue
from competitions.errors import CodeFailed, StaleAttempt
from competitions.models import Evaluation
from competitions.rules.task import SANDBOX_LEVELS
from evaluator.bases.shapes import GenericShape
from evaluator.score.results import result_tree
from evaluator.task.plan import batches
from evaluator.task.slices import Inputs, Row, pack_inputs, pack_labels, single
from ledger import blobs
from tests import factories
from tests.evaluator import makers
from tests.ledger.store import put_bytes
from tests.workers.test_leases import Script
from workers import bench, custom, limits, scoring, tasks
from workers.failures import InfrastructureFailed
from workers.holding import Lease, held
from workers.sandbox.levels import Level
from workers.sandbox.runner import Status
from workers.scoring import Work, job_for, score_on

ROWS = [[101, 7, 102], [101, 8, 9, 102], [101, 9, 102]]
WORK = Work(None, pack_inputs(single(ROWS)), pack_labels([0, 1, 1]), part="public")
FINAL = replace(WORK, part="final")
OURS = Lease(lambda: None, 300)
SIZES = {"examples": 3, "tokens": 10, "units": 3}
PINS = dict.fromkeys(("inputs_sha256", "labels_sha256", "root"), "0" * 64)


def task(**changed):
    test = {"public": SIZES | PINS, "board": SIZES | {"commitment": "0" * 64},
            "final": SIZES | {"commitment": "0" * 64}}  # fmt: skip
    return makers.manifest(test=test, **changed)


@pytest.fixture
def answering(monkeypatch):
    """answering(rows): a sandbox that gives these answers."""

    def one(*rows):
        script = Script((Status.OK, rows))
        monkeypatch.setattr(scoring, "sandbox_of", lambda base: script)
        monkeypatch.setattr(scoring, "is_known_here", lambda: True)
        return script

    return one


def job(manifest, work):
    return job_for(manifest, work, single(ROWS))


def test_limits_grow_with_the_tokens_and_end_somewhere():
    small = job(task(), FINAL)
    test = replace(task().test, final=replace(task().test.final, tokens=200_000))
    large = job(replace(task(), test=test), FINAL)
    assert large.wall_s > 2 * small.wall_s
    assert large.result_bytes > small.result_bytes
    endless = replace(test, final=replace(test.final, tokens=10**15, examples=10**9))
    assert job(replace(task(), test=endless), FINAL).wall_s == limits.MOST_S


def test_a_decoder_that_writes_has_time_and_room_for_every_token():
    silent, writing = single(ROWS), Inputs(single(ROWS).examples, (Row((2,), 500),))
    short, long = (job_for(task(), WORK, one) for one in (silent, writing))
    assert long.wall_s > short.wall_s
    assert long.result_bytes - short.result_bytes >= 500 * 3 * len("100000,")


@pytest.mark.django_db
def test_a_result_says_what_came_of_it_and_what_it_ran_under(answering):
    answering((0,), (1,), (0,))
    found = score_on(task(), FINAL, OURS)
    assert (found.score_e9, found.examples) == (666_666_667, 3)
    assert found.records == "c"  # 110, padded
    assert (found.sandbox_level, found.policy_sha256) == ("nocgroup", "9" * 64)


@pytest.mark.django_db
def test_a_machine_without_the_known_answers_does_no_work(answering, monkeypatch):
    script = answering((0,), (1,), (0,))
    monkeypatch.setattr(scoring, "is_known_here", lambda: False)
    with pytest.raises(InfrastructureFailed, match="known answer"):
        score_on(task(), FINAL, OURS)
    assert script.runs == 0


@pytest.mark.django_db
def test_a_final_score_of_a_generic_base_needs_two_runs_that_agree(answering, monkeypatch):
    """What transformers computes is not exact, so one run alone proves nothing."""
    shape = GenericShape("encoder", 384, 512, 30522, {"one": (1, 1)})
    base = replace(task().base, family="transformers", config=shape)
    generic, rows = replace(task(), base=base), [((0,), (1,), (0,)), ((0,), (1,), (1,))]
    answering()
    script = Script(*[(Status.OK, rows[0])] * 3)
    monkeypatch.setattr(scoring, "sandbox_of", lambda base: script)
    assert score_on(generic, FINAL, OURS).examples == 3
    assert score_on(generic, WORK, OURS).examples == 3
    assert script.runs == 3
    script = Script((Status.OK, rows[0]), (Status.OK, rows[1]))
    monkeypatch.setattr(scoring, "sandbox_of", lambda base: script)
    with pytest.raises(InfrastructureFailed, match="do not agree"):
        score_on(generic, FINAL, OURS)


def test_this_machine_gives_the_known_answer():
    assert bench.is_known_here()


@pytest.mark.django_db
def test_the_answers_are_kept_in_a_file_whose_leaves_give_the_root(answering):
    answering((0,), (1,), (0,))
    found = score_on(task(), WORK, OURS)
    file = json.loads(blobs.read(found.results_sha256, limit_bytes=1 << 20))
    assert file["version"] == "assay-results/1"
    plan = batches(single(ROWS).examples, budget_tokens=task().plan.budget_tokens)
    tree = result_tree(file["predictions"], plan)
    assert (list(tree.leaves), tree.root) == (file["leaves"], found.results_root)


def test_the_levels_that_a_sponsor_may_ask_for_are_those_of_the_sandbox():
    assert tuple(level.value for level in Level) == SANDBOX_LEVELS


# --- who takes the work, and for how long ---------------------------------------------------------


@pytest.fixture
def work(db):
    factories.competition(min_sandbox_level="full")
    factories.submission()
    return Evaluation.objects.get()


def test_a_worker_below_the_least_level_leaves_the_work_to_others(work, monkeypatch):
    monkeypatch.setattr(bench, "level_here", lambda: Level.NOCGROUP)
    tasks.score_next()
    work.refresh_from_db()
    assert (work.fence, work.attempts, work.leased_until) == (0, 0, None)


def test_a_dry_run_below_the_least_level_waits_too(db, monkeypatch):
    draft = factories.draft(min_sandbox_level="full")
    factories.drafts.request_preparation(draft.id, sponsor="sponsor", now=factories.NOW)
    monkeypatch.setattr(bench, "level_here", lambda: Level.NOCGROUP)
    tasks.prepare_next()
    draft.refresh_from_db()
    assert (draft.state, draft.fence) == ("waiting", 0)


def test_a_lease_is_made_as_long_as_a_fresh_one_while_the_work_is_ours(work, settings):
    fence = queue.lease(evaluation=work.pk, now=factories.at(30))
    queue.extend_lease(evaluation=work.pk, fence=fence, now=factories.at(30 + settings.LEASE_S))
    late = factories.at(31 + settings.LEASE_S)
    assert queue.lease(evaluation=work.pk, now=late) is None
    gone = factories.at(31 + 2 * settings.LEASE_S)
    assert queue.lease(evaluation=work.pk, now=gone) == 2
    with pytest.raises(StaleAttempt):
        queue.extend_lease(evaluation=work.pk, fence=fence, now=gone)


def test_a_lease_is_renewed_while_the_block_runs_and_no_longer():
    beats = []
    with held(Lease(lambda: beats.append(1), 0.06)):
        until_s = time.monotonic() + 600
        while len(beats) < 3 and time.monotonic() < until_s:
            time.sleep(0.005)
    count = len(beats)
    time.sleep(0.1)
    assert len(beats) == count >= 3


def test_a_lease_that_is_anothers_is_not_asked_for_again():
    asked = []

    def renew():
        asked.append(1)
        raise StaleAttempt("Another attempt counts.", work="1", fence=1)

    with held(Lease(renew, 0.03)):
        time.sleep(0.2)
    assert len(asked) == 1


# --- the sponsor's own code, in the real score sandbox --------------------------------------------


def coded(text):
    code = put_bytes(text.encode())
    metric = {"evaluator": "custom_classification", "name": "custom_classification",
              "version": 1, "options": {}}  # fmt: skip
    return task(code=code, metric=metric)


@pytest.mark.django_db
def test_custom_code_maps_names_of_classes_to_the_records(answering):
    answering((0,), (1,), (0,))
    text = "def score(prediction, reference):\n    return 1 if prediction == reference else 0.25\n"
    found = score_on(coded(text), WORK, OURS)
    assert found.score_e9 == 750_000_000


def test_a_fault_of_the_code_is_the_sponsors_and_names_line_and_example(answering):
    answering((0,), (1,), (0,))
    text = "def score(prediction, reference):\n    return 1 // (reference != 'dog')\n"
    with pytest.raises(CodeFailed) as failure:
        score_on(coded(text), WORK, OURS)
    assert failure.value.facts["line"] == 2
    assert failure.value.facts["example"] == 1
    assert "ZeroDivisionError" in str(failure.value)
    assert "line 2" in str(failure.value)


@pytest.fixture
def faulty(monkeypatch):
    """Scores work by a sponsor's code that fails: faulty(work, at seconds)."""

    def fails(ticket, lease):
        raise CodeFailed("The scoring code failed (line 2): no.", line=2, example=0, log="")

    monkeypatch.setattr(scoring, "measure", fails)

    def run(work, seconds):
        monkeypatch.setattr(scoring.timezone, "now", lambda: factories.at(seconds))
        fence = queue.lease(evaluation=work.pk, now=factories.at(seconds))
        scoring.score(work.pk, fence)

    return run


def test_code_that_twice_cannot_score_an_entry_gives_the_miner_the_slot_back(db, faulty):
    factories.competition(quota=1)
    entry = factories.submission()
    work = Evaluation.objects.get()
    faulty(work, 30)
    assert factories.queries.entry_row(entry).state == "committed"
    faulty(work, 90)
    row = factories.as_its_owner_sees(entry)
    assert (row.state, row.slot, row.refusal_code) == ("refused", None, "competition.code_failed")
    assert "line 2" in row.refusal_cause


def test_a_sponsor_whose_code_fails_on_the_sealed_slice_gets_no_adapter_and_loses_the_bond(
    db, faulty, client
):
    """Guards the miners: the stake came back, and every adapter was public for nothing."""
    factories.competition()
    entry = factories.scored("ada")
    factories.scored("bob", number=1, right=10)  # no better than the base
    factories.deadline.advance("docs", now=factories.at(601))
    for seconds in (610, 640):
        for work in factories.queries.evaluations_of("docs", "final"):
            faulty(work, seconds)
    factories.deadline.advance("docs", now=factories.at(730))
    found = factories.queries.competition_row("docs")
    assert (found.phase, found.fault, found.is_cleared) == ("aborted", "sponsor", True)
    bond_nano = 100 * 10**9
    assert factories.ledger_queries.balance_nano("ada") == bond_nano
    assert factories.ledger_queries.balance_nano("bob") == 0
    assert factories.ledger_queries.balance_nano("sponsor") == 10_000 * 10**9 - bond_nano
    adapter = factories.adapter_of(entry)
    assert client.get(f"/api/blobs/{adapter}").status_code == 404


def test_code_of_the_limit_is_what_the_sandbox_takes():
    assert custom.MOST_TEXT_BYTES == 64 << 10
