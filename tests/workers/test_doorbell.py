"""One bell that waits is enough; a message on files is there whole or not at all."""

import subprocess
import sys
import threading
from collections import Counter

import pytest

from competitions.models import Evaluation
from config.celery import app
from tests import factories
from workers import apps, clock, doorbell, files, scoring, site, steps, tasks

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("now", "take_all")]


def test_the_sweep_rings_only_for_what_nobody_holds(sent, take_all):
    factories.competition(quota=3)
    for number, owner in enumerate(("ada", "bob")):
        factories.submission(owner, number=number)
    ada, bob = Evaluation.objects.order_by("pk").values_list("pk", flat=True)
    assert factories.queue.lease(evaluation=ada, now=factories.at(30))
    waiting = factories.draft(name="one")
    factories.drafts.request_preparation(waiting.id, sponsor="sponsor", now=factories.NOW)
    steps.ring_for_work()
    assert sent == [("prepare_next",), ("score_next",)]
    take_all()
    sent.clear()
    assert factories.queue.lease(evaluation=bob, now=factories.at(30))
    factories.drafts.lease_preparation(draft=waiting.id, now=factories.at(29))
    steps.ring_for_work()
    assert sent == []


def test_a_bell_that_waits_is_not_rung_again(sent, take_all):
    """Guards the broker on files: the clock alone sends more than one message a second."""
    factories.competition(quota=3)
    for number, owner in enumerate(("ada", "bob", "cyd")):
        factories.submission(owner, number=number)
    for _ in range(100):
        clock.tick.delay()
        clock.sweep.delay()
        steps.ring_for_work()
        apps.wake()
    rung = Counter(sent)
    assert rung == {(name,): 1 for name in ("tick", "sweep", "score_next", "follow")}
    take_all()
    clock.tick.delay()
    assert Counter(sent) - rung == {("tick",): 1}, "one that was taken may have looked already"


def test_who_begins_rings_for_the_next(sent, take_all, monkeypatch):
    """Guards that one bell keeps every worker at work while entries wait."""
    factories.competition(quota=3)
    for number, owner in enumerate(("ada", "bob", "cyd")):
        factories.submission(owner, number=number)
    begun = []
    monkeypatch.setattr(scoring, "score", lambda evaluation, fence: begun.append(sent[:]))
    for _ in range(4):
        take_all()
        tasks.score_next()
    assert begun == [[("score_next",)], [("score_next",)] * 2, [("score_next",)] * 2]


def test_every_bell_has_a_queue_that_a_worker_of_the_site_listens_to():
    app.loader.import_default_modules()
    found = {name for name, one in app.tasks.items() if isinstance(one, doorbell.Bell)}
    assert found == set(doorbell.QUEUES)
    bells = set(doorbell.QUEUES.values())
    assert len(bells) == len(found), "no two share one"
    listened = [name for names in site.QUEUES.values() for name in names.split(",")]
    assert sorted(listened) == sorted({"default", *bells})


def test_a_message_is_never_seen_half_written(settings):
    """A worker that took an empty message would die of it, and the message with it."""
    assert settings.CELERY_BROKER_TRANSPORT == "workers.files:Transport"
    folder, is_over, seen = settings.DATA / "broker", threading.Event(), set()

    def look():
        while not is_over.is_set():
            for file in folder.glob("*.msg"):
                seen.add(file.stat().st_size > 0)

    watcher = threading.Thread(target=look)
    watcher.start()
    with app.connection_for_write() as connection:
        assert isinstance(connection.default_channel, files.Channel)
        for number in range(300):
            connection.default_channel._put("nobody", {"number": number})
    is_over.set()
    watcher.join()
    assert seen == {True}
    assert len([*folder.glob("*.nobody.msg")]) == 300


def test_messages_on_files_come_out_as_they_went_in():
    with app.connection_for_write() as connection:
        channel = connection.default_channel
        for number in range(12):
            channel._put("nobody", {"number": number})
        assert [channel._get("nobody")["number"] for _ in range(12)] == [*range(12)]


def test_only_the_worker_that_scores_loads_the_scale():
    """Guards the start of a site: the scale's libraries take seconds in each process."""
    script = (
        "import config.asgi, sys; from config.celery import app;"
        "app.loader.import_default_modules();"
        "print(sorted({'nltk', 'scipy', 'datasets', 'pandas', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
