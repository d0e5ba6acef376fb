"""Bytes of users: stored, published, withdrawn, and swept when nobody names them."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from assay import messages
from ledger import blobs, log, queries
from ledger.actions.moment import ms
from ledger.actions.reading import advance
from ledger.errors import BlobBusy, BlobGone, BlobQuota, BlobTooLarge
from ledger.models import Blob, Holder, Message, Upload
from ledger.rules.accounts import OPERATOR
from ledger.rules.naming import hashes_in
from web import budgets

READER = "blobs"
KEPT_UNNAMED = timedelta(days=1)  # from an upload to the order that names the file
READ_AT_ONCE, SWEPT_AT_ONCE = 500, 200


def store(
    chunks: Iterable[bytes], *, owner: str, limit_bytes: int, now: datetime, expected: str = ""
) -> tuple[str, int]:
    """Put a user's bytes into the store and note whose they are.

    raises BlobTooLarge, BlobDamaged, BlobQuota, BlobGone, BlobBusy, UploadBytesSpent
    """
    most_bytes = limit_bytes
    if owner != OPERATOR:
        chunks = budgets.counted(chunks, account=owner)
    if owner != OPERATOR and not (expected and queries.holds(owner, expected)):
        most_bytes = max(0, min(limit_bytes, room_bytes(owner)))
    try:
        stored = blobs.put(chunks, limit_bytes=most_bytes, expected=expected)
    except BlobTooLarge as error:
        if most_bytes < limit_bytes:
            raise quota_reached(owner, limit_bytes) from error
        raise
    note(stored, owner=owner, now=now)
    return stored.sha256, stored.size_bytes


def store_own(raw: bytes, *, now: datetime) -> str:
    """Store bytes of the house's own making; answer with their name.

    raises BlobGone, BlobBusy
    """
    return store([raw], owner=OPERATOR, limit_bytes=len(raw), now=now)[0]


def note(stored: blobs.Stored, *, owner: str, now: datetime) -> None:
    """Note who sent these stored bytes; asked for again, they are kept for another while.

    Bytes without this note are nobody's: only with it may they be named (`queries.named_blob`).
    raises BlobGone when they were withdrawn, BlobBusy when the sweep takes them at this moment
    """
    name, root, size_bytes = stored.sha256, stored.chunk_root, stored.size_bytes
    fresh = {"size_bytes": size_bytes, "chunk_root": root, "owner": owner, "at_ms": ms(now)}
    found, _ = Blob.objects.get_or_create(pk=name, defaults=fresh)
    if found.withdrawn:
        raise gone(found)
    if not found.chunk_root:
        note_root(name, root)
    if found.is_going or not touch(name, now=now) or not blobs.has(name):
        raise BlobBusy("The file is being swept at this moment.", sha256=name)
    if found.owner != owner:
        Holder.objects.get_or_create(blob=name, account=owner)


def note_root(name: str, chunk_root: str) -> None:
    """Note the root of bytes that were read whole, where it is not known yet."""
    Blob.objects.filter(pk=name, chunk_root="").update(chunk_root=chunk_root)


def touch(name: str, *, now: datetime) -> bool:
    """Somebody is about to use these bytes: the sweep leaves them. False: they are going."""
    return bool(Blob.objects.filter(pk=name, is_going=False).update(at_ms=ms(now)))


def room_bytes(owner: str, *, but: str = "") -> int:
    """How much more an account may store: its quota less its files and its open uploads.

    but  the id of an upload that does not count
    """
    held = Blob.objects.filter(owner=owner, withdrawn="")
    coming = Upload.objects.filter(owner=owner).exclude(pk=but)
    used = sum(sum(rows.values_list("size_bytes", flat=True)) for rows in (held, coming))
    return int(settings.BLOB_QUOTA_BYTES) - used


def quota_reached(owner: str, wanted_bytes: int) -> BlobQuota:
    """What an account is told whose files pass its quota."""
    quota_bytes, left_bytes = settings.BLOB_QUOTA_BYTES, max(room_bytes(owner), 0)
    return BlobQuota(
        f"{owner} may keep {quota_bytes} bytes of files, and {left_bytes} of them are left.",
        quota_bytes=quota_bytes,
        left_bytes=left_bytes,
        wanted_bytes=wanted_bytes,
    )


def gone(blob: Blob) -> BlobGone:
    """What everybody is told who asks for a withdrawn file."""
    return BlobGone("The file was withdrawn.", sha256=blob.pk, by=blob.withdrawn)


def publish_blob(name: str, *, now: datetime) -> None:
    """From now on anybody may fetch these bytes. raises BlobMissing, BlobGone, BlobBusy"""
    size_bytes = blobs.size(name)
    fresh = {"size_bytes": size_bytes, "owner": OPERATOR, "at_ms": ms(now)}
    found, _ = Blob.objects.get_or_create(pk=name, defaults=fresh)
    if found.withdrawn:
        raise gone(found)
    if not Blob.objects.filter(pk=name, is_going=False).update(is_public=True):
        raise BlobBusy("The file is being swept at this moment.", sha256=name)


@transaction.atomic
def withdraw_blob(name: str, *, reason: str, now: datetime) -> str:
    """Take a file from everybody, by a message; the row stays, the caller deletes the bytes.

    returns  the id of `blob.withdrawn`; the same one when it was withdrawn before
    raises   BlobMissing
    """
    found = Blob.objects.select_for_update().filter(pk=name).first()
    if found is None:
        raise blobs.missing(name)
    if found.withdrawn:
        return found.withdrawn
    fact = log.fact(messages.BlobWithdrawn(name, reason, ms(now)), idempotency=name)
    Blob.objects.filter(pk=name).update(is_public=False, withdrawn=fact.id)
    log.record([fact])
    return fact.id


def read_names() -> int:
    """Go on reading the log for names of files; what a message names is kept. Answers how many."""
    start = queries.next_index(READER)
    rows = list(queries.messages_from(start, limit=READ_AT_ONCE))
    named = set().union(*(hashes_in(bytes(row.raw)) for row in rows))
    Blob.objects.filter(pk__in=named, is_named=False).update(is_named=True)
    if rows:
        advance(READER, old=start, new=start + len(rows))
    return len(rows)


def sweep_blobs(*, now: datetime, kept: Collection[str] = ()) -> int:
    """Delete private files that no message names a day after they were last asked for.

    kept     names that something beside the log holds, such as drafts
    returns  how many files are gone

    The rows say that their bytes go; then `take_going` takes them.
    """
    while read_names():
        pass
    waiting = Message.objects.filter(log_index=None).values_list("raw", flat=True)
    held = set(kept).union(*(hashes_in(bytes(raw)) for raw in waiting))
    limit_ms = ms(now - KEPT_UNNAMED)
    free = Q(is_named=False, is_public=False, withdrawn="", at_ms__lt=limit_ms)
    found = Blob.objects.filter(free).exclude(pk__in=held).values_list("pk", flat=True)
    Blob.objects.filter(free, pk__in=list(found[:SWEPT_AT_ONCE])).update(is_going=True)
    return take_going()


def take_going() -> int:
    """Delete the bytes of every row that says they go, then the row. returns how many files

    Three steps, each of which may be the last before a crash: the row says that the bytes go, the
    bytes go, the row goes. Whoever stores the same bytes in between is told to try again.
    """
    going = list(Blob.objects.filter(is_going=True).values_list("pk", flat=True))
    return sum(_take(name) for name in going)


@transaction.atomic
def _take(name: str) -> bool:
    """The last two steps, for one file, under the lock of its row.

    Without the lock a sweep that was paused before the bytes would delete those that somebody
    stored again after another sweep had finished.
    """
    if not Blob.objects.select_for_update().filter(pk=name, is_going=True).first():
        return False
    blobs.delete(name)
    Holder.objects.filter(blob=name).delete()
    Blob.objects.filter(pk=name).delete()
    return True
