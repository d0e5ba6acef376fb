"""The append-only Merkle tree: roots, the right edge, proofs, tiles.

Leaf = sha256(00 || entry), node = sha256(01 || left || right).
source  RFC 6962 section 2, RFC 9162 sections 2.1.3 and 2.1.4; C2SP tlog-tiles
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256

TILE = 256  # hashes, or entries, in a full tile
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def split_at(size: int) -> int:
    """The largest power of two below `size`, which is at least 2."""
    return 1 << ((size - 1).bit_length() - 1)


def root(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes."""
    edge: list[bytes] = []
    for size, leaf in enumerate(leaves):
        edge = grown(edge, size, leaf)
    return edge_root(edge)


def grown(edge: Sequence[bytes], size: int, leaf: bytes) -> list[bytes]:
    """The right edge of a tree of `size` leaves after one more leaf.

    edge     hashes of the full subtrees that `size` is made of, largest first: one per set bit
    returns  the same for size + 1; at most 64 hashes, O(log n) work
    """
    stack = list(edge)
    while size & 1:
        leaf = sha256(b"\1" + stack.pop() + leaf).digest()
        size >>= 1
    stack.append(leaf)
    return stack


def edge_root(edge: Sequence[bytes]) -> bytes:
    """The root of the tree with this right edge."""
    if not edge:
        return EMPTY_ROOT
    total = edge[-1]
    for left in reversed(edge[:-1]):
        total = node_hash(left, total)
    return total


def inclusion(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf `index`, nearest first."""
    return [root(leaves[start:end]) for start, end in inclusion_ranges(index, len(leaves))]


def consistency(old: int, leaves: Sequence[bytes]) -> list[bytes]:
    """The proof that the first `old` leaves are a prefix of `leaves`."""
    return [root(leaves[start:end]) for start, end in consistency_ranges(old, len(leaves))]


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Which leaves (from, to before) each hash of an audit path is the root of, nearest first."""
    start, end, path = 0, size, []
    while end - start > 1:
        cut = start + split_at(end - start)
        if index < cut:
            path.append((cut, end))
            end = cut
        else:
            path.append((start, cut))
            start = cut
    return path[::-1]


def consistency_ranges(old: int, size: int) -> list[tuple[int, int]]:
    """The same for the hashes of a consistency proof. RFC 6962 section 2.1.2."""
    start, end, path = 0, size, []
    while old != end:
        cut = start + split_at(end - start)
        if old <= cut:
            path.append((cut, end))
            end = cut
        else:
            path.append((start, cut))
            start = cut
    whole = [] if start == 0 else [(start, end)]
    return whole + path[::-1]


def root_of_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that an audit path leads to. RFC 9162 2.1.3.2.

    raises ValueError when the path has the wrong length for this place
    """
    if not 0 <= index < size:
        raise ValueError("index outside the tree")
    place, last, total = index, size - 1, leaf
    for one in proof:
        if last == 0:
            raise ValueError("proof too long")
        if place & 1 or place == last:
            total = node_hash(one, total)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            total = node_hash(total, one)
        place, last = place >> 1, last >> 1
    if last:
        raise ValueError("proof too short")
    return total


def is_consistent(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> bool:
    """True when the proof shows that the tree of `new` extends that of `old`. RFC 9162 2.1.4.2."""
    if old == new:
        return not proof and old_root == new_root
    if old == 0 or old > new:
        return old == 0 and not proof
    path = ([old_root] if old & (old - 1) == 0 else []) + list(proof)
    if not path:
        return False
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    older = newer = path[0]
    for one in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(one, older), node_hash(one, newer)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, one)
        place, last = place >> 1, last >> 1
    return older == old_root and newer == new_root and last == 0


def tile_path(level: int | str, index: int, width: int = TILE) -> str:
    """`tile/<level>/<index in groups of three>[.p/<width>]`; level "entries" holds the entries."""
    parts, rest = [f"{index % 1000:03d}"], index // 1000
    while rest:
        parts.insert(0, f"x{rest % 1000:03d}")
        rest //= 1000
    return f"tile/{level}/" + "/".join(parts) + ("" if width == TILE else f".p/{width}")


def tile_paths(size: int) -> list[str]:
    """Every resource that a tree of this size needs, besides the checkpoint."""
    levels: list[tuple[int | str, int]] = [("entries", size), *_levels(size)]
    return [
        tile_path(level, index, width)
        for level, count in levels
        for index, width in tile_widths(count)
    ]


def tile_widths(count: int) -> Iterator[tuple[int, int]]:
    """(index, width) of the tiles that hold `count` hashes; the last one may be partial."""
    for index in range(count // TILE):
        yield index, TILE
    if count % TILE:
        yield count // TILE, count % TILE


def tile_root(hashes: Sequence[bytes]) -> bytes:
    """The hash one level up of a full tile."""
    assert len(hashes) == TILE
    return root_of_nodes(list(hashes))


def root_of_nodes(hashes: list[bytes]) -> bytes:
    """The root over 2^k node hashes of one level."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [node_hash(left, right) for left, right in pairs]
    return hashes[0]


def _levels(size: int) -> Iterator[tuple[int, int]]:
    level = 0
    while size:
        yield level, size
        level, size = level + 1, size // TILE
