"""Files by their SHA-256: put whole or by parts, got whole or in ranges."""

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import IO, NamedTuple

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from ninja import Field, Query, Router, Schema
from ninja.responses import Status

from assay import chunks
from ledger import actions, blobs, queries
from ledger.errors import (
    BlobBusy,
    BlobDamaged,
    BlobGone,
    BlobMissing,
    BlobQuota,
    BlobTooLarge,
    BlobUnknown,
    ChunkUnknown,
    RangeRefused,
    UploadRefused,
    UploadUnknown,
)
from ledger.models import Blob
from ledger.rules.ranges import asked_range
from web import auth
from web.answers import streamed
from web.api import Body, TokenAuth
from web.errors import UploadBytesSpent
from web.openapi import BYTES, documented

PIECE_BYTES = 1 << 18
A_FILE = MappingProxyType(
    {
        (200, BYTES): "The file.",
        (206, BYTES): "The range of it that was asked for.",
        (304, ""): "It is what If-None-Match names.",
    }
)
BUSY, SPENT = (BlobGone, BlobBusy), (BlobTooLarge, UploadBytesSpent)
FOREVER = "public, max-age=31536000, immutable"
Sha256 = Query(..., pattern=r"^[0-9a-f]{64}$")


class Served(NamedTuple):
    """What is known of a file before it is sent."""

    sha256: str
    size_bytes: int


class StoredOut(Schema):
    """Bytes that are in the store. chunk_root: of the tree over their chunks, 64 hex digits."""

    sha256: str
    size_bytes: int
    chunk_root: str


class ChunksOut(StoredOut):
    """A file and its chunks; all but the last have chunk_bytes.

    chunk_root is empty while nobody computed it: for an old file, until a proof is asked for.
    """

    chunk_bytes: int
    chunks: int


class ChunkOut(StoredOut):
    """One chunk's place in its file: the hashes of `path`, nearest first, lead to chunk_root.

    The bytes are those of the range from index * 65536, chunk_bytes long.
    """

    index: int
    chunk_bytes: int
    path: list[str]


class UploadIn(Body):
    """A file that is about to come by parts."""

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(gt=0)


class UploadOut(Schema):
    """An upload: `here` are the numbers of its parts, from 0, that need not be sent again.

    With is_direct, ask for the address of each part and send it there; else PUT it here.
    """

    id: str
    sha256: str
    size_bytes: int
    part_bytes: int
    parts: int
    here: list[int]
    is_direct: bool


class AddressOut(Schema):
    """Where a part goes by PUT, for an hour, and headers that must be sent along."""

    url: str
    headers: dict[str, str]


def router() -> Router:
    """/blobs"""
    found = Router()
    guard = TokenAuth("submit")
    says = documented(BlobDamaged, *SPENT, BlobQuota, *BUSY, sends="The file.")
    found.put("/{sha256}", auth=guard, response=StoredOut, openapi_extra=says)(_put_blob)
    says = documented(BlobUnknown, *BUSY)
    found.api_operation(["HEAD"], "/{sha256}", auth=guard, openapi_extra=says)(_has_blob)
    says = documented(BlobMissing, BlobDamaged, BlobGone, RangeRefused, gives=A_FILE)
    found.get("/{sha256}", openapi_extra=says)(_get_blob)
    says = documented(BlobMissing, BlobGone)
    found.get("/{sha256}/chunks", response=ChunksOut, openapi_extra=says)(_get_chunks)
    says = documented(BlobMissing, BlobGone, BlobDamaged, ChunkUnknown)
    found.get("/{sha256}/chunks/{index}", response=ChunkOut, openapi_extra=says)(_prove_chunk)
    return found


def upload_router() -> Router:
    """/uploads"""
    found = Router(auth=TokenAuth("submit"))
    says = documented(*SPENT, BlobQuota, UploadRefused)
    found.post("", response=UploadOut, openapi_extra=says)(_begin_upload)
    says = documented(UploadUnknown)
    found.get("/{upload}", response=UploadOut, openapi_extra=says)(_upload_state)
    found.delete("/{upload}", response={204: None}, openapi_extra=says)(_drop_upload)
    place, says = "/{upload}/parts/{number}", documented(UploadUnknown, UploadRefused)
    found.get(place, response=AddressOut, openapi_extra=says)(_part_address)
    says = documented(UploadUnknown, UploadRefused, BlobDamaged, sends="The part.")
    found.put(place, response={204: None}, openapi_extra=says)(_put_part)
    says = documented(UploadUnknown, UploadRefused, BlobDamaged, BlobQuota, *BUSY)
    found.post("/{upload}/complete", response=StoredOut, openapi_extra=says)(_complete_upload)
    return found


def _put_blob(request: HttpRequest, sha256: str) -> dict[str, object]:
    """Store bytes under their SHA-256; sent twice they are stored once."""
    name, _ = actions.store(
        _sent(request),
        owner=_member(request),
        limit_bytes=settings.BLOB_LIMIT_BYTES,
        expected=sha256,
        now=timezone.now(),
    )
    return _told(name)


def _has_blob(request: HttpRequest, sha256: str) -> HttpResponse:
    """Whether you have stored these bytes already; 404 when not, or when they are another's."""
    queries.named_blob(sha256, account=_member(request))
    # Whoever asks is about to use them, so they are not swept today.
    is_here = actions.touch(sha256, now=timezone.now())
    return HttpResponse(status=200 if is_here else 404)


