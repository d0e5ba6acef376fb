"""What a full queue costs the broker: messages for each entry that is scored."""

import os

import pytest

from competitions.actions import score
from competitions.models import Evaluation, Turn
from tests import factories
from workers import clock, dispatch, scoring, tasks

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
