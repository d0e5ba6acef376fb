"""Our own forward of the BERT family over a dictionary of weights.

It exists because a merged weight dictionary and a pinned plan are several times cheaper than a
warm peft model, and because every operation that makes a score stands here to be read.
source  Devlin et al. 2018 (arXiv 1810.04805); docs/evaluator.md, section 3
"""

from collections.abc import Mapping, Sequence

from torch import Tensor
from torch.nn import functional

from evaluator.bases.shapes import BertShape
from evaluator.forward.padding import padded

WORDS = "bert.embeddings.word_embeddings.weight"


class Encoder:
    """One encoder with mean pooling and a linear head, over weights that it does not own.

    weights  float32 tensors by full name ("bert.encoder..."), with "classifier.weight" [classes,
             hidden] and "classifier.bias" [classes]
    """

    def __init__(self, weights: Mapping[str, Tensor], shape: BertShape) -> None:
        self.weights = weights
        self.shape = shape
        self.eps = float(shape.layer_norm_eps)

    def logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, classes] of these token lists: real tokens only, no padding."""
        return self._linear(self.pooled(ids), "classifier")

    def pooled(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, hidden]: the mean over the real tokens of each list."""
        rows, real = padded(ids, self.weights[WORDS].device)
        is_padded = not bool(real.all())
        hidden = self._hidden(rows, real if is_padded else None)
        return (hidden * real[:, :, None]).sum(1) / real.sum(1)[:, None]

    def _hidden(self, ids: Tensor, real: Tensor | None) -> Tensor:
        """float32 [batch, length, hidden] after the last layer."""
        states = self._embedded(ids)
        mask = None if real is None else real[:, None, None]
        for layer in range(self.shape.layers):
            states = self._layer(states, mask, f"bert.encoder.layer.{layer}.")
        return states

    def _embedded(self, ids: Tensor) -> Tensor:
        part = "bert.embeddings."
        states = self.weights[WORDS][ids]
        states = states + self.weights[part + "token_type_embeddings.weight"][0]
        states = states + self.weights[part + "position_embeddings.weight"][: ids.shape[1]]
        return self._norm(states, part + "LayerNorm")

    def _layer(self, states: Tensor, mask: Tensor | None, part: str) -> Tensor:
        batch, length, hidden = states.shape
        query, key, value = (
            self._linear(states, f"{part}attention.self.{name}")
            .view(batch, length, self.shape.heads, -1)
            .transpose(1, 2)
            for name in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        mixed = mixed.transpose(1, 2).reshape(batch, length, hidden)
        mixed = self._linear(mixed, part + "attention.output.dense")
        states = self._norm(states + mixed, part + "attention.output.LayerNorm")
        wide = functional.gelu(self._linear(states, part + "intermediate.dense"))
        return self._norm(
            states + self._linear(wide, part + "output.dense"), part + "output.LayerNorm"
        )

    def _linear(self, states: Tensor, name: str) -> Tensor:
        return functional.linear(
            states, self.weights[name + ".weight"], self.weights[name + ".bias"]
        )

    def _norm(self, states: Tensor, name: str) -> Tensor:
        size = (states.shape[-1],)
        return functional.layer_norm(
            states, size, self.weights[name + ".weight"], self.weights[name + ".bias"], self.eps
        )
