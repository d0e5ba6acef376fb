"""Eight workers at one queue, on SQLite and on PostgreSQL: nothing twice, and nobody starves.

What was taken away once, by hand, and what then failed here: the lock in `next_evaluation`, with
the condition in `lease` (work claimed twice); the turns (the flood came first).
"""

import threading

import pytest
from django.db import transaction

from competitions import queries
from competitions.actions import queue
from competitions.models import Evaluation
from tests import factories
from tests.laws.together import together

WORKERS, FLOOD, SMALL = 8, 40, 3


@pytest.fixture(autouse=True)
def house(transactional_db):
    """Commits are real here."""


@pytest.fixture
def crowd(crowd):
    return together(crowd)


def test_no_work_is_claimed_twice_and_a_flood_starves_nobody(crowd):
    for name, owner, count in (("docs", "flood", FLOOD), ("other", "ada", SMALL)):
        contest = queries.competition_row(factories.competition(name))
        for number in range(count):
            with transaction.atomic():
                run = queue.Run(f"{owner}/{number}", owner, "board")
                queue.enqueue(contest, run, now=factories.at(10))
    claimed, lock = [], threading.Lock()

    def work(number):
        told = {"worker": f"w{number}", "levels": ["seccomp"], "now": factories.at(20)}
        while found := queue.claim(**told):
            with lock:
                claimed.append(found[0])

    assert crowd(work, size=WORKERS) == []
    assert len(claimed) == len(set(claimed)) == FLOOD + SMALL
    owners = dict(Evaluation.objects.values_list("pk", "owner"))
    last = max(place for place, pk in enumerate(claimed, 1) if owners[pk] == "ada")
    assert last <= 2 * SMALL + 2 * WORKERS, "its share, and a run of each worker beside it"
    assert [*Evaluation.objects.exclude(fence=1)] == []
