"""Proofs that a chunk is a part of a file."""

from typing import NamedTuple

from assay.chunks import chunk_bytes, chunk_count
from ledger import blobs
from ledger.actions.files import note_root
from ledger.errors import BlobDamaged, ChunkUnknown
from ledger.models import Blob


class ChunkProof(NamedTuple):
    """What shows that a chunk is in its file: assay/chunks.py checks it.

    chunk_bytes  of this chunk; path: hex hashes, nearest first
    """

    chunk_bytes: int
    path: list[str]
    chunk_root: str


def prove_chunk(found: Blob, index: int) -> ChunkProof:
    """Read the whole file, verify it, and lead from one chunk to its root.

    The root is noted where it is not known: for files that were stored before there were roots.
    raises  ChunkUnknown, BlobMissing, BlobDamaged
    """
    chunks = chunk_count(found.size_bytes)
    if not 0 <= index < chunks:
        words = f"The file has {chunks} chunks, and no chunk {index}."
        raise ChunkUnknown(words, sha256=found.pk, index=index, chunks=chunks)
    tree = blobs.tree_of(found.pk)
    root = tree.root()
    if found.chunk_root not in ("", root):
        words = "The noted root of the file's chunks is not that of its bytes."
        raise BlobDamaged(words, sha256=found.pk, found=root)
    note_root(found.pk, root)
    return ChunkProof(chunk_bytes(index, found.size_bytes), tree.path(index), root)
