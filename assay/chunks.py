"""A file's Merkle tree over chunks of 64 KiB: whoever has a part of a file can check just that.

The tree is that of RFC 6962 (assay/merkle.py); leaf n is the n-th chunk, and only the last one may
be shorter. A file without bytes has no chunk, and the root of the empty tree, sha256 of nothing.
The root does not say how many chunks there are: take size and root from the same mouth.
"""

from collections.abc import Iterable, Sequence

from assay import merkle

CHUNK_BYTES = 65_536
HASH_DIGITS = 64


def is_chunk(
    raw: bytes, index: int, *, size_bytes: int, path: Sequence[str], chunk_root: str
) -> bool:
    """True when these bytes are chunk `index` of the file with this size and root.

    index       from 0; the chunk begins at byte index * CHUNK_BYTES
    size_bytes  of the whole file
    path        hashes of 64 hex digits, nearest first, as the site tells them
    """
    if not 0 <= index < chunk_count(size_bytes) or len(raw) != chunk_bytes(index, size_bytes):
        return False
    try:
        proof = [_hash(one) for one in path]
        leaf = merkle.leaf_hash(raw)
        found = merkle.root_of_inclusion(leaf, index, chunk_count(size_bytes), proof)
    except ValueError:
        return False
    return found.hex() == chunk_root


def chunk_count(size_bytes: int) -> int:
    """How many chunks a file of this size has; none when it is empty."""
    return -(-size_bytes // CHUNK_BYTES)


def chunk_bytes(index: int, size_bytes: int) -> int:
    """The size of chunk `index`, which the file must have."""
    assert 0 <= index < chunk_count(size_bytes)
    return min(CHUNK_BYTES, size_bytes - index * CHUNK_BYTES)


class ChunkTree:
    """The tree of a file, grown while its bytes arrive in pieces of any size.

    leaves  the hashes of the chunks that are whole so far: 32 bytes for each 64 KiB
    """

    def __init__(self, pieces: Iterable[bytes] = ()) -> None:
        self.leaves: list[bytes] = []
        self._rest = bytearray()
        for piece in pieces:
            self.update(piece)

    def update(self, piece: bytes) -> None:
        """Take the next bytes of the file."""
        self._rest += piece
        whole = len(self._rest) // CHUNK_BYTES * CHUNK_BYTES
        for start in range(0, whole, CHUNK_BYTES):
            self.leaves.append(merkle.leaf_hash(bytes(self._rest[start : start + CHUNK_BYTES])))
        del self._rest[:whole]

    def root(self) -> str:
        """The root over all bytes so far, 64 hex digits."""
        return merkle.root(self._all_leaves()).hex()

    def path(self, index: int) -> list[str]:
        """The hashes that lead from chunk `index`, which must be there, to the root."""
        leaves = self._all_leaves()
        assert 0 <= index < len(leaves)
        return [one.hex() for one in merkle.inclusion(leaves, index)]

    def _all_leaves(self) -> list[bytes]:
        return [*self.leaves, *[merkle.leaf_hash(bytes(self._rest))] * bool(self._rest)]


def _hash(digits: str) -> bytes:
    """raises ValueError when these are not 64 hex digits"""
    raw = bytes.fromhex(digits)
    if len(raw) * 2 != len(digits) or len(digits) != HASH_DIGITS:
        raise ValueError("a hash has 64 hex digits")
    return raw
