"""The tree as files, each written once and never changed: C2SP tlog-tiles.

    tile/<level>/<index>[.p/<width>]    hashes          tile/entries/<index>[.p/<width>]   entries

They lie in the storage named "tiles": a folder, or a bucket. Partial tiles of a signed size stay
until the full tile is there; after that the full one answers for them.
"""

from collections.abc import Callable, Sequence

from django.core.files.base import ContentFile
from django.core.files.storage import storages

from assay import merkle
from ledger.errors import TilesOfAnotherLog

PIECE = 16 * merkle.TILE  # leaves that are in memory at once
HASH_BYTES = 32
Entries = Callable[[int, int], Sequence[bytes]]


def grow(old: int, new: int, entries: Entries) -> None:
    """Store every tile that a tree of `new` leaves has and that of `old` leaves had not.

    entries  entries(start, end) gives the entries of the log from start to before end
    May be done again: the same bytes come out.
    raises TilesOfAnotherLog
    """
    while old < new:
        end = min(new, (old // PIECE + 1) * PIECE)
        _grow_piece(old, end, entries)
        old = end


def hash_tile(level: int, index: int, width: int) -> bytes | None:
    """`width` hashes of a level; None when no tree that was signed has this tile."""
    raw = _read(level, index, width)
    return raw if raw is None else raw[: width * HASH_BYTES]


def entries_tile(index: int, width: int) -> bytes | None:
    """width x (u16 length, entry); None when no tree that was signed has this tile."""
    raw = _read("entries", index, width)
    return raw if raw is None else raw[: _end_of(raw, width)]


def _grow_piece(old: int, new: int, entries: Entries) -> None:
    start = old // merkle.TILE * merkle.TILE
    raws = entries(start, new)
    assert len(raws) == new - start, "every index below the size has its row"
    for index, width in _places(old, new):
        part = raws[index * merkle.TILE - start :][:width]
        _write_bundle(index, part)
    hashes, level = [merkle.leaf_hash(raw) for raw in raws], 0
    while new > old:
        for index, width in _places(old, new):
            _write(level, index, hashes[index * merkle.TILE - start :][:width])
        hashes = _parents(hashes, level + 1, old // merkle.TILE)
        old, new, level = old // merkle.TILE, new // merkle.TILE, level + 1
        start = old // merkle.TILE * merkle.TILE


def _parents(hashes: Sequence[bytes], level: int, known: int) -> list[bytes]:
    """Hashes of the next level, from the start of the tile that its place `known` is in.

    Those before `known` are in its stored tile; the others are the roots of full tiles below.
    """
    index, width = divmod(known, merkle.TILE)
    raw = hash_tile(level, index, width) if width else b""
    assert raw is not None, "the tiles of the old size are stored"
    before = [raw[at : at + HASH_BYTES] for at in range(0, len(raw), HASH_BYTES)]
    full = range(0, len(hashes) - merkle.TILE + 1, merkle.TILE)
    return before + [merkle.tile_root(hashes[at : at + merkle.TILE]) for at in full]


def _places(old: int, new: int) -> list[tuple[int, int]]:
    """(index, width) of the tiles of one level that grow when it goes from old to new hashes."""
    first = old // merkle.TILE
    return [(index, width) for index, width in merkle.tile_widths(new) if index >= first]


def _write_bundle(index: int, raws: Sequence[bytes]) -> None:
    bundle = b"".join(len(raw).to_bytes(2, "big") + raw for raw in raws)
    _store("entries", index, len(raws), bundle)


def _write(level: int, index: int, hashes: Sequence[bytes]) -> None:
    _store(level, index, len(hashes), b"".join(hashes))


def _store(level: int | str, index: int, width: int, raw: bytes) -> None:
    """Write once. raises TilesOfAnotherLog when other bytes are there already"""
    path, kept = merkle.tile_path(level, index, width), storages["tiles"]
    if kept.exists(path):
        with kept.open(path) as file:
            is_same = file.read() == raw
        if not is_same:
            text = f"{path} is stored with other bytes: these tiles are of another log."
            raise TilesOfAnotherLog(text, path=path)
    else:
        kept.save(path, ContentFile(raw))
    if width == merkle.TILE:
        _drop_partial(f"{path}.p")


def _drop_partial(folder: str) -> None:
    """The full tile is there, and answers for its parts."""
    kept = storages["tiles"]
    try:
        _, names = kept.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        kept.delete(f"{folder}/{name}")
    kept.delete(folder)


def _read(level: int | str, index: int, width: int) -> bytes | None:
    """A tile of at least this width: the partial one, else the full one."""
    kept = storages["tiles"]
    for wanted in {width: None, merkle.TILE: None}:
        try:
            with kept.open(merkle.tile_path(level, index, wanted)) as file:
                return bytes(file.read())
        except FileNotFoundError:
            continue
    return None


def _end_of(bundle: bytes, width: int) -> int:
    """Where the first `width` entries of a bundle end."""
    at = 0
    for _ in range(width):
        at += 2 + int.from_bytes(bundle[at : at + 2], "big")
    return at
