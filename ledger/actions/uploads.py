"""Files that come in by parts, and go on where the connection broke."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256 as digest_of
from itertools import islice

from django.conf import settings
from django.db import transaction

from ledger import blobs, log, queries
from ledger.actions.files import KEPT_UNNAMED, SWEPT_AT_ONCE, note, quota_reached, room_bytes
from ledger.actions.moment import ms
from ledger.blobs.parts import Address, parts
from ledger.errors import BlobDamaged, BlobTooLarge, UploadRefused, UploadUnknown
from ledger.models import Upload
from ledger.rules.accounts import Account
from web import budgets


@dataclass(frozen=True)
class UploadState:
    """An upload as its sender sees it.

    parts      how many there are; all but the last have part_bytes
    here       numbers of the parts, from 0, that need not be sent again
    is_direct  parts go straight to the store: ask for the address of each
    """

    id: str
    sha256: str
    size_bytes: int
    part_bytes: int
    parts: int
    here: tuple[int, ...]
    is_direct: bool


def begin_upload(*, owner: str, sha256: str, size_bytes: int, now: datetime) -> UploadState:
    """Begin to send a file, or go on with the one that was begun: one per account and name.

    raises BlobTooLarge, BlobQuota, UploadRefused, UploadBytesSpent
    """
    limit_bytes = settings.UPLOAD_LIMIT_BYTES
    if size_bytes > limit_bytes:
        cause = f"The file is larger than {limit_bytes} bytes."
        raise BlobTooLarge(cause, limit_bytes=limit_bytes)
    found = _reserve(owner, sha256, size_bytes, ms(now))
    way = parts()
    if way.here(found.pk, found.remote) is None or (way.is_direct and not found.remote):
        remote = way.begin(found.pk)
        if not Upload.objects.filter(pk=found.pk, remote=found.remote).update(remote=remote):
            way.drop(found.pk, remote)  # another began it at the same moment
    return upload_state(found.pk, owner=owner)


def upload_state(upload: str, *, owner: str) -> UploadState:
    """What is here of an upload. raises UploadUnknown"""
    found = _own(upload, owner)
    way = parts()
    here = tuple(sorted(way.here(found.pk, found.remote) or ()))
    sizes = (found.size_bytes, found.part_bytes, _count(found))
    return UploadState(found.pk, found.sha256, *sizes, here, way.is_direct)


def part_address(upload: str, number: int, *, owner: str, part_sha256: str) -> Address:
    """Where to send a part. raises UploadUnknown, UploadRefused"""
    found = _own(upload, owner)
    _need_number(found, number)
    return parts().address(found.pk, found.remote, number, part_sha256)


def put_part(
    upload: str, number: int, chunks: Iterable[bytes], *, owner: str, part_sha256: str
) -> None:
    """Keep one part; sent again it is kept again.

    raises UploadUnknown, UploadRefused, BlobDamaged
    """
    found = _own(upload, owner)
    _need_number(found, number)
    if parts().is_direct:
        raise _refused(found, "direct", "Parts of this upload go to the store itself")
    raw = b"".join(chunks)
    if len(raw) != _part_bytes(found, number):
        words = f"Part {number} has {len(raw)} bytes instead of {_part_bytes(found, number)}"
        raise _refused(found, "size", words)
    told = digest_of(raw).hexdigest()
    if told != part_sha256:
        raise BlobDamaged("The part changed on the way.", sha256=part_sha256, found=told)
    parts().save(found.pk, number, raw)


def complete_upload(upload: str, *, owner: str, now: datetime) -> tuple[str, int]:
    """Join the parts, check the whole against its name, and note whose it is.

    returns  (sha256, bytes)
    raises   UploadUnknown, UploadRefused when parts are missing, BlobDamaged: then begin again
    """
    found, way = _own(upload, owner), parts()
    numbers, here = range(_count(found)), way.here(upload, found.remote)
    if here is None and not _is_joined(found):
        Upload.objects.filter(pk=upload).delete()
        raise _unknown(upload)
    missing = [number for number in numbers if number not in here] if here is not None else []
    if missing:
        raise _refused(found, "parts_missing", f"{len(missing)} parts are missing", missing)
    note(_joined(found) if here is None else _join(found, numbers), owner=owner, now=now)
    Upload.objects.filter(pk=upload).delete()
    if not way.is_direct:
        way.drop(upload, found.remote)
    return found.sha256, found.size_bytes


def drop_upload(upload: str, *, owner: str) -> None:
    """Forget an upload and its parts. raises UploadUnknown"""
    found = _own(upload, owner)
    parts().drop(found.pk, found.remote)
    found.delete()


def sweep_uploads(*, now: datetime) -> int:
    """Forget uploads that nobody went on with for a day. returns how many"""
    stale = list(Upload.objects.filter(at_ms__lt=ms(now - KEPT_UNNAMED)))
    for one in stale:
        drop_upload(one.pk, owner=one.owner)
    return len(stale)


def sweep_parts(*, now: datetime) -> int:
    """Delete parts that no upload has, a day after they came: somebody died beside them.

    returns  how many uploads were nobody's; at most SWEPT_AT_ONCE
    """
    way = parts()
    found = list(islice(way.idle(now - KEPT_UNNAMED), SWEPT_AT_ONCE))
    rows = Upload.objects.filter(pk__in=[upload for upload, _ in found])
    lost = set(found) - set(rows.values_list("pk", "remote"))
    for upload, remote in lost:
        way.drop(upload, remote)
    return len(lost)


@transaction.atomic
def _reserve(owner: str, sha256: str, size_bytes: int, at_ms: int) -> Upload:
    """The account's upload of this file. raises BlobQuota, UploadRefused, UploadBytesSpent"""
    log.Tables().lock(Account, [owner])  # uploads of one account are counted one at a time
    known = Upload.objects.filter(owner=owner, sha256=sha256).first()
    if size_bytes > room_bytes(owner, but=known.pk if known else ""):
        raise quota_reached(owner, size_bytes)
    if known and known.size_bytes != size_bytes:
        raise _refused(known, "size", f"You announced the same file with {known.size_bytes} bytes")
    if known:
        Upload.objects.filter(pk=known.pk).update(at_ms=at_ms)
        return known
    budgets.spend("upload_bytes", size_bytes, account=owner)
    return Upload.objects.create(
        id=secrets.token_hex(16),
        owner=owner,
        sha256=sha256,
        size_bytes=size_bytes,
        part_bytes=settings.UPLOAD_PART_BYTES,
        at_ms=at_ms,
    )


