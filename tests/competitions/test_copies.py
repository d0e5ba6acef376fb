"""A copy that was scored before its original is out at the reveal; the original is paid."""

import pytest

from competitions import queries
from competitions.actions import deadline, queue, score
from competitions.models import Evaluation
from competitions.rules.rows import Phase, State
from tests import factories

pytestmark = pytest.mark.django_db


def score_it(entry, adapter):
    found = Evaluation.objects.get(submission=entry, slice="board")
    fence = queue.lease(evaluation=found.pk, now=factories.at(20))
    found_it = factories.measured(adapter, 30)
    told = {"evaluation": found.pk, "fence": fence, "now": factories.at(20)}
    score.record_score(measured=found_it, **told)


def test_the_later_copy_is_refused_although_it_was_scored_first():
    factories.competition()
    original = factories.submission("ada", now=factories.at(10))
    copy = factories.submission("eve", number=1, now=factories.at(11))
    adapter = factories.blob("one adapter").sha256
    score_it(copy, adapter)
    score_it(original, adapter)
    assert queries.entry_row(copy).state == State.SCORED

    reached = deadline.advance("docs", now=factories.at(601))

    assert reached[-1] == Phase.VERIFYING
    assert queries.entry_row(original).state == State.SCORED
    gone = queries.entry_row(copy)
    assert (gone.state, gone.refusal_code) == (State.REFUSED, "submission.duplicate")
    assert original in gone.refusal_cause
    assert Evaluation.objects.filter(submission=copy).count() == 0
