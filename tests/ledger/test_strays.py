"""Bytes that no row knows: found share by share, in a folder and in S3, and what is spared."""

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from assay import messages
from ledger import actions, blobs, log, queries, sequencer
from ledger.actions import strays
from ledger.blobs import shelves
from ledger.errors import BlobBusy, BlobGone
from ledger.models import Blob, Upload
from tests.ledger.store import put_bytes

pytestmark = pytest.mark.django_db
LATER = timedelta(days=2)


@pytest.fixture(params=["folder", "s3"], autouse=True)
def store(request, settings, tmp_path):
    """A store of its own, since a sweep looks at all of it: our folder, or a bucket."""
    if request.param == "s3":
        return request.getfixturevalue("bucket")
    options = {**settings.STORAGES["default"]["OPTIONS"], "location": str(tmp_path / "blobs")}
    chosen = {**settings.STORAGES["default"], "OPTIONS": options}
    settings.STORAGES = {**settings.STORAGES, "default": chosen}
    return None


def stored(raw, now):
    return actions.store([raw], owner="ada", limit_bytes=99, now=now)[0]


def name_it(name, now):
    """A message that names a file, whatever it is about."""
    log.record([log.fact(messages.BlobWithdrawn(name, "named", actions.ms(now)), idempotency=name)])


def sweep(now, kept=()):
    """A round over the whole store; how many files are gone."""
    gone, is_last = 0, False
    while not is_last:
        share = actions.sweep_strays(now=now, kept=kept)
        gone, is_last = gone + share.gone, share.is_last
    return gone


def test_bytes_without_a_row_go_after_a_day_and_nothing_else_does(now):
    words = ("lost", "named", "waiting", "draft")
    names = {word: put_bytes(word.encode()) for word in words}
    known = stored(b"known", now)
    name_it(names["named"], now)
    sequencer.sequence(holder="t", now=now)
    name_it(names["waiting"], now)
    assert sweep(now + LATER, kept={names["draft"]}) == 1
    assert {word for word in words if blobs.has(names[word])} == {"named", "waiting", "draft"}
    assert blobs.has(known)
    rows = dict(Blob.objects.values_list("pk", "is_named"))
    assert rows == {known: False, names["named"]: True, names["waiting"]: True}
    assert sweep(now + LATER, kept={names["draft"]}) == 0


def test_what_a_message_names_gets_its_row_again_and_stays(now):
    """Guards a row that was lost: with its new row the file is kept, and can be published."""
    name = stored(b"named", now)
    name_it(name, now)
    sequencer.sequence(holder="t", now=now)
    actions.sweep_blobs(now=now)
    Blob.objects.all().delete()
    assert sweep(now + LATER) == 0
    row = Blob.objects.get()
    assert (row.pk, row.size_bytes, row.owner, row.is_named) == (name, 5, "operator", True)
    assert actions.sweep_blobs(now=now + 2 * LATER) == 0
    actions.publish_blob(name, now=now)
    assert blobs.has(name)


def test_a_store_is_looked_at_share_by_share(now, monkeypatch):
    """Guards the bookmark: each turn goes on, and after the last one the first comes again."""
    for number in range(12):
        put_bytes(f"first {number}".encode())
    monkeypatch.setattr(strays, "SHELVES_AT_ONCE", 5)
    shares = [actions.sweep_strays(now=now + LATER) for _ in range(3)]
    assert shares == [(5, False), (5, False), (2, True)]
    assert queries.next_index(strays.READER) == 0
    monkeypatch.setattr(strays, "SHELVES_AT_ONCE", 1000)
    monkeypatch.setattr(strays, "NAMES_AT_ONCE", 2)  # the folder's empty shelves are no names
    for number in range(5):
        put_bytes(f"then {number}".encode())
    assert actions.sweep_strays(now=now + LATER) == (2, False)
    assert sweep(now + LATER) == 3


def test_names_of_one_shelf_are_looked_at_together(now, monkeypatch):
    """A share is whole shelves: with names of chance, one of a thousand dozens has two on one."""
    first, second, alone = (put_bytes(raw)[:4] for raw in (b"x8", b"x45", b"x9"))
    assert first == second != alone
    monkeypatch.setattr(strays, "SHELVES_AT_ONCE", 1)
    shares = [actions.sweep_strays(now=now + LATER) for _ in range(2)]
    assert sorted(share.gone for share in shares) == [1, 2]
    assert [share.is_last for share in shares] == [False, True]


