"""A ZIP file whose bytes follow from its files alone, made piece by piece, not compressed."""

from collections.abc import Iterable, Iterator
from io import RawIOBase
from typing import Any, NamedTuple
from zipfile import ZIP_STORED, ZipFile, ZipInfo

EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first time that the format can name
PLAIN_FILE = 0o100644 << 16
UNIX = 3


class Member(NamedTuple):
    """A file of the ZIP. name: with its folder; pieces: its bytes, size_bytes in all."""

    name: str
    size_bytes: int
    pieces: Iterable[bytes]


def zipped(members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of a ZIP with these files, in their order."""
    sink = _Sink()
    with ZipFile(sink, "w", ZIP_STORED) as file:
        for one in members:
            yield from _written(one, file, sink)
    yield from sink.taken()


def _written(one: Member, file: ZipFile, sink: "_Sink") -> Iterator[bytes]:
    told = ZipInfo(one.name, EARLIEST)
    told.external_attr, told.create_system = PLAIN_FILE, UNIX
    told.file_size = one.size_bytes
    with file.open(told, "w") as out:
        for piece in one.pieces:
            out.write(piece)
            yield from sink.taken()


class _Sink(RawIOBase):
    """What a ZipFile writes to: it cannot be moved in, so nothing written is ever changed."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, piece: Any) -> int:
        self._pieces.append(bytes(piece))
        return len(self._pieces[-1])

    def taken(self) -> list[bytes]:
        """What was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return pieces
