"""Token lists as rows: only real tokens are computed, and padding is room in attention."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, groupby

import torch
from torch import Tensor

LONGEST = 8192  # tokens; attention over so many adds up exactly, docs/algorithms/exact.md
_PIECE = 128  # tokens whose heads stay in the cache together


@dataclass(frozen=True)
class Piece:
    """Rows that lie alike: whole documents of one length, or a stretch of one document."""

    rows: slice
    documents: slice
    positions: slice


class Layout:
    """Where the tokens of a batch lie: document behind document, without padding.

    ids     token lists of 1 to 8192 tokens each; ValueError otherwise
    device  where to compute
    """

    def __init__(self, ids: Sequence[Sequence[int]], device: torch.device) -> None:
        self.lengths = [len(line) for line in ids]
        if not ids or min(self.lengths) < 1 or max(self.lengths) > LONGEST:
            raise ValueError(f"the exact mode takes documents of 1 to {LONGEST} tokens")
        self.batch, self.longest = len(ids), max(self.lengths)
        self.starts = [0, *accumulate(self.lengths)][:-1]
        self.tokens = torch.tensor([token for line in ids for token in line], device=device)
        self.counts = torch.tensor(self.lengths, device=device)
        places = torch.arange(self.longest, device=device)
        self.real = places < self.counts[:, None]
        self.positions = places.expand_as(self.real)[self.real]
        self.is_padded = min(self.lengths) < self.longest
        self.documents = self._documents()
        self.pieces = [part for whole in self.documents for part in _cut(whole)]

    def padded(self, rows: Tensor) -> Tensor:
        """[tokens, ...] -> [batch, longest, ...], zero where no token is."""
        room = rows.new_zeros(self.batch, self.longest, *rows.shape[1:])
        room[self.real] = rows
        return room

    def gathered(self, grid: Tensor) -> Tensor:
        """[batch, longest, width] -> [tokens, width]."""
        return grid[self.real] if self.is_padded else grid.flatten(0, 1)

    def _documents(self) -> list[Piece]:
        """Neighbours of one length, together."""
        found = []
        for length, run in groupby(range(self.batch), key=self.lengths.__getitem__):
            first, *rest = run
            count = 1 + len(rest)
            rows = slice(self.starts[first], self.starts[first] + count * length)
            found.append(Piece(rows, slice(first, first + count), slice(0, length)))
        return found


def _cut(whole: Piece) -> list[Piece]:
    """Pieces of at most about 128 tokens: some of these documents, or a stretch of one."""
    length, documents = whole.positions.stop, whole.documents
    count, stretch = max(1, _PIECE // length), min(_PIECE, length)
    found = []
    for first in range(documents.start, documents.stop, count):
        last = min(first + count, documents.stop)
        row = whole.rows.start + (first - documents.start) * length
        final = row + (last - first - 1) * length  # where the last of them begins
        for place in range(0, length, stretch):
            end = min(place + stretch, length)
            rows = slice(row + place, final + end)
            found.append(Piece(rows, slice(first, last), slice(place, end)))
    return found
