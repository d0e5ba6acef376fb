"""From the log to the hands: each message asks for its task, at least once, and twice is harmless.

Nothing listens here: what is sent goes into the file transport of the tests' own folder, and is
noted by Celery's own signal. Where tasks shall run, Celery runs them at once (`hands`).
"""

from collections import Counter

import pytest
from kombu.exceptions import OperationalError

from competitions import queries
from competitions.actions import deadline
from competitions.models import Draft, Evaluation
from config.celery import app
from evaluator.errors import AdapterWrongBase
from ledger import actions as ledger_actions
from ledger import bell
from ledger import queries as ledger_queries
from ledger.models import Bookmark, Message
from licensing import queries as rights
from licensing.rules.rows import entry_work
from tests import crew, factories, racers
from tests.ledger.store import put_bytes
from workers import apps, clock, dispatch, preparation, scoring, steps, tasks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now", "take_all")]

# kind of message: (task that it asks for, for which competition; a bell is for none)
WANTED = {
    "submission.committed": ("score_next", ""),
    "submission.scored": ("move_contest", "docs"),
    "submission.eliminated": ("move_contest", "docs"),
    "submission.resumed": ("score_next", ""),
    "submission.refused": ("move_contest", "docs"),
    "results.opened": ("move_contest", "docs"),
    "competition.closed": ("move_contest", "docs"),
    "competition.verifying": ("score_next", ""),
    "submission.final_scored": ("move_contest", "docs"),
    "baseline.scored": ("move_contest", "docs"),
    "competition.settled": ("license_winners", "docs"),
}


class Bench:
    """A scale of wood: right answers by the owner's name; it counts how often it was asked."""

    RIGHT = {"ada": 39, "bob": 30}

    def __init__(self):
        self.runs = Counter()

    def measure(self, ticket, lease):
        owner = queries.submission(ticket.submission).owner if ticket.submission else ""
        self.runs[owner, ticket.part] += 1
        right = self.RIGHT.get(owner, 10)
        adapter = put_bytes(f"adapter of {owner}".encode()) if owner else ""
        return factories.measured(adapter, right)


@pytest.fixture
def hands(monkeypatch):
    """Tasks run where they are sent, on a bench of wood."""
    bench = Bench()
    monkeypatch.setattr(scoring, "measure", bench.measure)
    crew.take_turns(monkeypatch)
    app.conf.task_always_eager = app.conf.task_eager_propagates = True
    yield bench
    app.conf.task_always_eager = app.conf.task_eager_propagates = False


def by_part(runs):
    found = {}
    for (_, part), count in runs.items():
        found.setdefault(part, []).append(count)
    return found


def follow_all():
    while dispatch.follow():
        pass


def a_whole_story():
    """Entries scored, stopped and refused; the close, the verdict, the payout."""
    racers.contest(quota=1)
    ada = factories.scored("ada")
    factories.refused("bob", number=1, error=AdapterWrongBase("Made for another base."))
    factories.account("slow", "5")
    slow = racers.eliminated("slow", number=3)
    racers.resumed(slow)
    racers.run_in_full(slow, 9)
    assert factories.settle(right={ada: 39, slow: 9})[-1] == "settled"


def test_every_message_asks_for_its_task_and_no_other(sent):
    a_whole_story()
    follow_all()
    assert set(dispatch.ROUTES) == set(WANTED)
    kinds = Message.objects.order_by("log_index").values_list("kind", flat=True)
    wanted = [WANTED[kind] for kind in kinds if kind in WANTED]
    assert sent == [(task, *filter(None, [name])) for task, name in dict.fromkeys(wanted)]
    assert set(WANTED) <= set(kinds), "the story has a message of every routed kind"


def test_following_again_sends_nothing_again(sent):
    factories.competition()
    factories.submission()
    follow_all()
    before = list(sent)
    assert ("score_next",) in before
    assert dispatch.follow() == 0
    assert sent == before


