"""The exact forward of the Llama family: the same bits on every machine and in any batch.

source  Touvron et al. 2023 (arXiv 2302.13971); Su et al. 2021 (arXiv 2104.09864) for rotary
        positions; docs/algorithms/exact.md
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence

import torch
from torch import Tensor

from evaluator.bases.shapes import LlamaShape
from evaluator.evaluators.form import MOST_NLL_Q32, ON_THE_LAST, Q32, Reading, Scored
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
from evaluator.exact.rooms import Rooms
from evaluator.exact.weights import FixedWeights
from evaluator.forward.llama import ROPE, WORDS
from evaluator.layout import Layout, Piece

_LOGITS = 1 << 22  # logits that are in memory at once
_SHIFT = 38  # a softmax weight of the vocabulary is a whole number of 2**-38
_COLUMNS = 1 << 14  # 2**38 * 2**14 = 2**52: so many of them add up exactly


class ExactDecoder:
    """One decoder over weights that it does not own: the methods of forward/llama.py.

    weights  as there: float32 or bfloat16 by full name, with "score.weight" for a task of classes,
             and "rope": the table [2, positions, head_dim / 2] of evaluator/bases/rope.py
    base     the same base without this adapter, see FixedWeights; None shares nothing

    Token lists have 1 to 8192 tokens, and no more than rope has positions; ValueError otherwise.
    What a text gives depends on its own tokens alone, to the last bit.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], shape: LlamaShape, base: FixedWeights | None = None
    ) -> None:
        self.weights = FixedWeights(weights, base)
        self.shape = shape
        self._eps = float(shape.rms_norm_eps)
        self._device = weights[WORDS].device
        self._rooms = Rooms(self._device)
        self._key_turn = weights[ROPE].double()
        self._query_turn = self._key_turn / math.sqrt(shape.head_dim)  # the scale of the scores

    @torch.inference_mode()
    def logits(self, ids: Sequence[Sequence[int]], _: Reading = ON_THE_LAST) -> Tensor:
        """float64 [batch, classes] by the head on the last token of each list."""
        return product(self.last(ids), self.weights.matrix("score.weight"))

    @torch.inference_mode()
    def last(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float64 [batch, hidden] of the last token of each list, in fixed point per row."""
        layout = self._layout(ids)
        ends = torch.tensor(layout.starts) + torch.tensor(layout.lengths) - 1
        return self._final(self._states(layout)[ends.to(self._device)]).clone()

    @torch.inference_mode()
    def scored(self, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Scored]:
        """Each token from its list's start on (at least 1), predicted from those before it."""
        if min(starts) < 1:
            raise ValueError("nothing predicts the first token of a text")
        layout = self._layout([line[: max(1, len(line) - 1)] for line in ids])  # the last asks none
        asked = list(zip(layout.starts, ids, starts, strict=True))
        rows = [row + at for row, line, start in asked for at in range(start - 1, len(line) - 1)]
        wanted = [token for _, line, start in asked for token in line[start:]]
        states = self._states(layout)[torch.tensor(rows, dtype=torch.long, device=self._device)]
        found = iter(self._judged(states, torch.tensor(wanted, device=self._device)))
        return [_together([next(found) for _ in line[start:]]) for _, line, start in asked]

    @torch.inference_mode()
    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation: up to `most` tokens, or to the first of `ends` (not included).

        Each token is computed from the whole text anew, since a value's unit is one per text.
        """
        found: list[int] = []
        while len(found) < most and len(ids) + len(found) < self.shape.positions:
            logits = product(self.last([[*ids, *found]]), self._head())
            token = int(_best(logits)[0])
            if token in ends:
                break
            found.append(token)
        return found

    def _layout(self, ids: Sequence[Sequence[int]]) -> Layout:
        layout = Layout(ids, self._device)
        positions = self._key_turn.shape[1]
        if layout.longest > positions:
            raise ValueError(f"the base has {positions} positions, a text {layout.longest}")
        return layout

    def _states(self, layout: Layout) -> Tensor:
        """float64 [tokens, hidden] after the last layer."""
        words = self.weights.tensors[WORDS]
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
            laid(query, layout, shape.heads, _turning(self._query_turn)),
            laid(key, layout, shape.kv_heads, _turning(self._key_turn)),
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
        return self.weights.matrix(WORDS if self.shape.is_tied else "lm_head.weight")

    def _judged(self, states: Tensor, wanted: Tensor) -> list[tuple[int, bool]]:
        """Of each wanted token the nll, in units of 2^-32 nat, and whether it was the likeliest.

        states  float64 [wanted, hidden], before the last norm
        """
        head, found = self._head(), list[tuple[int, bool]]()
        step = max(1, _LOGITS // head.shape[0])
        for first in range(0, states.shape[0], step):
            rounded, ids = self._final(states[first : first + step]), wanted[first : first + step]
            room = self._rooms.room("linear", rounded.shape[0], head.shape[0])
            logits = product(rounded, head, room)
            top, totals = _summed(logits)
            chosen = logits.gather(1, ids[:, None])[:, 0]
            is_greedy = chosen == top
            is_greedy[is_greedy.clone()] = _best(logits[is_greedy]) == ids[is_greedy]
            nll = _q32(ln(totals).sub_(chosen.sub_(top)))
            found += zip(nll, is_greedy.tolist(), strict=True)
        return found


def _together(tokens: Sequence[tuple[int, bool]]) -> Scored:
    return Scored(tuple(nll for nll, _ in tokens), all(is_greedy for _, is_greedy in tokens))


def _best(logits: Tensor) -> Tensor:
    """int64 [rows]: the likeliest of each row, of equal ones the lowest; no number never wins."""
    numbers = torch.where(logits.isnan(), -torch.inf, logits)
    names = torch.arange(logits.shape[1], device=logits.device)
    is_best = numbers == numbers.amax(-1, keepdim=True)
    return torch.where(is_best, names, logits.shape[1]).amin(-1)


def _q32(nll: Tensor) -> list[int]:
    """Units of 2^-32 nat; what is no number, or beyond the most, costs the most."""
    most = MOST_NLL_Q32 / Q32
    bounded = torch.where(nll.isnan(), most, nll).clamp_(0, most)
    return [int(one) for one in bounded.mul_(Q32).round_().tolist()]


def _turning(waves: Tensor) -> Callable[[Tensor, Piece], Tensor]:
    """Rotary positions of a piece; waves float64 [2, positions, width / 2]."""
    return lambda part, piece: rotated(part, waves[:, piece.positions])


def _summed(logits: Tensor) -> tuple[Tensor, Tensor]:
    """The largest logit of each row, and the sum of e**(logit - largest); float64 [rows] both."""
    tops, totals = [], []
    for piece in passes(*logits.shape):
        top = logits[piece].amax(-1, keepdim=True)
        weights = exp((logits[piece] - top).float(), shift=_SHIFT).round_().double()
        parts = [part.sum(-1).to(torch.int64) for part in weights.split(_COLUMNS, 1)]
        tops.append(top[:, 0])
        totals.append(torch.stack(parts).sum(0))
    return torch.cat(tops), torch.cat(totals).double().mul_(2.0**-_SHIFT)
