"""Leases and verdicts: whose attempt counts, what is our fault, and what twice makes a verdict."""

import pytest

from competitions import queries
from competitions.actions import queue, score
from competitions.errors import EvaluationRefused, StaleAttempt
from competitions.models import Draft, Evaluation
from evaluator.errors import AdapterWrongBase
from evaluator.task.slices import pack_inputs, single
from ledger.models import Message
from tests import factories
from tests.evaluator import makers
from workers import scoring
from workers.sandbox.levels import Level
from workers.sandbox.runner import Job, Outcome, Status
from workers.scoring import InfrastructureFailed

VERDICTS = [status for status in Status if status.is_verdict and status is not Status.OK]
OURS = [status for status in Status if status.is_infrastructure]


# --- whose attempt counts -------------------------------------------------------------------------


@pytest.fixture
def work(db):
    """The scoring work of one entry at a quota of one."""
    factories.competition(quota=1)
    factories.submission()
    return Evaluation.objects.get()


def lease(work, seconds):
    return queue.lease(evaluation=work.pk, now=factories.at(seconds))


def fail(work, fence, seconds):
    told = {"evaluation": work.pk, "fence": fence, "reason": "our disk is full"}
    score.record_failure(**told, now=factories.at(seconds))


def slots(seconds=30):
    now_ms = factories.ledger_actions.ms(factories.at(seconds))
    return queries.slots(queries.competition("docs"), "miner", now_ms=now_ms).remaining


def test_our_failures_cost_an_entry_neither_its_place_nor_its_slot(work):
    """It rests longer each time, at most an hour, and is never given up."""
    seconds, rests = 30, []
    committed_ms = the_entry().committed_ms
    for attempt in range(1, 15):
        fence = lease(work, seconds)
        assert fence == attempt
        fail(work, fence, seconds)
        rests.append(work_rests_s(seconds))
        seconds += rests[-1] + 1
    assert rests[:3] == [2, 4, 8]
    assert rests[-1] == 3600
    assert (the_entry().state, slots(), the_entry().committed_ms) == ("committed", 0, committed_ms)
    assert Evaluation.objects.get().last_error == "our disk is full"


def work_rests_s(seconds):
    """For how long this worker may not take the work again, from this second on."""
    again_ms = Evaluation.objects.get().again_ms
    return (again_ms - factories.ledger_actions.ms(factories.at(seconds))) // 1000


def test_somebody_elses_commit_of_the_same_files_displaces_nobody(work):
    """Guards a theft: ours failed three times, and the copy that came later was the original."""
    for attempt in range(3):
        fail(work, lease(work, 30 + 100 * attempt), 30 + 100 * attempt)
    copy = factories.submission("eve", number=1, now=factories.at(400))
    adapter = factories.blob("one adapter").sha256
    for entry, seconds in ((copy, 450), (the_entry().id, 460)):
        one = Evaluation.objects.get(submission=entry)
        told = {"evaluation": one.pk, "fence": lease(one, seconds), "now": factories.at(seconds)}
        score.record_score(**told, measured=factories.measured(adapter, 30))
    factories.deadline.advance("docs", now=factories.at(601))
    states = {one.owner: one.state for one in queries.entry_rows("docs")}
    assert states == {"miner": "scored", "eve": "refused"}


def the_entry(owner="miner"):
    (entry,) = [one for one in queries.entry_rows("docs") if one.owner == owner]
    return entry


def test_an_entry_that_brings_down_every_worker_is_out_once_all_others_have_scores(work, settings):
    """Guards the others: it must not hold up the close for ever."""
    factories.scored("ada", number=1)
    settings.LEASE_S = 20
    moments = [30 + attempt * (settings.LEASE_S + 1) for attempt in range(4)]
    assert [lease(work, seconds) for seconds in moments] == [1, 2, 3, 4]
    assert factories.deadline.advance("docs", now=factories.at(601))[:1] == ["closed"]
    assert (the_entry().state, the_entry().refusal_code) == ("refused", "submission.quarantined")
    cause = the_entry().refusal_cause
    assert cause.startswith("Nobody came back from 4 attempts to run it")
    assert str(factories.ledger_actions.ms(factories.at(30))) in cause, "the evidence"


