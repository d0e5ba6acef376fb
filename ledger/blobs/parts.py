"""Files that come in by parts: kept in our storage, or sent by the client straight to S3.

Both ways have the same verbs. Every part is checked against its SHA-256 on arrival (S3 does it
itself, by the checksum that is signed into the address), the whole against its name at the end.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from assay.chunks import ChunkTree
from ledger import blobs
from ledger.blobs.shelves import is_before
from ledger.errors import BlobDamaged

PIECE_BYTES = 1 << 20
PLACE_LIFETIME_S = 3600
UPLOADS = "uploads"


class Address(NamedTuple):
    """Where a client sends a part: a URL, and headers that it must send along."""

    url: str
    headers: dict[str, str]


class Parts(Protocol):
    """Where the parts of uploads are. is_direct: the client sends them to the store itself."""

    is_direct: bool

    def begin(self, upload: str) -> str:
        """The store's own name of a new upload; empty when it needs none."""

    def address(self, upload: str, remote: str, number: int, part_sha256: str) -> Address:
        """Where the client sends a part, when that is not to us."""

    def save(self, upload: str, number: int, raw: bytes) -> None:
        """Keep a part that came to us."""

    def here(self, upload: str, remote: str) -> set[int] | None:
        """The parts that the store has; None when it does not know the upload any more."""

    def finish(self, upload: str, remote: str, numbers: Iterable[int], name: str) -> blobs.Stored:
        """Join the parts to the blob `name`. raises BlobDamaged"""

    def drop(self, upload: str, remote: str) -> None:
        """Forget an upload and its parts."""

    def idle(self, before: datetime) -> Iterator[tuple[str, str]]:
        """(upload, remote) of what the store has, and got nothing of since this moment."""


def parts() -> Parts:
    """The way of the storage that the settings name."""
    return DirectParts(default_storage) if hasattr(default_storage, "bucket_name") else KeptParts()


class KeptParts:
    """Parts in our own storage, under uploads/<upload>/<number>."""

    is_direct = False

    def begin(self, upload: str) -> str:  # noqa: ARG002 - nothing to begin
        return ""

    def address(self, upload: str, remote: str, number: int, part_sha256: str) -> Address:  # noqa: ARG002
        url = f"/api/uploads/{upload}/parts/{number}?sha256={part_sha256}"
        return Address(url, {})

    def save(self, upload: str, number: int, raw: bytes) -> None:
        place = _place(upload, number)
        default_storage.delete(place)
        default_storage.save(place, ContentFile(raw))

    def here(self, upload: str, remote: str) -> set[int] | None:  # noqa: ARG002
        names = (place.rpartition("/")[2] for place in self._places(f"{UPLOADS}/{upload}"))
        return {int(name) for name in names if name.isdecimal()}

    def finish(
        self,
        upload: str,
        remote: str,  # noqa: ARG002
        numbers: Iterable[int],
        name: str,
    ) -> blobs.Stored:
        pieces = (piece for number in numbers for piece in self._read(upload, number))
        return blobs.put(pieces, limit_bytes=blobs.NO_LIMIT, expected=name)

    def drop(self, upload: str, remote: str) -> None:  # noqa: ARG002
        folder = f"{UPLOADS}/{upload}"
        for place in self._places(folder):
            default_storage.delete(place)
        default_storage.delete(folder)

    def idle(self, before: datetime) -> Iterator[tuple[str, str]]:
        found = default_storage.listdir(UPLOADS)[0] if default_storage.exists(UPLOADS) else []
        for upload in found:
            folder = f"{UPLOADS}/{upload}"
            if all(is_before(place, before) for place in (folder, *self._places(folder))):
                yield upload, ""

    def _places(self, folder: str) -> list[str]:
        """Parts, and what somebody who died had written of one."""
        found = default_storage.listdir(folder)[1] if default_storage.exists(folder) else []
        return [f"{folder}/{one}" for one in found]

    def _read(self, upload: str, number: int) -> Iterator[bytes]:
        with default_storage.open(_place(upload, number), "rb") as file:
            yield from iter(partial(file.read, PIECE_BYTES), b"")