def _get_blob(request: HttpRequest, sha256: str) -> HttpResponseBase:
    """The bytes of a public file, verified against their name; `Range: bytes=a-b` gives a part."""
    found = _public(sha256)
    file = Served(sha256, found.size_bytes)
    return sent(request, file, lambda span: part_of(blobs.open_verified(sha256), span))


def sent(
    request: HttpRequest,
    file: Served,
    pieces: Callable[[tuple[int, int]], Iterator[bytes]],
    *,
    keeps: str = FOREVER,
) -> HttpResponseBase:
    """The answer with a file, or with the part of it that `Range` asks for.

    pieces  (first byte, end) -> those bytes;  keeps: what Cache-Control says
    raises  RangeRefused
    """
    headers = {"ETag": f'"{file.sha256}"', "Cache-Control": keeps, "Accept-Ranges": "bytes"}
    if request.headers.get("If-None-Match") == headers["ETag"]:
        return HttpResponse(status=304, headers=headers)
    asked = request.headers.get("Range", "")
    if request.headers.get("If-Range", headers["ETag"]) != headers["ETag"]:
        asked = ""  # the client has a part of something else
    span = asked_range(asked, file.size_bytes)
    if span is None:
        told = f"bytes */{file.size_bytes}"
        raise RangeRefused(f"The file has no {asked!r}.", size_bytes=file.size_bytes, range=told)
    start, end = span
    if asked and span != (0, file.size_bytes):
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{file.size_bytes}"
    headers["Content-Length"] = str(end - start)
    return StreamingHttpResponse(
        streamed(request, pieces(span)),
        status=206 if "Content-Range" in headers else 200,
        content_type="application/octet-stream",
        headers=headers,
    )


def _get_chunks(request: HttpRequest, sha256: str) -> dict[str, object]:  # noqa: ARG001
    """A public file's size, its chunks, and the root of the Merkle tree over them."""
    found = _public(sha256)
    count = chunks.chunk_count(found.size_bytes)
    return {**_facts(found), "chunk_bytes": chunks.CHUNK_BYTES, "chunks": count}


def _prove_chunk(request: HttpRequest, sha256: str, index: int) -> dict[str, object]:  # noqa: ARG001
    """The proof that a chunk of 64 KiB is a part of a public file, numbers from 0."""
    found = _public(sha256)
    proof = actions.prove_chunk(found, index)
    return {**_facts(found), "index": index, **proof._asdict()}


def _begin_upload(request: HttpRequest, body: UploadIn) -> actions.UploadState:
    """Begin to send a file by parts, or learn which parts of it are here."""
    owner, now = _member(request), timezone.now()
    return actions.begin_upload(
        owner=owner, sha256=body.sha256, size_bytes=body.size_bytes, now=now
    )


def _upload_state(request: HttpRequest, upload: str) -> actions.UploadState:
    """Which parts are here."""
    return actions.upload_state(upload, owner=_member(request))


def _drop_upload(request: HttpRequest, upload: str) -> Status[None]:
    """Forget an upload and its parts."""
    actions.drop_upload(upload, owner=_member(request))
    return Status(204, None)


def _part_address(
    request: HttpRequest, upload: str, number: int, sha256: str = Sha256
) -> dict[str, object]:
    """Where to PUT a part with this SHA-256."""
    owner = _member(request)
    return actions.part_address(upload, number, owner=owner, part_sha256=sha256)._asdict()


def _put_part(request: HttpRequest, upload: str, number: int, sha256: str = Sha256) -> Status[None]:
    """Send one part, the raw bytes, with their SHA-256; sent again it is kept again."""
    owner = _member(request)
    actions.put_part(upload, number, _sent(request), owner=owner, part_sha256=sha256)
    return Status(204, None)


def _complete_upload(request: HttpRequest, upload: str) -> dict[str, object]:
    """Join the parts, and check the whole against its name."""
    name, _ = actions.complete_upload(upload, owner=_member(request), now=timezone.now())
    return _told(name)


def _public(sha256: str) -> Blob:
    """raises BlobGone, BlobMissing"""
    found = queries.blob(sha256)
    if found is not None and found.withdrawn:
        raise BlobGone("The file was withdrawn.", sha256=sha256, by=found.withdrawn)
    if found is None or not found.is_public:
        raise BlobMissing(
            "There is no public file of this name.",
            next_step="Check the name; files of entries are public once their competition closed.",
            sha256=sha256,
        )
    return found


def _told(name: str) -> dict[str, object]:
    """What is known of a file that was just stored."""
    found = queries.blob(name)
    assert found is not None, "a stored file has its row"
    return _facts(found)


def _facts(found: Blob) -> dict[str, object]:
    return {
        "sha256": found.pk,
        "size_bytes": found.size_bytes,
        "chunk_root": found.chunk_root,
    }


def _member(request: HttpRequest) -> str:
    """The account of the token."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    return caller.account


def _sent(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(PIECE_BYTES):
        yield chunk


def part_of(file: IO[bytes], span: tuple[int, int]) -> Iterator[bytes]:
    """The bytes of an open file from the first to before the second place; it is closed then."""
    start, end = span
    with file:
        file.seek(start)
        while start < end and (piece := file.read(min(PIECE_BYTES, end - start))):
            start += len(piece)
            yield piece