def test_three_lost_attempts_are_not_enough_and_the_last_one_is_alone(work, settings):
    """Guards an honest entry beside one that eats the machine: it is run when nothing else is."""
    factories.submission("ada", number=1, now=factories.at(11))
    settings.LEASE_S = 20
    ada = Evaluation.objects.get(owner="ada")
    for attempt in range(3):
        lease(work, 30 + 21 * attempt)
    told = {"worker": "w", "levels": ["seccomp"]}
    assert queue.claim(**told, now=factories.at(94))[0] == ada.pk, "it comes last"
    assert queue.claim(**told, now=factories.at(95)) is None, "and alone"
    factories.deadline.advance("docs", now=factories.at(601))
    assert the_entry().state == "committed"
    assert queue.claim(**told, now=factories.at(602))[0] == ada.pk
    Evaluation.objects.filter(owner="ada").delete()
    assert queue.claim(**told, now=factories.at(603))[0] == work.pk


def test_work_that_failed_goes_to_another_worker_first(work):
    Evaluation.objects.update(attempts=4)
    _, fence = queue.claim(worker="w1", levels=["seccomp"], now=factories.at(30))
    fail(work, fence, 31)
    told = {"levels": ["seccomp"], "now": factories.at(31 + 2**5 // 4)}
    assert queue.claim(worker="w1", **told) is None
    assert queue.claim(worker="w2", **told) is not None


def test_work_on_the_sealed_slice_is_never_given_up(db):
    """Guards the prizes: the competition's deadline decides, not the number of attempts."""
    factories.competition()
    factories.scored()
    factories.deadline.advance("docs", now=factories.at(601))
    works = list(queries.evaluations_of("docs", "final"))
    assert len(works) == 4, "of the entry and of the base two runs each"
    for one in works:
        for attempt in range(1, 9):
            seconds = 601 + 400 * attempt
            fail(one, lease(one, seconds), seconds)
    assert Evaluation.objects.filter(slice="final", attempts=8).count() == 4
    assert the_entry().state == "scored"


def test_a_lease_that_runs_is_nobody_elses(work, settings):
    assert lease(work, 30) == 1
    assert lease(work, 30 + settings.LEASE_S) is None
    assert lease(work, 31 + settings.LEASE_S) == 2


def test_what_a_worker_says_after_its_lease_was_taken_over_changes_nothing(work, settings):
    """Guards every door by which a worker answers: score, refusal, failure."""
    old, seconds = lease(work, 30), 31 + settings.LEASE_S
    new = lease(work, seconds)
    before = (Message.objects.count(), Evaluation.objects.values().get())
    told = {"evaluation": work.pk, "fence": old, "now": factories.at(seconds)}
    refusal = AdapterWrongBase("Made for another base.")
    for say in (
        lambda: score.record_score(**told, measured=factories.measured("a" * 64, 30)),
        lambda: score.record_refusal(**told, error=refusal),
        lambda: score.record_failure(**told, reason="our disk is full"),
    ):
        with pytest.raises(StaleAttempt) as stale:
            say()
        assert (stale.value.code, stale.value.facts["fence"]) == ("evaluation.stale_attempt", old)
    assert (Message.objects.count(), Evaluation.objects.values().get()) == before
    told |= {"fence": new, "measured": factories.measured("a" * 64, 30)}
    score.record_score(**told)
    assert the_entry().state == "scored"
    with pytest.raises(StaleAttempt):
        score.record_score(**told)


def test_a_refusal_gives_the_slot_back_and_keeps_the_reason(work):
    error = AdapterWrongBase("Made for another base.")
    told = {"evaluation": work.pk, "fence": lease(work, 30), "now": factories.at(31)}
    score.record_refusal(**told, error=error)
    entry = the_entry()
    assert (entry.state, entry.slot, slots()) == ("refused", None, 1)
    entry = factories.as_its_owner_sees(entry.id)
    assert entry.refusal_code == "adapter.wrong_base"
    assert entry.refusal_cause == "Made for another base."
    assert entry.refusal_next


def test_an_abandoned_competition_takes_its_work_along(work):
    """A worker that comes back after the abortion finds that its attempt counts no more."""
    fence = lease(work, 599)
    assert factories.deadline.advance("docs", now=factories.at(700)) == ["closed", "aborted"]
    with pytest.raises(StaleAttempt):
        fail(work, fence, 701)


def test_a_preparation_has_one_holder_and_the_older_one_is_stale(db):
    made = factories.draft()
    factories.drafts.request_preparation(made.id, sponsor="sponsor", now=factories.NOW)
    take = lambda seconds: factories.drafts.lease_preparation(  # noqa: E731
        draft=made.id, now=factories.at(seconds)
    )
    assert (take(0), take(900), take(901)) == (1, None, 2)
    error = AdapterWrongBase("It is no data file.")
    told = {"draft": made.id, "error": error, "now": factories.at(902)}
    with pytest.raises(StaleAttempt):
        factories.drafts.record_refusal(**told, fence=1)
    factories.drafts.record_refusal(**told, fence=2)
    assert Draft.objects.get(pk=made.id).problem["code"] == "adapter.wrong_base"


def test_a_draft_that_was_changed_while_it_was_prepared_keeps_the_change(db):
    """What was measured of other files is thrown away: the sponsor asks again."""
    made = factories.draft()
    factories.drafts.request_preparation(made.id, sponsor="sponsor", now=factories.NOW)
    fence = factories.drafts.lease_preparation(draft=made.id, now=factories.NOW)
    factories.drafts.save(
        made.id, sponsor="sponsor", fields={"max_tokens": "64"}, files={}, now=factories.at(1)
    )
    with pytest.raises(StaleAttempt):
        factories.drafts.record_refusal(
            draft=made.id, fence=fence, error=AdapterWrongBase("Old."), now=factories.at(2)
        )
    assert Draft.objects.get(pk=made.id).state == "editing"


# --- what makes a verdict -------------------------------------------------------------------------


class Script:
    """A sandbox that ends its runs as it is told, and counts them."""

    level, policy_sha256 = Level.NOCGROUP, "9" * 64

    def __init__(self, *ends):
        self.ends, self.runs = list(ends), 0

    def run(self, job):
        self.runs += 1
        status, predictions = self.ends.pop(0)
        return Outcome(status, predictions, 1.25, 2.5, 4096, self.level, self.policy_sha256)


GOOD = (Status.OK, ((0,), (1,), (2,)))
SHORT = (Status.OK, ((0,), (1,)))
WIDE = (Status.OK, ((0,), (1, 1), (2,)))
BEYOND = (Status.OK, ((0,), (1,), (3,)))


@pytest.fixture
def run(monkeypatch):
    """run(script, least) -> the outcome of a job of three examples."""
    inputs = single([[101, 7, 102], [101, 8, 102], [101, 9, 102]])
    job = Job(b"adapter", pack_inputs(inputs), b"{}")

    def one(script, least="seccomp"):
        monkeypatch.setattr(scoring, "sandbox_of", lambda base: script)
        return scoring.run(makers.manifest(), job, inputs, least=least)

    return one


def test_a_good_run_counts_at_once(run):
    script = Script(GOOD)
    assert run(script).predictions == GOOD[1]
    assert script.runs == 1


@pytest.mark.parametrize("status", VERDICTS)
def test_what_ends_a_run_against_the_miner_must_happen_twice(run, status):
    """Guards the second run: a machine's hiccup is no verdict."""
    script = Script((status, None), GOOD)
    assert run(script).status is Status.OK
    assert script.runs == 2
    script = Script((status, None), (status, None))
    with pytest.raises(EvaluationRefused) as refusal:
        run(script)
    assert script.runs == 2
    assert refusal.value.code == "evaluation.refused"
    facts = {"status": str(status), "cpu_ms": 1250, "wall_ms": 2500, "peak_bytes": 4096}
    assert facts.items() <= refusal.value.facts.items()


@pytest.mark.parametrize("wrong", [SHORT, WIDE, BEYOND], ids=["short", "wide", "beyond"])
def test_an_answer_that_no_honest_run_gives_is_bad_output_when_it_happens_twice(run, wrong):
    assert run(Script(wrong, GOOD)).predictions == GOOD[1]
    with pytest.raises(EvaluationRefused) as refusal:
        run(Script(wrong, wrong))
    assert refusal.value.facts["status"] == "bad_output"


@pytest.mark.parametrize("status", OURS)
def test_what_is_our_fault_is_never_a_verdict(run, status):
    script = Script((status, None))
    with pytest.raises(InfrastructureFailed, match=str(status)):
        run(script)
    assert script.runs == 1
    with pytest.raises(InfrastructureFailed):
        run(Script((VERDICTS[0], None), (status, None)))


def test_a_host_that_locks_up_too_weakly_does_not_score(run):
    script = Script(GOOD)
    with pytest.raises(InfrastructureFailed, match="full is needed"):
        run(script, least="full")
    assert script.runs == 0
