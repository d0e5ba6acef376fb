"""Where the bytes of a tensors file come from: memory, or a file that was opened once.

A reader names a place and a count, so that a header is judged before any value is read, and values
pass through in pieces: a hostile file never costs the memory that an honest one of its size would.
"""

import os
from typing import Protocol

from evaluator.errors import AdapterLayout


class Source(Protocol):
    """Bytes that are read by place. size: how many there are."""

    size: int

    def read(self, first: int, count: int) -> memoryview:
        """Exactly `count` bytes from place `first` on, which the caller knows to be there.

        raises AdapterLayout when a file has become shorter since it was opened
        """

    def check_unchanged(self) -> None:
        """Raise AdapterLayout when the bytes may have changed since the beginning."""


class MemorySource:
    """Bytes that are here already."""

    def __init__(self, raw: bytes) -> None:
        self.size, self._raw = len(raw), memoryview(raw)

    def read(self, first: int, count: int) -> memoryview:
        return self._raw[first : first + count]

    def check_unchanged(self) -> None:
        """Bytes in memory do not change."""


class FileSource:
    """An open plain file, as large as it was when it was opened."""

    def __init__(self, handle: int, name: str) -> None:
        self._handle, self._name = handle, name
        self._stamp = _stamp(handle)
        self.size = self._stamp[0]

    def read(self, first: int, count: int) -> memoryview:
        whole = bytearray(count)
        left = memoryview(whole)
        while left:
            done = os.preadv(self._handle, [left], first + count - len(left))
            if not done:
                raise self._changed()
            left = left[done:]
        return memoryview(whole)

    def check_unchanged(self) -> None:
        """Compare size and time of the last write with those at the beginning."""
        if _stamp(self._handle) != self._stamp:
            raise self._changed()

    def _changed(self) -> AdapterLayout:
        problem = "the file changed while it was read"
        return AdapterLayout(
            f"{self._name} is damaged: {problem}.",
            next_step="Wait until the training has written the file, and try again.",
            problem=problem,
        )


def _stamp(handle: int) -> tuple[int, int]:
    found = os.fstat(handle)
    return found.st_size, found.st_mtime_ns
