"""Whose run is next: a flood moves nobody else's place, in virtual time; and what is told of it."""

from collections import Counter

import pytest
from django.db import transaction

from competitions import queries
from competitions.actions import queue
from competitions.models import Cost, Evaluation
from competitions.rules.turns import Waiting
from tests import factories

pytestmark = pytest.mark.django_db
ALL = {"worker": "w", "levels": ["seccomp"]}


@pytest.fixture
def contests():
    """Three open ones; that they take entries is all that matters here."""
    return {name: queries.competition_row(factories.competition(name)) for name in ("a", "b", "c")}


def put(contest, owner, count=1, part="board", seconds=10):
    """Runs that wait. Nothing else of the entries is needed here."""
    for _ in range(count):
        number = Evaluation.objects.count() + put.taken
        with transaction.atomic():
            run = queue.Run(f"{owner}/{number}", owner, part)
            queue.enqueue(contest, run, now=factories.at(seconds))


put.taken = 0


def take(count=1, seconds=20):
    """(competition, owner) of so many runs, in the order in which workers take them."""
    told = []
    for _ in range(count):
        number, _ = queue.claim(**ALL, now=factories.at(seconds))
        work = Evaluation.objects.get(pk=number)
        told.append((work.competition, work.owner))
        work.delete()
        put.taken += 1
    return told


def test_a_small_competition_waits_for_its_fair_share_and_one_run_beside_a_flooded_one(contests):
    put(contests["a"], "flood", 20)
    take(8)
    put(contests["b"], "small", 3)
    served = [place for place, (name, _) in enumerate(take(8), 1) if name == "b"]
    assert len(served) == 3
    assert all(place <= 2 * number + 1 for number, place in enumerate(served, 1)), served


def test_a_flood_of_one_owner_moves_nobody_elses_place_in_the_competition(contests):
    put(contests["a"], "flood", 12)
    take(3)
    for name in ("ada", "bob"):
        put(contests["a"], name, 2)
    owners = [owner for _, owner in take(8)]
    assert Counter(owners[:7])["ada"] == Counter(owners[:7])["bob"] == 2, owners


def test_time_without_work_saves_up_nothing(contests):
    put(contests["a"], "ada", 1)
    put(contests["b"], "bob", 20)
    take(10)
    put(contests["a"], "ada", 12)
    names = [name for name, _ in take(10)]
    assert 4 <= names.count("b") <= 6, names


def test_what_takes_longer_has_fewer_turns(contests):
    """Guards that fairness is one of time: three quick runs weigh as much as a slow one."""
    slow = contests["a"].spec.manifest_sha256
    Cost.objects.create(manifest_sha256=slow, slice="board", mean_ms=30_000)
    put(contests["a"], "ada", 3)
    put(contests["b"], "bob", 7)
    assert Counter(name for name, _ in take(8)) == {"a": 2, "b": 6}


def test_verifying_comes_before_the_board_and_a_weak_sandbox_is_passed_by(contests):
    put(contests["a"], "ada", 2)
    put(contests["b"], "bob", 1, part="final")
    assert take(2) == [("b", "bob"), ("a", "ada")]
    assert queue.claim(worker="w", levels=[], now=factories.at(20)) is None


def test_an_entry_is_told_its_place_and_how_long_it_waits(contests, settings):
    settings.SLOTS = 2
    put(contests["a"], "flood", 10)
    put(contests["b"], "ada", 1)
    (mine,) = Evaluation.objects.filter(owner="ada").values_list("submission", flat=True)
    wait = queries.waits([mine], factories.at(20))[mine]
    assert wait.place == 2, "one of the flood is older, and the two take turns"
    assert wait.seconds == 0, "and there are two workers"
    settings.SLOTS = 1
    assert queries.waits([mine], factories.at(20))[mine].seconds == 10
    assert queries.waits(["nobody"], factories.at(20)) == {}


def test_the_places_told_are_the_order_in_which_the_runs_begin(contests):
    for step in range(24):
        put(contests["aaaabbc"[step * 5 % 7]], "xxyz"[step * 3 % 4])
        if step % 4 == 3:
            take(1)
    names = [*Evaluation.objects.order_by("pk").values_list("submission", flat=True)]
    told = {name: wait.place for name, wait in queries.waits(names, factories.at(20)).items()}
    began = []
    while claimed := queue.claim(**ALL, now=factories.at(20)):
        work = Evaluation.objects.get(pk=claimed[0])
        began.append(work.submission)
        work.delete()
    off = [abs(place - told[name]) for place, name in enumerate(began, 1)]
    assert max(off) <= len(contests), "turns that begin at the same time have no order"


def test_a_run_that_is_taken_while_its_wait_is_reckoned_breaks_no_page(contests, monkeypatch):
    """Guards who asks again and again: the run may begin between two looks."""
    put(contests["a"], "ada", 1)
    (mine,) = Evaluation.objects.values_list("submission", flat=True)
    reckon = queries.queue._groups

    def late(*told):
        Evaluation.objects.all().delete()
        return reckon(*told)

    monkeypatch.setattr(queries.queue, "_groups", late)
    assert queries.waits([mine], factories.at(20))[mine].place == 1


def test_a_claim_and_a_wait_take_the_same_queries_however_many_wait(
    contests, django_assert_max_num_queries
):
    put(contests["a"], "ada", 2)
    some = [*Evaluation.objects.all()]
    more = [(one, number) for number in range(500) for one in some]
    Evaluation.objects.bulk_create(
        Evaluation(
            competition="a", owner=f"o{number % 50}", submission=f"{one.pk}/{number}",
            slice="board", least=one.least, cost_ms=one.cost_ms, created_at=one.created_at,
        )
        for one, number in more
    )  # fmt: skip
    with django_assert_max_num_queries(5):
        assert len(queries.waits([one.submission for one in some], factories.at(20))) == 2
    take(1)
    with django_assert_max_num_queries(8):
        assert queue.claim(**ALL, now=factories.at(20))


def test_the_rule_counts_whole_runs_before_a_turn():
    lot = Waiting(served_ms=100, runs=3, cost_ms=30, first=5)
    assert [lot.ahead_of(turn, first=1).runs for turn in (99, 100, 101, 110, 111, 500)] == [
        0, 0, 1, 1, 2, 3,
    ]  # fmt: skip
    assert lot.ahead_of(100, first=9).runs == 1, "of equal turns the older one's is first"
