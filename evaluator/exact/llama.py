"""The exact forward of the Llama family: the same bits on every machine and in any batch.

source  Touvron et al. 2023 (arXiv 2302.13971); Su et al. 2021 (arXiv 2104.09864) for rotary
        positions; docs/algorithms/exact.md
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from evaluator.exact.arithmetic import (
    exp,
    fixed,
    fixed_by_pass,
    ln,
    passes,
    product,
    silu,
    total_of_squares,
)
from evaluator.exact.attention import Past, attended, laid, laid_values, rotated
from evaluator.exact.layout import Layout, Piece
from evaluator.exact.rooms import Rooms
from evaluator.exact.shapes import DecoderShape
from evaluator.exact.weights import FixedWeights

NLL_LIMIT_NAT = 1 << 20  # what a token counts at most, also one whose nll is not a number
_Q32 = 2.0**32
_LOGITS = 1 << 22  # logits that are in memory at once
_SHIFT = 38  # a softmax weight of the vocabulary is a whole number of 2**-38
_COLUMNS = 1 << 14  # 2**38 * 2**14 = 2**52: so many of them add up exactly


class ExactDecoder:
    """One decoder over weights that it does not own.

    weights  float32 or bfloat16 by transformers' names ("model.layers.0...", "lm_head.weight")
    rope     cos and sin, float32 [positions, head_dim], each half twice as in transformers: data
    base     the same base without this adapter, see FixedWeights; None shares nothing

    Token lists have 1 to 8192 tokens, and no more than rope has positions; ValueError otherwise.
    A document's results depend on its own tokens alone, to the last bit.
    """

    def __init__(
        self,
        weights: Mapping[str, Tensor],
        shape: DecoderShape,
        rope: tuple[Tensor, Tensor],
        base: FixedWeights | None = None,
    ) -> None:
        self.weights = FixedWeights(weights, base)
        self.shape = shape
        self._device = weights["model.norm.weight"].device
        self._rooms = Rooms(self._device)
        self._eps = float(shape.rms_norm_eps)
        cos, sin = (table.double() for table in rope)
        root = math.sqrt(shape.head_dim)
        self._key_turn = cos, sin
        self._query_turn = cos / root, sin / root  # the scale of scores, taken where it is cheap

    @torch.inference_mode()
    def nll(self, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[list[int]]:
        """What each token cost, from position start on, in units of 2**-32 nat; at most 2**20 nat.

        starts  per document the first position that counts, at least 1: no token predicts the first
        """
        if min(starts) < 1:
            raise ValueError("nothing predicts the first token of a document")
        layout = self._layout(ids)
        asked = list(zip(layout.starts, ids, starts, strict=True))
        places = [
            row + place for row, line, start in asked for place in range(start - 1, len(line) - 1)
        ]
        targets = [token for _, line, start in asked for token in line[start:]]
        rows = self._states(layout)[torch.tensor(places, dtype=torch.long)]
        found = iter(self._costs(rows, torch.tensor(targets, device=rows.device)))
        return [[next(found) for _ in line[start:]] for _, line, start in asked]

    @torch.inference_mode()
    def hidden(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float64 [batch, longest, hidden] after the last norm; zero where no token is."""
        layout = self._layout(ids)
        return layout.padded(self._final(self._states(layout)))

    @torch.inference_mode()
    def class_logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float64 [batch, classes]: the head "score.weight" on each document's last token."""
        return product(self._lasts(ids), self.weights.matrix("score.weight"))

    @torch.inference_mode()
    def next_token(self, ids: Sequence[Sequence[int]]) -> list[int]:
        """The likeliest next token of each document; of equal ones the lowest.

        A logit that is not a number loses to every number.
        """
        logits = product(self._lasts(ids), self._head())
        logits = torch.where(logits.isnan(), -torch.inf, logits)
        names = torch.arange(logits.shape[1], device=logits.device)
        is_best = logits == logits.amax(-1, keepdim=True)
        found: list[int] = torch.where(is_best, names, logits.shape[1]).amin(-1).tolist()
        return found

    def _layout(self, ids: Sequence[Sequence[int]]) -> Layout:
        layout = Layout(ids, self._device)
        positions = self._key_turn[0].shape[0]
        if layout.longest > positions:
            raise ValueError(f"the base has {positions} positions, a document {layout.longest}")
        return layout

    def _states(self, layout: Layout) -> Tensor:
        """float64 [tokens, hidden] after the last layer."""
        words = self.weights.tensors["model.embed_tokens.weight"]
        states = words[layout.tokens].double()
        for layer in range(self.shape.layers):
            part = f"model.layers.{layer}."
            self._attend(states, layout, part)
            self._widen(states, part + "mlp.", part + "post_attention_layernorm.weight")
        return states

    def _attend(self, states: Tensor, layout: Layout, part: str) -> None:
        """Add attention to the states."""
        shape, attention = self.shape, part + "self_attn."
        names = [f"{attention}{name}_proj" for name in "qkv"]
        rows = self._linear(self._normed(states, part + "input_layernorm.weight"), *names)
        if shape.has_qkv_bias:
            rows.add_(self.weights.vector(*[name + ".bias" for name in names]))
        heads = (shape.heads, shape.kv_heads, shape.kv_heads)
        query, key, value = rows.split([count * shape.head_dim for count in heads], 1)
        mixed = attended(
            laid(query, layout, shape.heads, _turning(*self._query_turn)),
            laid(key, layout, shape.kv_heads, _turning(*self._key_turn)),
            laid_values(value, layout, shape.kv_heads),
            Past(shape.window, self._device),
        )
        rows = layout.gathered(mixed)
        rounded = fixed_by_pass(self._rooms.room("rounded", *rows.shape), rows.__getitem__)
        states.add_(self._linear(rounded, attention + "o_proj"))
        if shape.has_o_bias:
            states.add_(self.weights.vector(attention + "o_proj.bias"))

    def _widen(self, states: Tensor, part: str, norm: str) -> None:
        """Add the gated part to the states."""
        both = self._linear(self._normed(states, norm), part + "gate_proj", part + "up_proj")
        gate, up = both.chunk(2, 1)
        wide = fixed_by_pass(
            self._rooms.room("widened", *gate.shape),
            lambda piece: silu(gate[piece].float()).mul_(up[piece].float()),
        )
        states.add_(self._linear(wide, part + "down_proj"))

    def _linear(self, rounded: Tensor, *names: str) -> Tensor:
        """These layers side by side, without their biases."""
        matrix = self.weights.matrix(*[name + ".weight" for name in names])
        return product(
            rounded, matrix, self._rooms.room("linear", rounded.shape[0], matrix.shape[0])
        )

    def _normed(self, states: Tensor, name: str) -> Tensor:
        """Divided by the root of the mean square, times the gains; fixed per row."""
        gain, width = self.weights.vector(name), states.shape[1]

        def values(piece: slice) -> Tensor:
            rows = states[piece]
            mean = total_of_squares(fixed(rows)).div_(width)
            return (rows * mean.add_(self._eps).sqrt_().reciprocal_()).mul_(gain)

        return fixed_by_pass(self._rooms.room("rounded", *states.shape), values)

    def _final(self, states: Tensor) -> Tensor:
        return self._normed(states, "model.norm.weight")

    def _lasts(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float64 [batch, hidden]: the last token of each document, normed and fixed."""
        layout = self._layout(ids)
        ends = torch.tensor(layout.starts) + torch.tensor(layout.lengths) - 1
        return self._final(self._states(layout)[ends.to(self._device)])

    def _head(self) -> Tensor:
        is_tied = self.shape.is_tied
        return self.weights.matrix("model.embed_tokens.weight" if is_tied else "lm_head.weight")

    def _costs(self, rows: Tensor, targets: Tensor) -> list[int]:
        """The nll of each target, in units of 2**-32 nat; rows float64 [targets, hidden]."""
        step = max(1, _LOGITS // self.shape.vocabulary)
        head, found = self._head(), []
        for first in range(0, rows.shape[0], step):
            some = self._final(rows[first : first + step])
            logits = product(some, head, self._rooms.room("linear", some.shape[0], head.shape[0]))
            nll = _nll(logits, targets[first : first + step])
            nll = torch.where(nll.isnan(), NLL_LIMIT_NAT, nll).clamp_(0, NLL_LIMIT_NAT)
            found += nll.mul_(_Q32).round_().to(torch.int64).tolist()
        return found


def _turning(cos: Tensor, sin: Tensor) -> Callable[[Tensor, Piece], Tensor]:
    """Rotary positions of a piece."""
    return lambda part, piece: rotated(part, cos[piece.positions], sin[piece.positions])


def _nll(logits: Tensor, targets: Tensor) -> Tensor:
    """ln(sum of e**logits) - logits[target], float64 [rows], of float64 [rows, vocabulary]."""
    top = logits.amax(-1, keepdim=True)
    totals = torch.cat([_weights(logits[piece] - top[piece]) for piece in passes(*logits.shape)])
    return ln(totals.double().mul_(2.0**-_SHIFT)) - (logits.gather(1, targets[:, None]) - top)[:, 0]


def _weights(below: Tensor) -> Tensor:
    """The sums of 2**38 * e**below, int64 [rows]: exact in float64 by parts, then whole."""
    weights = exp(below.float(), shift=_SHIFT).round_().double()
    parts = [part.sum(-1).to(torch.int64) for part in weights.split(_COLUMNS, 1)]
    return torch.stack(parts).sum(0)
