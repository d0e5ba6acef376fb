"""Our own forward of the BERT family over a dictionary of weights.

It exists because a merged weight dictionary and a pinned plan are several times cheaper than a
warm peft model, and because every operation that makes a score stands here to be read.
source  Devlin et al. 2018 (arXiv 1810.04805); docs/evaluator.md, section 3
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from evaluator.bases.shapes import BERT_POOLER, CLS, MEAN, BertShape
from evaluator.evaluators.form import ON_THE_MEAN, Reading
from evaluator.layout import Layout

WORDS = "bert.embeddings.word_embeddings.weight"


class Encoder:
    """One encoder under a linear head, over weights that it does not own.

    weights  float32 tensors by full name ("bert.encoder..."), with "classifier.weight" [classes,
             hidden] and "classifier.bias" [classes], and "bert.pooler.dense" where it is read
    """

    def __init__(self, weights: Mapping[str, Tensor], shape: BertShape) -> None:
        self.weights = weights
        self.shape = shape
        self.eps = float(shape.layer_norm_eps)

    def logits(self, ids: Sequence[Sequence[int]], reading: Reading = ON_THE_MEAN) -> Tensor:
        """float32 [batch, classes] of these token lists: real tokens only, no padding."""
        return self._linear(self.pooled(ids, reading.pooling), "classifier")

    def pooled(self, ids: Sequence[Sequence[int]], pooling: str = MEAN) -> Tensor:
        """float32 [batch, hidden]: the mean over the tokens of each list, or from its first."""
        layout = Layout(ids, self.weights[WORDS].device)
        states = self._states(layout)
        if pooling != MEAN:
            first = states[layout.starts]
            return first if pooling == CLS else self._linear(first, BERT_POOLER).tanh()
        found = states.new_empty(layout.batch, states.shape[1])
        for run in layout.documents:
            texts = states[run.rows].unflatten(0, (-1, run.positions.stop))
            found[run.documents] = texts.mean(1)
        return found

    def _states(self, layout: Layout) -> Tensor:
        """float32 [tokens, hidden] after the last layer."""
        states = self._embedded(layout)
        for layer in range(self.shape.layers):
            part = f"bert.encoder.layer.{layer}."
            mixed = self._mixed(states, layout, part + "attention.self.")
            states = self._added(states, mixed, part + "attention.output")
            wide = functional.gelu(self._linear(states, part + "intermediate.dense"))
            states = self._added(states, wide, part + "output")
        return states

    def _embedded(self, layout: Layout) -> Tensor:
        part = "bert.embeddings."
        states = self.weights[WORDS][layout.tokens]
        states += self.weights[part + "token_type_embeddings.weight"][0]
        states += self.weights[part + "position_embeddings.weight"][layout.positions]
        return self._norm(states, part + "LayerNorm")

    def _mixed(self, states: Tensor, layout: Layout, part: str) -> Tensor:
        """Attention's output, [tokens, hidden]; over texts of one length together."""
        query, key, value = (
            self._linear(states, part + name).unflatten(-1, (self.shape.heads, -1))
            for name in ("query", "key", "value")
        )
        out = torch.empty_like(query)
        for run in layout.documents:
            heads = (
                one[run.rows].unflatten(0, (-1, run.positions.stop)).transpose(1, 2)
                for one in (query, key, value)
            )
            answer = functional.scaled_dot_product_attention(*heads)
            out[run.rows] = answer.transpose(1, 2).flatten(0, 1)
        return out.flatten(1)

    def _added(self, states: Tensor, change: Tensor, part: str) -> Tensor:
        """The states and a linear layer's output, added in the product itself, and normed."""
        weight = self.weights[part + ".dense.weight"]
        total = (states + self.weights[part + ".dense.bias"]).addmm_(change, weight.T)
        return self._norm(total, part + ".LayerNorm")

    def _linear(self, states: Tensor, name: str) -> Tensor:
        return functional.linear(
            states, self.weights[name + ".weight"], self.weights[name + ".bias"]
        )

    def _norm(self, states: Tensor, name: str) -> Tensor:
        size = (states.shape[-1],)
        return functional.layer_norm(
            states, size, self.weights[name + ".weight"], self.weights[name + ".bias"], self.eps
        )
