"""Content-addressed bytes: the name is the SHA-256. Put, open, read whole.

Bytes lie in Django's default storage (a folder, or S3 by STORAGE_URL) under ab/cd/<hash>. Equal
names are equal bytes, so a second put is free.
"""

from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, NamedTuple

from django.core.files import File
from django.core.files.storage import default_storage

from assay.chunks import ChunkTree
from ledger.errors import BlobDamaged, BlobMissing, BlobTooLarge

IN_MEMORY_BYTES = 4 << 20
NO_LIMIT = 1 << 62


class Stored(NamedTuple):
    """What is known of bytes that were hashed whole. chunk_root: of assay/chunks.py"""

    sha256: str
    size_bytes: int
    chunk_root: str


def put(chunks: Iterable[bytes], *, limit_bytes: int, expected: str = "") -> Stored:
    """Store bytes, hashing while they arrive.

    raises  BlobTooLarge past the limit, BlobDamaged when they are not `expected`: nothing stays
    """
    sha, tree, size = sha256(), ChunkTree(), 0
    with SpooledTemporaryFile(max_size=IN_MEMORY_BYTES) as spool:
        for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise BlobTooLarge(
                    f"The file is larger than {limit_bytes} bytes.", limit_bytes=limit_bytes
                )
            sha.update(chunk)
            tree.update(chunk)
            spool.write(chunk)
        name = sha.hexdigest()
        if expected and name != expected:
            raise BlobDamaged("The bytes changed on the way.", sha256=expected, found=name)
        if not default_storage.exists(place(name)):
            spool.seek(0)
            default_storage.save(place(name), File(spool, name=name))
    return Stored(name, size, tree.root())


def open_blob(name: str) -> IO[bytes]:
    """The bytes as a stream, unverified: for sending. raises BlobMissing"""
    try:
        return default_storage.open(place(name), "rb")
    except FileNotFoundError as error:
        raise missing(name) from error


def open_verified(name: str) -> IO[bytes]:
    """The bytes as a stream, after all of them were read once and fit their name.

    raises BlobMissing, BlobDamaged
    """
    file, sha = open_blob(name), sha256()
    while chunk := file.read(1 << 20):
        sha.update(chunk)
    if sha.hexdigest() != name:
        file.close()
        raise _damaged(name, sha.hexdigest())
    file.seek(0)
    return file


def read(name: str, *, limit_bytes: int) -> bytes:
    """The whole bytes, verified against their name.

    raises BlobMissing, BlobTooLarge, BlobDamaged
    """
    with open_blob(name) as file:
        raw = file.read(limit_bytes + 1)
    if len(raw) > limit_bytes:
        raise BlobTooLarge(f"The blob is larger than {limit_bytes} bytes.", limit_bytes=limit_bytes)
    found = sha256(raw).hexdigest()
    if found != name:
        raise _damaged(name, found)
    return raw


def copy_to(name: str, target: Path) -> None:
    """Write the bytes to a file, verified. raises BlobMissing, BlobDamaged"""
    sha = sha256()
    with open_blob(name) as file, target.open("wb") as out:
        while chunk := file.read(1 << 20):
            sha.update(chunk)
            out.write(chunk)
    if sha.hexdigest() != name:
        raise _damaged(name, sha.hexdigest())


def tree_of(name: str) -> ChunkTree:
    """The tree over the chunks of a blob, whose bytes were read once and fit their name.

    raises  BlobMissing, BlobDamaged
    """
    sha, tree = sha256(), ChunkTree()
    with open_blob(name) as file:
        while piece := file.read(1 << 20):
            sha.update(piece)
            tree.update(piece)
    if sha.hexdigest() != name:
        raise _damaged(name, sha.hexdigest())
    return tree


def has(name: str) -> bool:
    """True when bytes are stored under this name."""
    return bool(default_storage.exists(place(name)))


def size(name: str) -> int:
    """Bytes stored under this name. raises BlobMissing"""
    if not has(name):
        raise missing(name)
    return int(default_storage.size(place(name)))


def delete(name: str) -> None:
    """Take bytes out of the store; harmless when they are not there."""
    default_storage.delete(place(name))


def place(name: str) -> str:
    """Where a blob lies in the storage: ab/cd/<hash>."""
    return f"{name[:2]}/{name[2:4]}/{name}"


def missing(name: str) -> BlobMissing:
    """What everybody is told who asks for bytes that are not here."""
    return BlobMissing(f"No file {name[:16]}... is in the store.", sha256=name)


def _damaged(name: str, found: str) -> BlobDamaged:
    return BlobDamaged("The stored bytes are not those of their name.", sha256=name, found=found)
