"""The exact forward of the BERT family: the same bits on every machine and in any batch.

source  Devlin et al. 2018 (arXiv 1810.04805); docs/algorithms/exact.md
"""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from evaluator.bases.shapes import BERT_POOLER, CLS, MEAN, BertShape
from evaluator.evaluators.form import ON_THE_MEAN, Reading
from evaluator.exact.arithmetic import fixed, fixed_by_pass, gelu, product, tanh, total_of_squares
from evaluator.exact.attention import Everything, attended, laid, laid_values
from evaluator.exact.rooms import Rooms
from evaluator.exact.weights import FixedWeights
from evaluator.forward.bert import WORDS
from evaluator.layout import Layout


class ExactEncoder:
    """One encoder under a linear head, over weights that it does not own.

    weights  float32 or bfloat16 by full name ("bert.encoder..."), with "classifier.weight"
             [classes, hidden] and "classifier.bias" [classes] for `logits`, and
             "bert.pooler.dense" where it is read
    base     the same base without this adapter, see FixedWeights; None shares nothing

    Token lists have 1 to 8192 tokens; ValueError otherwise. A document's results depend on its own
    tokens alone, to the last bit.
    """

    def __init__(
        self, weights: Mapping[str, Tensor], shape: BertShape, base: FixedWeights | None = None
    ) -> None:
        self.weights = FixedWeights(weights, base)
        self.shape = shape
        self._eps = float(shape.layer_norm_eps)
        self._device = weights[WORDS].device
        self._rooms = Rooms(self._device)

    @torch.inference_mode()
    def logits(self, ids: Sequence[Sequence[int]], reading: Reading = ON_THE_MEAN) -> Tensor:
        """float64 [batch, classes] of these token lists: real tokens only, no padding."""
        return self._headed(self.pooled(ids, reading.pooling), "classifier")

    @torch.inference_mode()
    def pooled(self, ids: Sequence[Sequence[int]], pooling: str = MEAN) -> Tensor:
        """float64 [batch, hidden]: the mean of each document's states, or from its first token's.

        A mean is over states in fixed point per document; another token's is its own, fixed.
        """
        layout = Layout(ids, self._device)
        if pooling != MEAN:
            first = self._states(layout)[layout.starts]
            if pooling == CLS:
                return first
            return tanh(self._headed(first, BERT_POOLER).float()).double()
        grid = fixed(layout.padded(self._states(layout)), dim=1)
        return grid.sum(1).div_(layout.real.sum(1, keepdim=True))

    def _states(self, layout: Layout) -> Tensor:
        """float64 [tokens, hidden] after the last layer."""
        states = self._embedded(layout)
        rounded = self._normed(states, "bert.embeddings")
        for layer in range(self.shape.layers):
            part = f"bert.encoder.layer.{layer}."
            mixed = self._mixed(rounded, layout, part)
            rounded = self._through(states, mixed, part + "attention.output")
            wide = self._widened(rounded, part)
            rounded = self._through(states, wide, part + "output")
        return states

    def _headed(self, states: Tensor, name: str) -> Tensor:
        """float64 [batch, out]: a layer of the head over states, which it fixes per row."""
        found = product(fixed(states), self.weights.matrix(f"{name}.weight"))
        return found.add_(self.weights.vector(f"{name}.bias"))

    def _through(self, states: Tensor, rounded: Tensor, part: str) -> Tensor:
        """An output layer, its residual and its norm; the new states, fixed per row."""
        change = self._linear(rounded, part + ".dense")
        bias = self.weights.vector(part + ".dense.bias")
        return self._normed(states, part, lambda piece: change[piece].add_(bias))

    def _embedded(self, layout: Layout) -> Tensor:
        words, places, kinds = (
            self.weights.tensors[f"bert.embeddings.{name}_embeddings.weight"]
            for name in ("word", "position", "token_type")
        )
        states = words[layout.tokens].double()
        return states.add_(kinds[0].double()).add_(places[layout.positions].double())

    def _mixed(self, rounded: Tensor, layout: Layout, part: str) -> Tensor:
        """Attention before its output layer, fixed per row."""
        heads = self.shape.heads
        names = [f"{part}attention.self.{name}" for name in ("query", "key", "value")]
        query, key, value = self._linear(rounded, *names).chunk(3, 1)
        biases = self.weights.vector(*[name + ".bias" for name in names]).view(3, heads, -1)
        scale = 1 / math.sqrt(self.shape.hidden // heads)
        mixed = attended(
            laid(query, layout, heads, lambda part, _: part.add_(biases[0]).mul_(scale)),
            laid(key, layout, heads, lambda part, _: part.add_(biases[1])),
            laid_values(value, layout, heads, biases[2]),
            Everything(layout.real),
        )
        rows = layout.gathered(mixed)
        return fixed_by_pass(self._rooms.room("rounded", *rows.shape), rows.__getitem__)

    def _widened(self, rounded: Tensor, part: str) -> Tensor:
        """The wide layer and its GELU, fixed per row."""
        name = part + "intermediate.dense"
        wide, bias = self._linear(rounded, name), self.weights.vector(name + ".bias")
        out = self._rooms.room("widened", *wide.shape)
        return fixed_by_pass(out, lambda piece: gelu(wide[piece].add_(bias).float()))

    def _linear(self, rounded: Tensor, *names: str) -> Tensor:
        """These layers side by side, without their biases: the next step adds them in passing."""
        matrix = self.weights.matrix(*[name + ".weight" for name in names])
        out = self._rooms.room("linear", rounded.shape[0], matrix.shape[0])
        return product(rounded, matrix, out)

    def _normed(
        self, states: Tensor, part: str, change: Callable[[slice], Tensor] | None = None
    ) -> Tensor:
        """Layer norm of states + change: written over the states, and given fixed per row."""
        gain, bias = (self.weights.vector(f"{part}.LayerNorm.{one}") for one in ("weight", "bias"))
        width = states.shape[1]

        def values(piece: slice) -> Tensor:
            rows = states[piece]
            if change is not None:
                rows.add_(change(piece))
            rounded = fixed(rows)
            mean = rounded.sum(-1, keepdim=True).div_(width)
            variance = total_of_squares(rounded).div_(width).sub_(mean * mean).clamp_min_(0)
            scale = variance.add_(self._eps).sqrt_().reciprocal_()
            return rows.sub_(mean).mul_(scale).mul_(gain).add_(bias)

        return fixed_by_pass(self._rooms.room("rounded", *states.shape), values)