def test_bytes_that_go_are_refused_until_they_are_gone(now):
    """Guards the first step: a sweep that died after it leaves a row, and the bytes are no more."""
    name = put_bytes(b"lost")
    strays._note({name}, is_named=False, now=now)
    with pytest.raises(BlobBusy):
        stored(b"lost", now)
    with pytest.raises(BlobBusy):
        actions.publish_blob(name, now=now)
    assert sweep(now) == 1
    assert (blobs.has(name), Blob.objects.count()) == (False, 0)
    assert stored(b"lost", now) == name
    assert blobs.has(name)


def test_a_row_that_was_made_in_between_is_left_alone(now, monkeypatch):
    """Guards the moment between looking and marking: what was noted then does not go."""
    name = put_bytes(b"lost")
    seen = strays._named

    def look(names):
        assert names == {name}
        stored(b"lost", now)
        return seen(names)

    monkeypatch.setattr(strays, "_named", look)
    assert sweep(now + LATER) == 0
    assert blobs.has(name)
    assert Blob.objects.get().owner == "ada"


def test_a_paused_sweep_does_not_take_what_was_stored_again_meanwhile(now, monkeypatch):
    """Guards the lock and the second look: another sweep ended the work of the paused one."""
    names = [put_bytes(raw) for raw in (b"one", b"two")]
    strays._note(names, is_named=False, now=now)
    delete, deleted = blobs.delete, []

    def pausing(name):
        delete(name)
        deleted.append(name)
        other = next(one for one in names if one != name)
        if len(deleted) == 1:  # while the first goes, somebody else ends the second
            delete(other)
            Blob.objects.filter(pk=other).delete()
            stored(b"one" if other == names[0] else b"two", now)

    monkeypatch.setattr(blobs, "delete", pausing)
    assert sweep(now) == 1
    assert len(deleted) == 1
    assert blobs.has(next(name for name in names if name not in deleted))


def test_withdrawn_bytes_that_came_again_go_and_the_row_stays(now):
    name = stored(b"secret", now)
    actions.withdraw_blob(name, reason="A court asked.", now=now)
    assert blobs.has(name), "the command deletes them, if it is not killed"
    assert sweep(now + LATER) == 1
    assert not blobs.has(name)
    with pytest.raises(BlobGone):
        stored(b"secret", now)
    assert sweep(now + LATER) == 1
    assert (blobs.has(name), Blob.objects.count()) == (False, 1)


def test_the_command_goes_over_the_whole_store(now, monkeypatch):
    monkeypatch.setattr(strays, "SHELVES_AT_ONCE", 2)
    monkeypatch.setattr(strays, "KEPT_UNNAMED", timedelta(days=-1))
    for number in range(7):
        put_bytes(f"then {number}".encode())
    out = StringIO()
    call_command("sweep_blobs", stdout=out)
    assert out.getvalue() == "7 files are gone.\n"
    assert not any(shelf.names for shelf in shelves.shelves(0))


def test_a_store_in_which_nothing_was_stored_is_swept(now):
    assert actions.sweep_strays(now=now) == (0, True)
    assert actions.sweep_parts(now=now) == 0


@pytest.mark.parametrize("store", ["s3"], indirect=True)
def test_parts_in_s3_that_no_upload_has_are_given_up(store, now):
    """Guards S3's own uploads, and the whole that was joined by somebody who died then."""
    actions.open_account_for("ada", now=now)
    kept = actions.begin_upload(owner="ada", sha256="a" * 64, size_bytes=9, now=now)
    lost = actions.begin_upload(owner="ada", sha256="b" * 64, size_bytes=9, now=now)
    store.uploads["twin"] = (f"uploads/{kept.id}", {})
    store.objects["uploads/joined"] = b"whole"
    Upload.objects.filter(pk=lost.id).delete()
    assert actions.sweep_parts(now=now) == 3
    assert [key for key, _ in store.uploads.values()] == [f"uploads/{kept.id}"]
    assert store.objects == {}
    assert actions.sweep_parts(now=now) == 0
