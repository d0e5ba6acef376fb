"""What workers take from the queue, and what a full one costs the broker."""

import os

import pytest

from competitions.actions import queue, score
from competitions.models import Evaluation, Evaluator, Turn
from evaluator import libraries
from evaluator.libraries import OF_GENERIC_BASES
from tests import factories
from workers import bench, clock, dispatch, scoring, tasks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now", "take_all")]
WAITING = int(os.environ.get("ASSAY_QUEUE_CASES", "500"))  # noqa: TID251 - also tried with 10000
MOST_MESSAGES = 10  # for each entry that is scored


def test_the_messages_for_each_scored_entry_are_few_however_many_wait(sent, take_all, monkeypatch):
    """Guards the broker: it carries doorbells alone, and one that waits is enough."""
    factories.competition(quota=5)
    mine = [factories.submission("ada", number=number) for number in range(3)]
    one = Evaluation.objects.first()
    Evaluation.objects.bulk_create(
        Evaluation(
            competition="docs", submission=f"flood/{number}", owner="flood", slice="board",
            least=one.least, cost_ms=one.cost_ms, created_at=one.created_at,
        )
        for number in range(WAITING)
    )  # fmt: skip
    Turn.objects.create(competition="docs", owner="flood", served_ms=10**9)

    def judge(evaluation, fence):
        told = {"evaluation": evaluation, "fence": fence, "now": factories.at(31)}
        score.record_score(**told, measured=factories.measured(f"{evaluation:064x}", 30))

    monkeypatch.setattr(scoring, "score", judge)
    take_all()
    sent.clear()
    for _ in mine:
        tasks.score_next()
        dispatch.follow()
        clock.sweep()
        take_all()
    assert Evaluation.objects.count() == WAITING
    assert len(sent) <= MOST_MESSAGES * len(mine), sent


@pytest.fixture
def generic():
    """An entry that waits, on a base that only transformers computes."""
    factories.competition(quota=5)
    Evaluator.objects.update(is_generic=True)
    factories.submission("ada")
    return Evaluation.objects.get()


@pytest.fixture
def scored(monkeypatch):
    """The works that this worker has begun."""
    found = []
    monkeypatch.setattr(scoring, "score", lambda evaluation, fence: found.append(evaluation))
    return found


def without_torch(monkeypatch, module):
    real = libraries.has
    monkeypatch.setattr(
        module, "has", lambda *names: not {*names} & {*OF_GENERIC_BASES} and real(*names)
    )


def test_a_worker_without_torch_leaves_an_entry_of_a_generic_base_to_one_that_has_it(
    generic, scored, monkeypatch, caplog
):
    with monkeypatch.context() as bare:
        without_torch(bare, bench)
        tasks.score_next()
        assert scored == []
        assert "left to workers that have torch and transformers" in caplog.text
        assert Evaluation.objects.get().attempts == 0, "nobody has tried"
    monkeypatch.setattr(bench, "has", lambda *names: True)
    tasks.score_next()
    assert scored == [generic.pk]


def test_a_worker_without_torch_takes_what_waits_behind_it(generic, scored, monkeypatch):
    factories.competition("plain", quota=5)
    factories.submission("bob", "plain")
    without_torch(monkeypatch, bench)
    tasks.score_next()
    assert scored == [Evaluation.objects.exclude(pk=generic.pk).get().pk]


def test_a_library_that_is_missing_after_all_is_our_failure(generic, monkeypatch):
    """An entry that was leased before its base was known to be generic waits, and loses nothing."""

    def missing(*_):
        raise libraries.LibraryMissing("This needs torch.", library="torch")

    monkeypatch.setattr(scoring, "measure", missing)
    fence = queue.lease(evaluation=generic.pk, now=factories.at(30))
    scoring.score(generic.pk, fence)
    work = Evaluation.objects.get()
    assert (work.lost, work.leased_until, work.last_error) == (0, None, "This needs torch.")


def test_a_draft_on_a_generic_base_is_left_to_a_worker_with_torch(monkeypatch, caplog):
    class Generic:
        name, is_generic = "odd", True

    monkeypatch.setattr(bench, "bases", lambda: (Generic,))
    without_torch(monkeypatch, bench)
    assert bench.can_compute("minilm-l6-v2")
    assert not bench.can_compute("odd")
    assert "make setup SET=train" in caplog.text
