"""The tree over the chunks of a file: what a stranger checks who has a part of it."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay import merkle
from assay.chunks import CHUNK_BYTES, ChunkTree, chunk_bytes, chunk_count, is_chunk

EDGES = sorted({
    max(count * CHUNK_BYTES + more, 0) for count in (0, 1, 2, 3, 7, 8) for more in (-1, 0, 1)
})  # fmt: skip


def bytes_of(size):
    """Bytes that differ from chunk to chunk."""
    whole = b"".join(sha256(at.to_bytes(4)).digest() * 2048 for at in range(chunk_count(size)))
    return whole[:size]


def cut(raw):
    return [raw[at : at + CHUNK_BYTES] for at in range(0, len(raw), CHUNK_BYTES)]


@given(size=st.sampled_from(EDGES), step=st.integers(1000, 3 * CHUNK_BYTES))
def test_the_root_is_that_of_rfc_6962_however_the_bytes_arrive(size, step):
    raw = bytes_of(size)
    pieces = [raw[at : at + step] for at in range(0, size, step)]
    leaves = [sha256(b"\0" + chunk).digest() for chunk in cut(raw)]
    assert ChunkTree(pieces).root() == merkle.root(leaves).hex()
    assert len(leaves) == chunk_count(size)
    assert [chunk_bytes(at, size) for at in range(len(leaves))] == [len(one) for one in cut(raw)]


def test_a_root_of_two_chunks_can_be_made_by_hand():
    raw = bytes_of(CHUNK_BYTES + 1)
    left, right = (sha256(b"\0" + one).digest() for one in (raw[:CHUNK_BYTES], raw[CHUNK_BYTES:]))
    assert ChunkTree([raw]).root() == sha256(b"\1" + left + right).hexdigest()


@given(size=st.sampled_from(EDGES[2:]), at=st.integers(0, 8))
def test_every_chunk_verifies_at_its_own_place_only(size, at):
    raw = bytes_of(size)
    tree, chunks = ChunkTree([raw]), cut(raw)
    index = at % len(chunks)
    told = {"size_bytes": size, "path": tree.path(index), "chunk_root": tree.root()}
    assert is_chunk(chunks[index], index, **told)
    for other in set(range(-1, len(chunks) + 1)) - {index}:
        assert not is_chunk(chunks[index], other, **told)
        if 0 <= other < len(chunks):
            assert not is_chunk(chunks[other], index, **told)


@pytest.mark.parametrize("index", [0, 3, 6])
def test_a_changed_byte_size_hash_or_root_is_seen(index):
    size = 6 * CHUNK_BYTES + 5
    raw = bytes_of(size)
    tree, chunk = ChunkTree([raw]), cut(raw)[index]
    path, root = tree.path(index), tree.root()

    def holds(raw=chunk, size_bytes=size, path=path, chunk_root=root):
        return is_chunk(raw, index, size_bytes=size_bytes, path=path, chunk_root=chunk_root)

    assert holds()
    assert not holds(raw=chunk[:-1] + bytes([chunk[-1] ^ 1]))
    assert not holds(raw=chunk[:-1])
    assert not holds(chunk_root="0" * 64)
    assert not holds(size_bytes=index * CHUNK_BYTES)
    assert not holds(path=path[:-1])
    assert not holds(path=[*path, path[0]])
    assert not holds(path=["0" * 64, *path[1:]])
    assert not holds(path=["xy" * 32, *path[1:]])
    assert not holds(path=[path[0][:-2], *path[1:]])
    assert not holds(path=[path[0][:-2] + "  ", *path[1:]])


def test_an_inner_node_is_no_chunk():
    """Guards the prefixes: two hashes side by side are what a node is made of, not a chunk."""
    raw = bytes_of(2 * CHUNK_BYTES)
    tree = ChunkTree([raw])
    pair = b"".join(tree.leaves)
    told = {"size_bytes": len(pair), "path": [], "chunk_root": tree.root()}
    assert not is_chunk(pair, 0, **told)


def test_an_empty_file_has_the_empty_root_and_no_chunk():
    assert ChunkTree().root() == ChunkTree([b""]).root() == sha256(b"").hexdigest()
    assert chunk_count(0) == 0
    for raw in (b"", b"x"):
        assert not is_chunk(raw, 0, size_bytes=0, path=[], chunk_root=ChunkTree().root())