def _join(found: Upload, numbers: range) -> blobs.Stored:
    """raises BlobDamaged; then the upload is forgotten, since nobody knows which part is wrong"""
    way = parts()
    try:
        return way.finish(found.pk, found.remote, numbers, found.sha256)
    except BlobDamaged:
        way.drop(found.pk, found.remote)
        found.delete()
        raise


def _is_joined(found: Upload) -> bool:
    """Whether its bytes are here by this account: another's, of the same name, are no answer."""
    is_nobodys = queries.blob(found.sha256) is None
    return blobs.has(found.sha256) and (is_nobodys or queries.holds(found.owner, found.sha256))


def _joined(found: Upload) -> blobs.Stored:
    """What an earlier request joined, and could not say so any more."""
    root = blobs.tree_of(found.sha256).root()
    return blobs.Stored(found.sha256, found.size_bytes, root)


def _own(upload: str, owner: str) -> Upload:
    found = Upload.objects.filter(pk=upload, owner=owner).first()
    if found is None:
        raise _unknown(upload)
    return found


def _unknown(upload: str) -> UploadUnknown:
    return UploadUnknown("You have no such upload.", upload=upload)


def _count(found: Upload) -> int:
    return -(-found.size_bytes // found.part_bytes)


def _part_bytes(found: Upload, number: int) -> int:
    return min(found.part_bytes, found.size_bytes - number * found.part_bytes)


def _need_number(found: Upload, number: int) -> None:
    if not 0 <= number < _count(found):
        raise _refused(found, "number", f"There is no part {number} of {_count(found)}")


def _refused(found: Upload, reason: str, words: str, missing: Iterable[int] = ()) -> UploadRefused:
    numbers = list(missing)
    return UploadRefused(f"{words}.", upload=found.pk, reason=reason, missing=numbers)
