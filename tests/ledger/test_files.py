"""Files in the store: ranges, withdrawal, the sweep, and a folder in which nothing is half."""

import io
from datetime import timedelta
from hashlib import sha256

import pytest
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.test import AsyncClient
from hypothesis import given
from hypothesis import strategies as st

from assay import messages
from ledger import actions, blobs, log, queries, sequencer
from ledger.errors import BlobBusy, BlobDamaged, BlobGone
from ledger.models import Blob, Upload
from ledger.rules.naming import hashes_in
from ledger.rules.ranges import asked_range
from tests import factories
from tests.ledger.store import put_bytes

pytestmark = pytest.mark.django_db
RAW = bytes(range(256)) * 3000  # more than two pieces
LATER = timedelta(days=2)


@pytest.fixture
def public(now):
    name, _ = actions.store([RAW], owner="ada", limit_bytes=len(RAW), now=now)
    actions.publish_blob(name, now=now)
    return name


def get(client, name, **headers):
    names = {key.replace("_", "-"): value for key, value in headers.items()}
    return client.get(f"/api/blobs/{name}", headers=names)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1), ("bytes=10-19", 10, 20), ("bytes=700000-", 700_000, len(RAW)),
        ("bytes=-5", len(RAW) - 5, len(RAW)), ("bytes=5-99999999", 5, len(RAW)),
    ],
)  # fmt: skip
def test_a_range_gives_just_these_bytes(public, client, asked, start, end):
    answer = get(client, public, Range=asked)
    assert (answer.status_code, answer.getvalue()) == (206, RAW[start:end])
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(RAW)}"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize(
    "asked", ["", "bytes=", "bytes=-", "bytes=9-3", "lines=1-2", "bytes=0-1,4-5"]
)
def test_what_is_no_range_gives_the_whole(public, client, asked):
    answer = get(client, public, Range=asked)
    assert (answer.status_code, answer.getvalue()) == (200, RAW)


@pytest.mark.parametrize("asked", [f"bytes={len(RAW)}-", "bytes=-0"])
def test_a_range_behind_the_end_is_416(public, client, asked):
    answer = get(client, public, Range=asked)
    assert (answer.status_code, answer.json()["code"]) == (416, "ledger.range_refused")


def test_who_has_the_bytes_is_not_sent_them_again(public, client):
    answer = get(client, public, If_None_Match=f'"{public}"')
    assert (answer.status_code, answer.content) == (304, b"")


@given(size=st.integers(0, 50), first=st.integers(0, 60), last=st.integers(0, 60))
def test_a_range_lies_inside_the_file(size, first, last):
    span = asked_range(f"bytes={first}-{last}", size)
    if span:
        assert 0 <= span[0] < span[1] <= size or span == (0, size)
    else:
        assert first >= size


def test_under_asgi_the_bytes_come_piece_by_piece(public):
    """Guards the async iterator: Django gathers what a plain one gives before it sends anything."""

    async def ask():
        answer = await AsyncClient().get(f"/api/blobs/{public}")
        assert answer.is_async
        return [piece async for piece in answer.streaming_content]

    pieces = async_to_sync(ask)()
    assert len(pieces) > 1
    assert b"".join(pieces) == RAW


def test_damaged_bytes_are_never_sent(public, client):
    place = blobs.place(public)
    default_storage.delete(place)
    default_storage.save(place, ContentFile(RAW[:-1] + b"x"))
    for header in ({}, {"Range": "bytes=0-3"}):
        answer = get(client, public, **header)
        assert (answer.status_code, answer.json()["code"]) == (422, "ledger.blob_damaged")


def test_a_withdrawn_file_is_gone_its_row_stays_and_the_log_says_why(public, client, now):
    out = io.StringIO()
    call_command("withdraw_blob", public, reason="A court asked.", stdout=out)
    call_command("withdraw_blob", public, reason="Again.", stdout=out)
    answer = get(client, public)
    assert (answer.status_code, answer.json()["code"]) == (410, "ledger.blob_withdrawn")
    body = log.find(answer.json()["facts"]["by"]).body
    assert (body.sha256, body.reason) == (public, "A court asked.")
    row = Blob.objects.get(pk=public)
    assert (row.size_bytes, row.is_public, blobs.has(public)) == (len(RAW), False, False)
    with pytest.raises(BlobGone):
        actions.store([RAW], owner="bob", limit_bytes=len(RAW), now=now)
    put_bytes(RAW)
    with pytest.raises(BlobGone):
        actions.publish_blob(public, now=now)


