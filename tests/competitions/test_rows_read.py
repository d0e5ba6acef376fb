"""How many rows are read does not grow with the entries or competitions that are there."""

from collections import Counter

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from assay import keys, messages
from assay.messages import FileRef
from competitions import queries
from competitions.actions import deadline, score
from competitions.actions.contest import cancel_for
from competitions.errors import HasEntries
from competitions.models import Competition, Evaluation
from competitions.rules.spec import SEALED_FILES
from ledger.log.tables import Tables
from ledger.rules.rows import MemoryRows
from licensing.rules.rows import work_id
from tests import crew, factories, racers
from tests.bench.world import DATA_TERMS, EXAMPLES, Keys, World, measured, name_of
from tests.factories import at
from workers import clock

READS_MANY = {"competition.verifying"}  # who decides is ranked among all


class CountingRows(MemoryRows):
    """Rows that count how many of them were handed out."""

    read = 0

    def get(self, table, key):
        found = super().get(table, key)
        self.read += found is not None
        return found

    def find(self, table, **wanted):
        found = super().find(table, **wanted)
        self.read += len(found)
        return found


def most_read(count):
    """Kind -> the most rows that the fold of one fact read, with so many entries."""
    rows, read = CountingRows(), Counter()

    def fold_read(entry):
        read[entry.kind] = max(read[entry.kind], rows.read)
        rows.read = 0

    world = World(Keys(*(keys.new_key() for _ in range(3))), "law", fold_read, rows)
    world.found()
    sponsor = world.person("sponsor", 2000)
    miners = [world.person(f"miner{number}") for number in range(count)]
    data = world.work(sponsor, work_id("data", name_of("data", 1)), "data", DATA_TERMS)
    name = world._publish(sponsor, 1, data)
    entries = [world._enter(name, miner, place % 8) for place, miner in enumerate(miners)]
    order = world.order(miners[0], messages.SubmissionNominate(name, (entries[0].id,)))
    told = messages.SubmissionNominated(name, miners[0], (entries[0].id,), world.tick())
    world.fact(told, answers=order)
    judge(world, name, entries)
    return read


def judge(world, name, entries):
    """Close, score the base and every entry, and open all of it."""
    manifest = name_of("manifest", 1)
    world.workers()
    world.fact(messages.CompetitionClosed(name, world.tick(20_000)))
    for batch, line in enumerate(world._sealed):
        world.fact(messages.ResultsOpened(name, batch, (line,), world.tick()))
    world.fact(messages.CompetitionVerifying(name, len(entries), world.tick()))
    base = messages.BaselineScored(name, manifest, measured(EXAMPLES // 4), world.tick())
    world.fact(crew.with_both(base))
    adapters = {one.id: name_of("adapter", one.id) for one in entries}
    for one, adapter in adapters.items():
        told = (one, adapter, manifest, measured(EXAMPLES // 2))
        score = messages.SubmissionFinalScored(*told, at_ms=world.tick())
        world.fact(crew.with_both(score, name))
    files = tuple(FileRef(part, "f0" * 32, 9) for part in SEALED_FILES)
    world.fact(messages.SliceOpened(name, "5a" * 32, files, world.tick()))
    for one, adapter in adapters.items():
        told = FileRef("adapter.blob", adapter, 9)
        opening = world.openings[one]
        world.fact(messages.SubmissionRevealed(one, opening, told, world.tick()))
    at_ms = world.tick()
    world.fact(messages.CompetitionProvisional(name, at_ms, at_ms))


def test_no_fact_but_the_ranking_reads_more_rows_when_there_are_more_entries():
    few, many = most_read(5), most_read(60)
    grown = {kind for kind in many if many[kind] > few[kind]}
    assert grown == READS_MANY, {kind: (few[kind], many[kind]) for kind in grown}
    assert {"submission.committed", "submission.final_scored", "competition.provisional"} < set(few)


@pytest.fixture
def rows_read(monkeypatch):
    """rows_read(act): how many rows of the fold's tables an act reads."""
    read, honest = [], Tables._read

    def counted(self, table, *told):
        found = honest(self, table, *told)
        read.extend(found)
        return found

    monkeypatch.setattr(Tables, "_read", counted)

    def count(act, *told, **more):
        read.clear()
        act(*told, **more)
        return len(read)

    return count


@pytest.mark.django_db
def test_a_look_at_a_competition_that_waits_for_workers_reads_no_entries(rows_read):
    factories.competition(quota=20)
    seen = {}
    factories.submission("ada")
    with pytest.raises(HasEntries):
        cancel_for("sponsor", "docs", now=at(30))
    for number in range(1, 8):
        factories.scored("bob", number=number, right=20 + number)
    deadline.advance("docs", now=at(601))
    while queries.to_open("docs", limit=1):
        deadline.advance("docs", now=at(602))
    seen["closed"] = rows_read(deadline.advance, "docs", now=at(603))
    (waiting,) = Evaluation.objects.filter(slice="board").values_list("submission", flat=True)
    measured_last = factories.measured(factories.blob("the last").sha256, 30)
    score.record_score(**racers.lease(waiting, at(604)), measured=measured_last, now=at(604))
    deadline.advance("docs", now=at(605))
    assert queries.competition("docs").phase == "verifying"
    seen["verifying"] = rows_read(deadline.advance, "docs", now=at(606))
    assert all(count <= 12 for count in seen.values()), seen


@pytest.mark.django_db
def test_a_tick_asks_the_same_few_questions_when_a_thousand_competitions_wait(monkeypatch):
    factories.competition()
    monkeypatch.setattr(timezone, "now", lambda: at(100))
    one = Competition.objects.get(pk="docs")

    def asked():
        with CaptureQueriesContext(connection) as found:
            clock.tick()
        return len(found)

    clock.tick()
    before = asked()
    values = {field.attname: getattr(one, field.attname) for field in Competition._meta.fields}
    Competition.objects.bulk_create(
        Competition(**values | {"id": f"other-{number}"}) for number in range(1000)
    )
    assert asked() == before
    assert queries.competitions_due(at(599)) == []
    assert "docs" in queries.competitions_due(at(600))


@pytest.mark.django_db
def test_a_competition_is_due_as_long_as_it_owes_or_can_open_something():
    factories.competition(dispute_s=30)
    assert queries.competition("docs").due_ms == queries.competition("docs").spec["closes_at_ms"]
    ada = factories.scored("ada")
    assert factories.settle(right={ada: 39}) == ["provisional"]
    found = queries.competition("docs")
    assert found.due_ms == found.dispute_until_ms
    assert deadline.advance("docs", now=at(700))[-1] == "settled"
    assert queries.competition("docs").due_ms is None
    assert queries.competitions_due(at(10**6)) == []