def test_a_crash_between_the_sends_and_the_bookmark_sends_twice_and_never_not_at_all(
    sent, take_all, monkeypatch
):
    """Guards the order of the two: a bookmark that moved first would lose the task."""
    factories.competition()
    factories.submission()

    def crash(*_, **__):
        raise ConnectionError("the machine went away")

    with monkeypatch.context() as broken:
        broken.setattr(ledger_actions, "advance", crash)
        with pytest.raises(ConnectionError):
            dispatch.follow()
    assert sent.count(("score_next",)) == 1
    take_all()
    follow_all()
    assert sent.count(("score_next",)) == 2


def test_a_broker_that_is_down_moves_no_bookmark(sent, monkeypatch):
    factories.competition()
    factories.submission()

    def unreachable(*_, **__):
        raise OperationalError("connection refused")

    with monkeypatch.context() as broken:
        broken.setattr(tasks.score_next, "apply_async", unreachable)
        with pytest.raises(OperationalError):
            dispatch.follow()
    assert not Bookmark.objects.filter(reader="dispatch").exclude(next_index=0).exists()
    follow_all()
    assert ("score_next",) in sent


def test_a_bell_that_nobody_hears_is_no_error(monkeypatch):
    """A submission is accepted while the broker is down; the sweep finds it."""

    def unreachable(*_, **__):
        raise OperationalError("connection refused")

    monkeypatch.setattr(app, "send_task", unreachable)
    apps.wake()


def test_of_two_that_follow_from_one_place_the_bookmark_moves_once():
    assert ledger_actions.advance("dispatch", old=0, new=7)
    assert not ledger_actions.advance("dispatch", old=0, new=5)
    assert ledger_queries.next_index("dispatch") == 7


def test_winners_whose_message_was_lost_are_licensed_by_the_sweep(now):
    """Guards against a worker that was killed between the payout and the licences."""
    factories.competition()
    ada = factories.scored("ada")
    assert factories.settle(right={ada: 39})[-1] == "settled"
    (won,) = (entry_work(one.id) for one in queries.entry_rows("docs"))
    assert not rights.has_work(won)
    now(700)
    clock.sweep()
    assert rights.has_work(won)
    assert queries.unlicensed_winners() == []


