"""Our own forward of the Llama family over a dictionary of weights: Llama, Mistral, Qwen2.

Right padding under a causal mask needs no attention mask, and the vocabulary's head runs only on
positions that count: no [batch, length, vocabulary] table is ever made.
source  Touvron et al. 2023 (arXiv 2302.13971); Ainslie et al. 2023 (arXiv 2305.13245) for shared
        keys; docs/evaluator.md, section 3
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from evaluator.bases.shapes import LlamaShape
from evaluator.evaluators.form import MOST_NLL_Q32, Q32, Scored
from evaluator.forward.padding import padded

WORDS = "model.embed_tokens.weight"
ROPE = "rope"


class Decoder:
    """One decoder over weights that it does not own.

    weights  float32 tensors by full name ("model.layers..."), "lm_head.weight" unless it is tied,
             "score.weight" [classes, hidden] for a task of classes, and "rope": the table
             [2, positions, head_dim / 2] of evaluator/bases/rope.py
    """

    def __init__(self, weights: Mapping[str, Tensor], shape: LlamaShape) -> None:
        self.weights = weights
        self.shape = shape
        self.eps = float(shape.rms_norm_eps)
        self.device = weights[WORDS].device

    def logits(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, classes] by the head on the last token of each list."""
        return functional.linear(self.last(ids), self.weights["score.weight"])

    def last(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, hidden] of the last token of each list."""
        rows, real = padded(ids, self.device)
        places = torch.arange(len(ids), device=self.device), real.sum(1) - 1
        return self._normed(self._hidden(rows)[places])

    def scored(self, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Scored]:
        """Each token from its list's start on (at least 1), predicted from those before it."""
        rows, real = padded(ids, self.device)
        firsts = torch.tensor(starts, device=self.device)
        places = torch.arange(rows.shape[1], device=self.device)
        counted = (real & (places >= firsts[:, None]))[:, 1:]
        logits = self._vocabulary(self._normed(self._hidden(rows)[:, :-1][counted]))
        wanted = rows[:, 1:][counted]
        return scored_rows(logits, wanted, counted.sum(1).tolist())

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation: up to `most` tokens, or to the first of `ends` (not included).

        It never goes beyond the longest text that the base reads.
        """
        found: list[int] = []
        past = Past()
        rows, _ = padded([ids], self.device)
        while len(found) < most and len(ids) + len(found) < self.shape.positions:
            states = self._normed(self._hidden(rows, past)[:, -1])
            token = int(self._vocabulary(states).argmax(-1))
            if token in ends:
                break
            found.append(token)
            rows = torch.tensor([[token]], device=self.device)
        return found

    def _hidden(self, ids: Tensor, past: "Past | None" = None) -> Tensor:
        """float32 [batch, length, hidden] after the last layer, before the last norm."""
        states = self.weights[WORDS][ids]
        begin = 0 if past is None else past.length
        end = begin + ids.shape[1]
        waves = self.weights[ROPE][:, begin:end]
        mask = self._mask(begin, end)
        for layer in range(self.shape.layers):
            part = f"model.layers.{layer}."
            normed = self._norm(states, part + "input_layernorm")
            query, key, value = self._heads(normed, part + "self_attn.", waves)
            if past is not None:
                key, value = past.grown(layer, key, value)
            mixed = functional.scaled_dot_product_attention(
                query, key, value, attn_mask=mask, is_causal=mask is None and begin == 0,
                enable_gqa=query.shape[1] != key.shape[1],
            )  # fmt: skip
            self._add(states, mixed.transpose(1, 2).flatten(2), part + "self_attn.o_proj")
            normed = self._norm(states, part + "post_attention_layernorm")
            gate = functional.silu(self._linear(normed, part + "mlp.gate_proj"), inplace=True)
            gate *= self._linear(normed, part + "mlp.up_proj")
            self._add(states, gate, part + "mlp.down_proj")
        return states

    def _heads(self, states: Tensor, part: str, waves: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, [batch, heads, length, head_dim], the first two turned."""
        query, key, value = (
            self._linear(states, f"{part}{name}_proj")
            .unflatten(-1, (-1, self.shape.head_dim))
            .transpose(1, 2)
            for name in ("q", "k", "v")
        )
        return _turned(query, waves), _turned(key, waves), value

    def _mask(self, begin: int, end: int) -> Tensor | None:
        """bool [new, all]: what may be looked at, where causal alone does not say it."""
        if begin == 0 and not 0 < self.shape.window < end:
            return None
        new = torch.arange(begin, end, device=self.device)[:, None]
        old = torch.arange(end, device=self.device)
        seen = old <= new
        return seen & (old > new - self.shape.window) if self.shape.window else seen

    def _vocabulary(self, states: Tensor) -> Tensor:
        """float32 [positions, vocabulary] of normed states."""
        name = WORDS if self.shape.is_tied else "lm_head.weight"
        return functional.linear(states, self.weights[name])

    def _normed(self, states: Tensor) -> Tensor:
        return self._norm(states, "model.norm")

    def _norm(self, states: Tensor, name: str) -> Tensor:
        size = torch.linalg.vector_norm(states, dim=-1, keepdim=True)
        scale = size.square_().div_(states.shape[-1]).add_(self.eps).rsqrt_()
        return (states * scale).mul_(self.weights[name + ".weight"])

    def _linear(self, states: Tensor, name: str) -> Tensor:
        return functional.linear(
            states, self.weights[name + ".weight"], self.weights.get(name + ".bias")
        )

    def _add(self, states: Tensor, change: Tensor, name: str) -> None:
        """Add a linear layer's output to the states, in the product itself."""
        states.flatten(0, 1).addmm_(change.flatten(0, 1), self.weights[name + ".weight"].T)
        if name + ".bias" in self.weights:
            states += self.weights[name + ".bias"]