def test_the_sweep_takes_what_nobody_names_after_a_day_and_nothing_else(now):
    names = {word: actions.store([word.encode()], owner="ada", limit_bytes=99, now=now)[0]
             for word in ("free", "named", "waiting", "public", "draft")}  # fmt: skip
    fresh = actions.store([b"fresh"], owner="ada", limit_bytes=99, now=now + LATER)[0]
    actions.publish_blob(names["public"], now=now)
    name_it(names["named"], now)
    sequencer.sequence(holder="t", now=now)
    name_it(names["waiting"], now)
    assert actions.sweep_blobs(now=now, kept=()) == 0
    assert actions.sweep_blobs(now=now + LATER, kept={names["draft"]}) == 1
    left = {word for word, name in names.items() if blobs.has(name)}
    assert left == {"named", "waiting", "public", "draft"}
    assert blobs.has(fresh)
    assert actions.sweep_blobs(now=now + LATER, kept=()) == 1


def name_it(name, now):
    """A message that names a file, whatever it is about."""
    body = messages.BlobWithdrawn(name, "named", actions.ms(now))
    log.record([log.fact(body, idempotency=name)])


def test_asking_for_a_file_keeps_it_another_day(now):
    name, _ = actions.store([b"mine"], owner="ada", limit_bytes=99, now=now)
    assert actions.touch(name, now=now + LATER)
    assert actions.sweep_blobs(now=now + LATER, kept=()) == 0


@pytest.mark.parametrize("after", ["row", "bytes"])
def test_a_sweep_that_was_cut_off_goes_on_and_nobody_loses_bytes_to_it(now, after):
    """Guards the three steps: between them the same bytes are refused for a moment, never lost."""
    name, _ = actions.store([b"free"], owner="ada", limit_bytes=99, now=now)
    Blob.objects.update(is_going=True)
    if after == "bytes":
        blobs.delete(name)
    with pytest.raises(BlobBusy):
        actions.store([b"free"], owner="bob", limit_bytes=99, now=now)
    assert not actions.touch(name, now=now)
    assert actions.sweep_blobs(now=now, kept=()) == 1
    assert actions.store([b"free"], owner="bob", limit_bytes=99, now=now)[0] == name
    assert blobs.has(name)


def test_the_log_is_read_for_names_once(now):
    name, _ = actions.store([b"named"], owner="ada", limit_bytes=99, now=now)
    name_it(name, now)
    sequencer.sequence(holder="t", now=now)
    actions.sweep_blobs(now=now, kept=())
    assert queries.next_index("blobs") == queries.log_size()
    assert Blob.objects.get(pk=name).is_named


def test_drafts_and_sealed_slices_keep_their_files_from_the_command():
    factories.ready_draft()
    held = set(Blob.objects.values_list("pk", flat=True))
    Blob.objects.update(at_ms=0)
    out = io.StringIO()
    call_command("sweep_blobs", stdout=out)
    draft = factories.Draft.objects.get()
    files = {one["sha256"] for one in draft.files.values()}
    assert files
    assert all(blobs.has(name) for name in files & held)


def test_an_upload_that_nobody_goes_on_with_is_forgotten_after_a_day(now):
    actions.open_account_for("ada", now=now)
    actions.begin_upload(owner="ada", sha256="a" * 64, size_bytes=9, now=now)
    assert actions.sweep_uploads(now=now) == 0
    assert actions.sweep_uploads(now=now + LATER) == 1
    assert Upload.objects.count() == 0


def test_a_file_of_the_folder_appears_whole_or_not_at_all():
    """Guards the rename: a write that breaks must not leave a name with half the bytes."""

    class Breaking:
        def chunks(self):
            yield b"half"
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        default_storage._save("aa/bb/whole", Breaking())
    assert not default_storage.exists("aa/bb/whole")
    assert default_storage.listdir("aa/bb") == ([], [])


def test_a_copy_of_damaged_bytes_is_refused(tmp_path):
    name = put_bytes(b"good")
    default_storage.delete(blobs.place(name))
    default_storage.save(blobs.place(name), ContentFile(b"evil"))
    with pytest.raises(BlobDamaged):
        blobs.copy_to(name, tmp_path / "x")


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_every_name_in_a_text_is_found_and_a_longer_run_is_none(before, after):
    name = sha256(before).hexdigest()
    assert name in hashes_in(before + b'"' + name.encode() + b'"' + after)
    assert name not in hashes_in(b"0" + name.encode())