def test_looking_for_winners_without_a_work_is_one_query(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert queries.unlicensed_winners() == []


def test_only_a_draft_that_waits_is_asked_for(sent, take_all, now):
    """A request is no message of the log: the bell is rung, and follow looks for what waits."""
    made = factories.draft()
    follow_all()
    assert ("prepare_next",) not in sent, "it is still being edited"
    factories.drafts.request_preparation(made.id, sponsor="sponsor", now=factories.NOW)
    dispatch.follow()
    assert sent.count(("prepare_next",)) == 1
    assert factories.drafts.lease_preparation(draft=made.id, now=factories.at(30))
    sent.clear()
    take_all()
    dispatch.follow()
    assert sent == [], "a worker holds it"
    now(30 + factories.drafts.LEASE_S + 1)
    dispatch.follow()
    assert sent == [("prepare_next",)], "its worker did not come back in time"


def test_a_request_for_a_preparation_rings_the_bell_once_it_is_committed(
    django_capture_on_commit_callbacks,
):
    """Guards that a sponsor does not wait for the sweep."""
    made, heard = factories.draft(), []

    def hear(**_):
        heard.append(Draft.objects.get(pk=made.id).state)

    bell.rung.connect(hear)
    with django_capture_on_commit_callbacks(execute=True):
        factories.drafts.request_preparation(made.id, sponsor="sponsor", now=factories.NOW)
    bell.rung.disconnect(hear)
    assert heard == ["waiting"]


def test_a_draft_whose_bell_nobody_heard_is_sent_by_the_sweep(sent):
    """Guards against a crash between the request and its bell."""
    made = factories.draft()
    factories.drafts.request_preparation(made.id, sponsor="sponsor", now=factories.NOW)
    clock.sweep()
    assert ("prepare_next",) in sent


def test_from_the_entry_to_the_licence_the_log_alone_moves_everything(hands, now):
    factories.competition()
    for number, owner in enumerate(("ada", "bob")):
        factories.submission(owner, number=number)
    follow_all()
    assert hands.runs == {("ada", "board"): 1, ("bob", "board"): 1}
    now(601)
    clock.tick()
    follow_all()
    assert queries.competition("docs").phase == "settled"
    finals = dict.fromkeys([("ada", "final"), ("bob", "final"), ("", "final")], 2)
    assert {run: count for run, count in hands.runs.items() if run[1] == "final"} == finals
    adapters = [entry_work(one.id) for one in queries.entry_rows("docs")]
    assert all(rights.has_work(one) for one in adapters)


def test_every_task_may_run_twice(hands, now):
    """Everything is redelivered once: the log has each fact once, and each run happened once."""
    factories.competition()
    entries = [
        factories.submission(owner, number=place) for place, owner in enumerate(("ada", "bob"))
    ]

    def twice(task, *argument):
        for _ in range(2):
            task(*argument)

    twice(tasks.score_next)
    now(601)
    for _ in range(2):
        clock.tick()
        twice(steps.move_contest, "docs")
        twice(tasks.score_next)
        twice(steps.license_winners, "docs")
        clock.sweep()
    follow_all()
    assert queries.competition("docs").phase == "settled"
    assert {part: {*counts} for part, counts in by_part(hands.runs).items()} == {
        "board": {1},
        "final": {2},
    }
    kinds = Counter(Message.objects.values_list("kind", flat=True))
    assert kinds["submission.scored"] == kinds["submission.final_scored"] == 2
    once = ("competition.closed", "competition.verifying", "competition.provisional")
    assert {kinds[kind] for kind in (*once, "competition.settled", "baseline.scored")} == {1}
    adapters = Counter(Message.objects.filter(cause__in=entries).values_list("kind", flat=True))
    assert adapters["work.registered"] == 2


def test_a_preparation_that_is_delivered_twice_is_done_once(hands, monkeypatch):
    runs = []

    def prepare(draft, fence):
        runs.append(fence)
        error = AdapterWrongBase("It is no data file.")
        factories.drafts.record_refusal(draft=draft, fence=fence, error=error, now=factories.at(40))

    monkeypatch.setattr(preparation, "prepare", prepare)
    made = factories.draft()
    factories.drafts.request_preparation(made.id, sponsor="sponsor", now=factories.NOW)
    for _ in range(2):
        tasks.prepare_next()
    assert runs == [1]
    assert Draft.objects.get(pk=made.id).state == "refused"


def test_a_worker_whose_lease_was_taken_over_ends_quietly(hands, monkeypatch, now):
    """Guards that StaleAttempt is the end of a task, not a failure of it."""
    factories.competition()
    factories.submission("ada")
    (work,) = Evaluation.objects.all()
    measure = hands.measure

    def slow(ticket, lease):
        now(5000)
        assert factories.queue.lease(evaluation=work.pk, now=factories.at(5000)) == 2
        return measure(ticket, lease)

    monkeypatch.setattr(scoring, "measure", slow)
    tasks.score_next()
    assert not Message.objects.filter(kind="submission.scored").exists()
    assert Evaluation.objects.get().fence == 2


def test_a_competition_that_cannot_move_does_not_hold_up_the_others(hands, now, monkeypatch):
    """Guards that the clock goes on: the broken one is named, the other one is closed."""
    for name in ("broken", "sound"):
        factories.competition(name, f"sponsor-of-{name}")
    advance = deadline.advance

    def stumble(competition, *, now):
        if competition == "broken":
            raise OSError("the store is away")
        return advance(competition, now=now)

    monkeypatch.setattr(deadline, "advance", stumble)
    now(601)
    with pytest.raises(ExceptionGroup) as broken:
        clock.tick()
    assert broken.value.exceptions[0].__notes__ == ["in broken"]
    assert queries.competition("sound").phase == "cancelled"
