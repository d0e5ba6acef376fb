"""Proofs from stored tiles: a few files are read, whatever the size of the log."""

from collections.abc import Iterable

from assay import merkle, notes
from ledger import queries
from ledger.errors import LogDamaged, MessageUnknown, ReceiptNotYet
from ledger.models import Message
from ledger.sequencer import tiles

HASH_BYTES = tiles.HASH_BYTES
LEVEL_BITS = 8  # a tile is 2^8 hashes wide, and as many levels of the tree high


def receipt(item: str) -> str:
    """The `.tlog-proof` of a message, under a checkpoint that is witnessed where there is one.

    raises MessageUnknown, ReceiptNotYet while no checkpoint covers it
    """
    row = Message.objects.filter(item=item).values("log_index").first()
    if row is None:
        raise MessageUnknown(f"No message {item} is in the log.", id=item)
    index = row["log_index"]
    checkpoint = None if index is None else queries.covering_checkpoint(index)
    if index is None or checkpoint is None:
        raise ReceiptNotYet(f"No checkpoint covers {item} yet.", id=item)
    note = queries.cosigned_note(checkpoint)
    return notes.write_proof(index, inclusion(index, checkpoint.size), note)


def inclusion(index: int, size: int) -> list[bytes]:
    """The audit path of an entry in the tree of a signed size, nearest first. raises LogDamaged"""
    return _hashes(merkle.inclusion_ranges(index, size), size)


def consistency(old: int, size: int) -> list[bytes]:
    """The proof that the first `old` entries begin a signed size; empty for none and for all.

    raises LogDamaged
    """
    if not 0 < old < size:
        return []
    return _hashes(merkle.consistency_ranges(old, size), size)


def _hashes(ranges: Iterable[tuple[int, int]], size: int) -> list[bytes]:
    tree = _StoredTree(size)
    return [tree.root_of(start, end) for start, end in ranges]


class _StoredTree:
    """The tree of one signed size; each of its tiles is read at most once."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._tiles: dict[tuple[int, int], bytes] = {}

    def root_of(self, start: int, end: int) -> bytes:
        """The root over the leaves from start to before end; start is where a subtree begins."""
        nodes = []
        while start < end:
            height = (end - start).bit_length() - 1
            nodes.append(self._node(height, start >> height))
            start += 1 << height
        return merkle.edge_root(nodes)

    def _node(self, height: int, place: int) -> bytes:
        """The root of a full subtree of 2^height leaves."""
        level, inner = divmod(height, LEVEL_BITS)
        index, first = divmod(place << inner, merkle.TILE)
        raw = self._tile(level, index)
        part = raw[first * HASH_BYTES : (first + (1 << inner)) * HASH_BYTES]
        hashes = [part[at : at + HASH_BYTES] for at in range(0, len(part), HASH_BYTES)]
        return merkle.root_of_nodes(hashes)

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._tiles:
            hashes = self._size >> (LEVEL_BITS * level)
            width = min(merkle.TILE, hashes - index * merkle.TILE)
            raw = tiles.hash_tile(level, index, width)
            if raw is None:
                path = merkle.tile_path(level, index, width)
                text = f"{path} is not stored, although the log of {self._size} was signed."
                raise LogDamaged(text, where=path, index=index * merkle.TILE)
            self._tiles[level, index] = raw
        return self._tiles[level, index]
