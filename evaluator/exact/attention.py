"""Attention with exact sums: scores, softmax and mixture of one batch of padded documents."""

from collections.abc import Callable, Iterator
from typing import Protocol

import torch
from torch import Tensor

from evaluator.exact.arithmetic import PASS, exp, fixed
from evaluator.layout import Layout, Piece

_WEIGHT_BITS = 21  # a softmax weight is a whole number of 2**-21, at most 1
_VALUE_BITS = 20  # 2**21 * 2**19 * 8192 = 2**53: so long a document adds up exactly
_QUERIES = 128  # queries that are computed together: bounds the memory of a long document


class Sight(Protocol):
    """Which keys a query sees."""

    def keys(self, first: int, last: int) -> slice:
        """The keys that the queries first .. last - 1 may see at all."""

    def hidden(self, first: int, last: int) -> Tensor | None:
        """True where a query does not see one of these keys; [batch or 1, queries or 1, keys]."""


class Everything:
    """Each query sees each token of its document."""

    def __init__(self, real: Tensor) -> None:
        """real: bool [batch, length], false where no token is."""
        self._length = real.shape[1]
        self._padding = None if bool(real.all()) else ~real[:, None]

    def keys(self, first: int, last: int) -> slice:  # noqa: ARG002 - the interface asks for them
        """All."""
        return slice(0, self._length)

    def hidden(self, first: int, last: int) -> Tensor | None:  # noqa: ARG002 - the same
        """The places without a token."""
        return self._padding


class Past:
    """Each query sees itself and what is before it, at most `window` tokens when that is not 0."""

    def __init__(self, window: int, device: torch.device) -> None:
        self._window = window
        self._device = device

    def keys(self, first: int, last: int) -> slice:
        """From the first query's window to the last query."""
        return slice(max(0, first - self._window + 1) if self._window else 0, last)

    def hidden(self, first: int, last: int) -> Tensor:
        """The future, and what is before the window."""
        queries = torch.arange(first, last, device=self._device)[:, None]
        keys = torch.arange(self.keys(first, last).start, last, device=self._device)
        hidden = keys > queries
        if self._window:
            hidden |= keys <= queries - self._window
        return hidden[None]


def laid(
    rows: Tensor, layout: Layout, heads: int, ready: Callable[[Tensor, Piece], Tensor]
) -> Tensor:
    """Queries or keys as float64 [batch, heads, longest, width], fixed per token and head.

    rows   float64 [tokens, heads * width]
    ready  what is to be done with [documents, positions, heads, width] before, such as a bias
    """
    room = _room(rows, layout, heads)
    for piece in layout.pieces:
        fixed(ready(_part(rows, piece, heads), piece), out=_place(room, piece))
    return room


def laid_values(rows: Tensor, layout: Layout, heads: int, bias: Tensor | None = None) -> Tensor:
    """Values as float64 [batch, heads, longest, width], 20 bits per document, head and column.

    rows  float64 [tokens, heads * width], changed
    bias  float64 [heads * width], added before
    """
    room = _room(rows, layout, heads)
    for whole in layout.documents:
        part = _part(rows, whole, heads)
        if bias is not None:
            part.add_(bias.view(heads, -1))
        fixed(part, _VALUE_BITS, dim=1, out=_place(room, whole))
    return room


def rotated(part: Tensor, waves: Tensor) -> Tensor:
    """Rotary positions, the halves of a head as pairs.

    part   float64 [documents, positions, heads, width]
    waves  float64 [2, positions, width / 2], cosines and sines
    """
    cosine, sine = waves[:, :, None]
    left, right = part.chunk(2, -1)
    turned = torch.empty_like(part)
    first, second = turned.chunk(2, -1)
    torch.mul(left, cosine, out=first).sub_(right * sine)
    torch.mul(right, cosine, out=second).add_(left * sine)
    return turned


def attended(query: Tensor, key: Tensor, value: Tensor, sight: Sight) -> Tensor:
    """The mixed values, float64 [batch, longest, heads * width].

    query  as `laid` gives it, of rows already divided by the root of the width
    key    the same; its heads, the groups, divide those of the query
    value  as `laid_values` gives it, with the groups of the key
    """
    batch, heads, length, width = query.shape
    key, value = key.flatten(0, 1), value.flatten(0, 1)
    mixed = query.new_empty(batch, length, heads, width)
    for first in range(0, length, _QUERIES):
        last = min(first + _QUERIES, length)
        part, keys = query[:, :, first:last], sight.keys(first, last)
        rows = part.reshape(key.shape[0], -1, width)
        scores = torch.bmm(rows, key[:, keys].transpose(1, 2))
        totals = _soften(scores.view(batch * heads, last - first, -1), sight.hidden(first, last))
        sums = torch.bmm(scores, value[:, keys]).view(part.shape)
        place = mixed[:, first:last].transpose(1, 2)
        torch.mul(sums, totals.reciprocal_().view(batch, heads, last - first, 1), out=place)
    return mixed.flatten(2)


def _room(rows: Tensor, layout: Layout, heads: int) -> Tensor:
    shape = layout.batch, heads, layout.longest, rows.shape[1] // heads
    return rows.new_zeros(shape) if layout.is_padded else rows.new_empty(shape)


def _part(rows: Tensor, piece: Piece, heads: int) -> Tensor:
    """[documents, positions, heads, width] of these rows, a view."""
    length = piece.positions.stop - piece.positions.start
    return rows[piece.rows].unflatten(1, (heads, -1)).unflatten(0, (-1, length))


def _place(room: Tensor, piece: Piece) -> Tensor:
    """Where the part of a piece goes."""
    return room[piece.documents, :, piece.positions].transpose(1, 2)


def _soften(scores: Tensor, hidden: Tensor | None) -> Tensor:
    """Turn float64 scores [matrices, queries, keys] into whole softmax weights, in place.

    returns  float64 [matrices, queries, 1], the sums of the weights
    """
    totals = []
    for piece, covered in _pieces(scores, hidden):
        short = piece.float()
        if covered is not None:
            short.masked_fill_(covered, -torch.inf)
        short.sub_(short.amax(-1, keepdim=True))
        piece.copy_(exp(short, shift=_WEIGHT_BITS).round_())
        totals.append(piece.sum(-1, keepdim=True))
    return torch.cat(totals)


def _pieces(scores: Tensor, hidden: Tensor | None) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Whole matrices that stay in the cache together, each with what its queries do not see."""
    step = max(1, PASS // (scores.shape[1] * scores.shape[2]))
    if hidden is not None:
        hidden = (
            hidden.expand(scores.shape[0], -1, -1)
            if hidden.shape[0] == 1
            else (hidden.repeat_interleave(scores.shape[0] // hidden.shape[0], 0))
        )
    for first in range(0, scores.shape[0], step):
        piece = slice(first, first + step)
        yield scores[piece], None if hidden is None else hidden[piece]
