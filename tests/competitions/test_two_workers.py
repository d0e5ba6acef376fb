"""A final score is two workers' word: none counts alone, and where two differ a third run does."""

import json
from dataclasses import replace

import pytest
from django.db import transaction

from assay import messages
from assay.wire import changed
from competitions import queries
from competitions.actions import crew as actions
from competitions.actions import deadline, queue, score
from competitions.errors import EvaluationRefused, FoldRefused, StaleAttempt
from competitions.models import Evaluation, Worker
from competitions.rules.descent import first_differing
from competitions.rules.fold import fold
from ledger import log
from ledger.models import Message
from tests import crew, factories
from tests.factories import at
from tests.ledger.store import put_bytes

pytestmark = pytest.mark.django_db
LEVELS = ["seccomp", "landlock", "nocgroup", "full"]


@pytest.fixture
def entry():
    """One that waits for its final score, and so does the base."""
    factories.competition()
    made = factories.scored("ada")
    deadline.advance("docs", now=at(601))
    crew.register(at(601))
    return made


def runs(submission):
    found = Evaluation.objects.filter(submission=submission, slice="final")
    return [*found.order_by("number")]


def measured(submission, right=30, leaves=("a", "b", "c", "d")):
    adapter = factories.adapter_of(submission) if submission else ""
    file = json.dumps({"leaves": [one * 64 for one in leaves], "of": right}).encode()
    found = factories.measured(adapter, right)
    return replace(found, result=changed(found.result, results_sha256=put_bytes(file)))


def finish(submission, *rights, leaves=None):
    for number, right in enumerate(rights):
        (work,) = [one for one in runs(submission) if one.number == number]
        told = measured(submission, right, *([leaves[number]] if leaves else []))
        crew.finish(work, told, taken=at(602), now=at(603))


def kinds():
    return [*Message.objects.order_by("pk").values_list("kind", flat=True)]


def test_one_worker_never_gets_both_runs_and_alone_gives_no_score(entry):
    told = {"worker": crew.NAMES[0], "levels": LEVELS}
    for _ in range(2):
        number, fence = queue.claim(**told, now=at(602))
        work = Evaluation.objects.get(pk=number)
        signed = crew.sealed(work, measured(work.submission), 0)
        score.record_score(evaluation=number, fence=fence, measured=signed, now=at(603))
    assert queue.claim(**told, now=at(604)) is None, "only second runs are left"
    assert queries.waits_for_another(crew.NAMES[0], at(604))
    assert "submission.final_scored" not in kinds()
    assert queue.claim(worker=crew.NAMES[1], levels=LEVELS, now=at(604)) is not None


def test_two_equal_runs_are_a_score_with_both_signatures(entry):
    finish(entry, 30, 30)
    finish("", 10, 10)
    assert deadline.advance("docs", now=at(610)) == ["provisional", "settled"]
    (raw,) = Message.objects.filter(kind="submission.final_scored").values_list("raw", flat=True)
    assert [one.worker for one in log.find(_id(raw)).body.attested] == [*crew.NAMES[:2]]


def _id(raw):
    return Message.objects.get(raw=raw).item


def test_where_two_differ_the_referee_counts_and_the_wrong_worker_is_out(entry):
    """Guards the prize: a majority is never taken, and what the wrong one ran alone runs again."""
    (alone, _) = runs("")
    signed = measured("", 12)
    now = at(602)
    fence = queue.lease(evaluation=alone.pk, worker=crew.NAMES[1], now=now)
    signed = crew.sealed(alone, signed, 1)
    score.record_score(evaluation=alone.pk, fence=fence, measured=signed, now=now)
    finish(entry, 30, 31, leaves=["abcd", "abfd"])
    assert "submission.final_scored" not in kinds()
    (referee,) = [one for one in runs(entry) if one.found is None]
    assert referee.number == 2
    crew.finish(referee, measured(entry, 30), taken=at(604), now=at(605))
    assert kinds()[-3:] == ["runs.differed", "worker.retired", "submission.final_scored"]
    body = log.find(Message.objects.get(kind="runs.differed").item).body
    assert body.batch == 2
    assert [one.leaf[0] for one in body.claims] == ["c", "f", "c"]
    out = Worker.objects.get(pk=crew.NAMES[1])
    assert out.retired_ms is not None
    assert "referee" in out.reason
    assert queries.submission(entry).final_score_e9 == 750_000_000
    assert [one.found for one in runs("")] == [None, None], "its word alone is forgotten"
    with pytest.raises(StaleAttempt):
        score.record_score(evaluation=alone.pk, fence=fence, measured=signed, now=at(606))


def test_a_refusal_on_the_final_slice_needs_two_workers_as_well(entry):
    error = EvaluationRefused("The run ended with time.", status="time")
    for work in runs(entry):
        assert queries.submission(entry).state == "scored"
        fence = queue.lease(evaluation=work.pk, worker=crew.NAMES[work.number], now=at(602))
        score.record_refusal(evaluation=work.pk, fence=fence, error=error, now=at(603))
    assert queries.submission(entry).state == "refused"


FORGED = {
    "nobody signed": lambda body: changed(body, attested=()),
    "one signed twice": lambda body: changed(body, attested=body.attested[:1] * 2),
    "another score": lambda body: changed(body, result=factories.result(31)),
    "a stranger": lambda body: changed(
        body, attested=(body.attested[0], messages.Attested("ab" * 32, "00" * 64))
    ),
    "the signature of another": lambda body: changed(
        body,
        attested=(body.attested[0], changed(body.attested[0], worker=crew.NAMES[1])),
    ),
}


@pytest.mark.parametrize("name", [*FORGED, "a retired one"])
def test_the_fold_takes_no_final_score_without_two_workers(entry, name):
    if name not in FORGED:
        actions.retire(crew.NAMES[0], reason="It was sold.", now=at(602))
    manifest_sha256 = queries.competition_row("docs").spec.manifest_sha256
    told = (entry, factories.adapter_of(entry), manifest_sha256)
    body = messages.SubmissionFinalScored(
        *told, factories.result(30), factories.ledger_actions.ms(at(700))
    )
    body = FORGED.get(name, lambda same: same)(crew.with_both(body, "docs"))
    with pytest.raises(FoldRefused, match="worker"), transaction.atomic():
        log.record([log.fact(body, idempotency="forged")], rooms=(fold,))


def test_a_retired_worker_is_registered_by_no_one_again(entry):
    actions.retire(crew.NAMES[0], reason="It was sold.", now=at(602))
    actions.retire(crew.NAMES[0], reason="It was sold.", now=at(603))
    assert kinds().count("worker.retired") == 1
    fact = log.fact(crew.registration(0, 1), idempotency="again")
    with pytest.raises(FoldRefused), transaction.atomic():
        log.record([fact], rooms=(fold,))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13])
def test_the_descent_finds_the_first_batch_that_differs(length):
    same = [f"{place:064x}" for place in range(length)]
    assert first_differing(same, same) is None
    for place in range(length):
        other = [*same[:place], "f" * 64, *same[place + 1 :]]
        assert first_differing(same, other) == place
    assert first_differing(same, [*same, "f" * 64]) == length