def scored_rows(logits: Tensor, wanted: Tensor, counts: Sequence[int]) -> list[Scored]:
    """What the logits of many texts' positions say of the tokens that came. Uses the logits up.

    logits  float32 [positions, vocabulary]
    wanted  int64 [positions]
    counts  positions of each text, in their order
    """
    greedy = _are_first(logits, wanted)
    nll = _q32(_nll(logits, wanted))
    ends = list(accumulate(counts))
    return [
        Scored(tuple(nll[end - count : end]), all(greedy[end - count : end]))
        for count, end in zip(counts, ends, strict=True)
    ]


class Past:
    """The keys and values of the tokens so far, of one text, layer by layer."""

    def __init__(self) -> None:
        self._held: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def length(self) -> int:
        """How many tokens are held."""
        return int(self._held[0][0].shape[2]) if self._held else 0

    def grown(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Everything so far with the new ones behind it; held for the next token."""
        if layer in self._held:
            keys, values = self._held[layer]
            key, value = torch.cat([keys, key], 2), torch.cat([values, value], 2)
        self._held[layer] = key, value
        return key, value


def _turned(heads: Tensor, waves: Tensor) -> Tensor:
    """Rotary positions, the halves of a head as pairs."""
    cosine, sine = waves
    first, second = heads.chunk(2, -1)
    turned = torch.empty_like(heads)
    left, right = turned.chunk(2, -1)
    torch.mul(first, cosine, out=left).addcmul_(second, sine, value=-1)
    torch.mul(second, cosine, out=right).addcmul_(first, sine)
    return turned


def _nll(logits: Tensor, wanted: Tensor) -> Tensor:
    """float32 [positions]: ln(sum(exp(logits))) - logits[wanted]. Uses the logits up."""
    chosen = logits.gather(1, wanted[:, None])[:, 0]
    top = logits.amax(-1)
    return logits.sub_(top[:, None]).exp_().sum(-1).log_() + (top - chosen)


def _are_first(logits: Tensor, wanted: Tensor) -> list[bool]:
    """Which of the wanted tokens are the likeliest, of equal ones the lowest id."""
    chosen = logits.gather(1, wanted[:, None])[:, 0]
    found = chosen == logits.amax(-1)
    found[found.clone()] = logits[found].argmax(-1) == wanted[found]
    return [bool(one) for one in found.tolist()]


def _q32(nll: Tensor) -> list[int]:
    """Units of 2^-32 nat; what is no number, or beyond the most, costs the most."""
    most = MOST_NLL_Q32 / Q32
    bounded = torch.nan_to_num(nll.double(), nan=most, posinf=most).clamp(max=most)
    return [int(one) for one in (bounded * Q32).round().tolist()]
