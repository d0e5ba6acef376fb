"""kill -9 between the bytes and their row: nothing is kept that nobody knows, nothing is lost.

Time is turned on by two days, so whatever a death left is old enough to be swept.
"""

from contextlib import suppress
from datetime import timedelta
from itertools import count
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.utils import timezone

from ledger import actions, blobs
from ledger.actions import strays
from ledger.blobs.folder import DRAFT
from ledger.blobs.shelves import shelves
from ledger.errors import BlobBusy
from ledger.models import Blob, Upload
from tests.laws.mortal import dies_at
from tests.ledger.store import put_bytes

LATER = timedelta(days=2)
LEAST = {"store": 6, "upload": 12, "sweep": 10}  # fewer steps: the counter sees too little
PART = 100
RAW = bytes(range(250))


@pytest.fixture(autouse=True)
def place(settings, tmp_path):
    """A store of its own, since a sweep looks at all of it."""
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": str(tmp_path / "blobs")}
    chosen = {**settings.STORAGES["default"], "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": chosen}
    settings.UPLOAD_PART_BYTES = PART
    return tmp_path / "blobs"


@pytest.fixture
def sent(tmp_path):
    return tmp_path / "sent"


def files(place):
    return [one for one in place.rglob("*") if one.is_file()]


def names():
    return {name for shelf in shelves(0) for name in shelf.names}


def sweep():
    """Everything that beat asks for, two days later, until nothing is left to do."""
    now, is_last = timezone.now() + LATER, False
    actions.sweep_uploads(now=now)
    actions.sweep_parts(now=now)
    while not is_last:
        is_last = actions.sweep_strays(now=now).is_last


def assert_bytes_and_rows_are_the_same():
    assert names() == set(Blob.objects.filter(is_going=False).values_list("pk", flat=True))


def test_a_web_process_killed_while_it_stores_leaves_no_bytes_for_ever(founded, place, sent):
    """Guards the sweep of strays: between the bytes and their row nobody else knows of them."""
    found = set()
    for step in count(1):
        raw = f"bytes {step}".encode()

        def job(raw=raw):
            actions.store([raw], owner="ada", limit_bytes=99, now=timezone.now())

        is_dead = dies_at(step, job, sent)
        rows = set(Blob.objects.values_list("pk", flat=True))
        found |= {(len(files(place)), len(names() - rows), len(rows))}
        sweep()
        assert_bytes_and_rows_are_the_same()
        assert len(files(place)) == Blob.objects.count()
        job()
        assert_bytes_and_rows_are_the_same()
        Blob.objects.all().update(is_going=True)
        sweep()
        assert files(place) == []
        if not is_dead:
            break
    assert step > LEAST["store"]
    assert {(0, 0, 0), (1, 0, 0), (1, 1, 0), (1, 0, 1)} == found, "not every kind of death was seen"


def test_a_web_process_killed_while_it_joins_parts_leaves_none_for_ever(founded, place, sent):
    """Guards parts without an upload, and a blob that was joined and never noted."""
    actions.open_account_for("ada", now=timezone.now())
    for step in count(1):
        raw = RAW + str(step).encode()
        upload, name = begun(raw)

        def job(upload=upload):
            actions.complete_upload(upload, owner="ada", now=timezone.now())

        is_dead = dies_at(step, job, sent)
        if Upload.objects.filter(pk=upload).exists():
            job()  # the client comes again
        assert Blob.objects.get().pk == name
        assert blobs.read(name, limit_bytes=999) == raw
        sweep()
        assert_bytes_and_rows_are_the_same()
        assert [one.name for one in files(place)] == [name]
        Blob.objects.all().update(is_going=True)
        sweep()
        if not is_dead:
            break
    assert step > LEAST["upload"]


def test_an_upload_whose_row_went_first_takes_its_parts_along(founded, place):
    actions.open_account_for("ada", now=timezone.now())
    begun(RAW)
    (place / "uploads" / "x").mkdir()
    Upload.objects.all().delete()
    assert actions.sweep_parts(now=timezone.now()) == 0
    assert actions.sweep_parts(now=timezone.now() + LATER) == 2
    assert [*(place / "uploads").iterdir()] == []


def begun(raw):
    """An upload whose parts are all here."""
    name = blobs.sha256(raw).hexdigest()
    now = timezone.now()
    told = actions.begin_upload(owner="ada", sha256=name, size_bytes=len(raw), now=now)
    for number in range(told.parts):
        part = raw[number * PART : (number + 1) * PART]
        of = blobs.sha256(part).hexdigest()
        actions.put_part(told.id, number, [part], owner="ada", part_sha256=of)
    return told.id, name


def test_a_sweep_killed_at_any_step_is_ended_by_the_next_one(founded, place, sent):
    """Guards the three steps: whoever sends the bytes again after a death gets them, or is told."""
    for step in count(1):
        kept, _ = actions.store([b"kept"], owner="ada", limit_bytes=9, now=timezone.now())
        stray = put_bytes(f"stray {step}".encode())
        (place / "aa" / "bb").mkdir(parents=True, exist_ok=True)
        (place / "aa" / "bb" / f"{DRAFT}x").write_bytes(b"half")
        is_dead = dies_at(step, sweep, sent)
        raw = f"stray {step}".encode()
        with suppress(BlobBusy):
            actions.store([raw], owner="bob", limit_bytes=99, now=timezone.now())
        is_told = Blob.objects.filter(pk=stray, is_going=False).exists()
        is_told = is_told and blobs.has(stray)
        sweep()
        assert_bytes_and_rows_are_the_same()
        assert blobs.has(stray) == is_told
        assert blobs.has(kept)
        assert len(files(place)) == 1 + is_told
        Blob.objects.all().update(is_going=True)
        sweep()
        if not is_dead:
            break
    assert step > LEAST["sweep"]


def test_bytes_stored_while_they_are_swept_are_there_or_refused(founded, crowd, monkeypatch):
    """Guards rows that others made, and the lock: four store what four sweep at that moment.

    To the sweepers, who live two days later, all bytes are old; but not what is being written.
    """
    old = strays.is_before
    monkeypatch.setattr(strays, "is_before", lambda at, then: DRAFT not in at and old(at, then))
    raws = [uuid4().bytes for _ in range(12)]
    for raw in raws:
        put_bytes(raw)
    lost = []

    def job(number):
        if number % 2:
            for _ in range(6):
                sweep()
            return
        for raw in raws if number % 4 else raws[::-1]:
            name = stored(raw)
            if not blobs.has(name):
                lost.append(name)

    assert crowd(job) == []
    assert lost == []
    sweep()
    assert names() == {blobs.sha256(raw).hexdigest() for raw in raws}
    assert_bytes_and_rows_are_the_same()


def stored(raw):
    """Store until it is taken, as a client does that is told to send again."""
    while True:
        with suppress(BlobBusy):
            return actions.store([raw], owner="ada", limit_bytes=99, now=timezone.now())[0]


def test_a_file_written_at_this_moment_is_left(founded, place):
    name = put_bytes(b"fresh")
    draft = f"{name[:2]}/{name[2:4]}/{DRAFT}y"
    (place / draft).write_bytes(b"half")
    assert actions.sweep_strays(now=timezone.now()).gone == 0
    assert blobs.has(name)
    assert default_storage.exists(draft)