class DirectParts:
    """A multipart upload of S3, whose parts go there by presigned addresses."""

    is_direct = True

    def __init__(self, storage: Any) -> None:
        self._bucket: str = storage.bucket_name
        self._s3: Any = storage.connection.meta.client

    def begin(self, upload: str) -> str:
        told = self._s3.create_multipart_upload(**self._key(upload), ChecksumAlgorithm="SHA256")
        return str(told["UploadId"])

    def address(self, upload: str, remote: str, number: int, part_sha256: str) -> Address:
        checksum = b64encode(bytes.fromhex(part_sha256)).decode()
        asked = {**self._key(upload), "UploadId": remote, "PartNumber": number + 1}
        url = self._s3.generate_presigned_url(
            "upload_part", Params={**asked, "ChecksumSHA256": checksum}, ExpiresIn=PLACE_LIFETIME_S
        )
        return Address(url, {"x-amz-checksum-sha256": checksum})

    def save(self, upload: str, number: int, raw: bytes) -> None:  # noqa: ARG002
        raise AssertionError("parts go to the store itself")

    def here(self, upload: str, remote: str) -> set[int] | None:
        try:
            return set(self._listed(upload, remote))
        except self._s3.exceptions.NoSuchUpload:
            return None

    def finish(self, upload: str, remote: str, numbers: Iterable[int], name: str) -> blobs.Stored:
        listed = self._listed(upload, remote)
        chosen = [
            {"PartNumber": number + 1, **_only(listed[number], "ETag", "ChecksumSHA256")}
            for number in numbers
        ]
        key = self._key(upload)
        self._s3.complete_multipart_upload(
            **key, UploadId=remote, MultipartUpload={"Parts": chosen}
        )
        try:
            return self._verified(upload, name)
        finally:
            self._s3.delete_object(**key)

    def drop(self, upload: str, remote: str) -> None:
        if not remote:  # its parts were joined, and the whole was left without its name
            self._s3.delete_object(**self._key(upload))
            return
        with suppress(self._s3.exceptions.NoSuchUpload):
            self._s3.abort_multipart_upload(**self._key(upload), UploadId=remote)

    def idle(self, before: datetime) -> Iterator[tuple[str, str]]:
        pages = self._s3.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=self._bucket, Prefix=f"{UPLOADS}/"):
            for one in page.get("Uploads", ()):
                if one["Initiated"] < before:
                    yield one["Key"].partition("/")[2], one["UploadId"]
        for upload in default_storage.listdir(UPLOADS)[1]:
            if is_before(f"{UPLOADS}/{upload}", before):
                yield upload, ""

    def _verified(self, upload: str, name: str) -> blobs.Stored:
        """Read the whole back, and only then give it its name."""
        sha, tree, size_bytes = sha256(), ChunkTree(), 0
        body = self._s3.get_object(**self._key(upload))["Body"]
        for piece in body.iter_chunks(PIECE_BYTES):
            sha.update(piece)
            tree.update(piece)
            size_bytes += len(piece)
        if sha.hexdigest() != name:
            words = "The parts do not make the file that was announced."
            raise BlobDamaged(words, sha256=name, found=sha.hexdigest())
        place = {"Bucket": self._bucket, "Key": blobs.place(name)}
        self._s3.copy_object(**place, CopySource=self._key(upload))
        return blobs.Stored(name, size_bytes, tree.root())

    def _listed(self, upload: str, remote: str) -> dict[int, Mapping[str, Any]]:
        pages = self._s3.get_paginator("list_parts").paginate(**self._key(upload), UploadId=remote)
        return {part["PartNumber"] - 1: part for page in pages for part in page.get("Parts", ())}

    def _key(self, upload: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{UPLOADS}/{upload}"}


def _place(upload: str, number: int) -> str:
    return f"{UPLOADS}/{upload}/{number}"


def _only(part: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Some of a part's facts; not every store tells the checksum again, though all check it."""
    return {name: part[name] for name in names if name in part}
