"""Our own forward of the Llama family over a dictionary of weights: Llama, Mistral, Qwen2.

Texts lie behind each other without padding, attention runs over those of one length together, and
the vocabulary's head runs only on positions that count.
source  Touvron et al. 2023 (arXiv 2302.13971); Ainslie et al. 2023 (arXiv 2305.13245) for shared
        keys; docs/evaluator.md, section 3
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate

import torch
from torch import Tensor
from torch.nn import functional

from evaluator.bases.shapes import LlamaShape
from evaluator.evaluators.form import MOST_NLL_Q32, ON_THE_LAST, Q32, Reading, Scored
from evaluator.layout import Layout

WORDS = "model.embed_tokens.weight"
ROPE = "rope"
Mixing = Callable[[int, Tensor, Tensor, Tensor], Tensor]


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

    def logits(self, ids: Sequence[Sequence[int]], _: Reading = ON_THE_LAST) -> Tensor:
        """float32 [batch, classes] by the head on the last token of each list."""
        return functional.linear(self.last(ids), self.weights["score.weight"])

    def last(self, ids: Sequence[Sequence[int]]) -> Tensor:
        """float32 [batch, hidden] of the last token of each list."""
        layout = Layout(ids, self.device)
        ends = torch.tensor(layout.starts, device=self.device) + layout.counts - 1
        return self._normed(self._states(layout)[ends])

    def scored(self, ids: Sequence[Sequence[int]], starts: Sequence[int]) -> list[Scored]:
        """Each token from its list's start on (at least 1), predicted from those before it."""
        layout = Layout(ids, self.device)
        firsts = torch.tensor(starts, device=self.device).repeat_interleave(layout.counts)
        wanted = (layout.positions >= firsts).nonzero()[:, 0]
        logits = self._vocabulary(self._normed(self._states(layout)[wanted - 1]))
        counts = [len(line) - start for line, start in zip(ids, starts, strict=True)]
        return scored_rows(logits, layout.tokens[wanted], counts)

    def continued(self, ids: Sequence[int], *, most: int, ends: Collection[int]) -> list[int]:
        """The greedy continuation: up to `most` tokens, or to the first of `ends` (not included).

        It never goes beyond the longest text that the base reads.
        """
        found: list[int] = []
        past, new = Past(self.shape.window), list(ids)
        while len(found) < most and len(ids) + len(found) < self.shape.positions:
            tokens = torch.tensor(new, device=self.device)
            places = torch.arange(len(new), device=self.device) + past.length
            states = self._hidden(tokens, places, past.mixed)
            token = int(self._vocabulary(self._normed(states[-1:])).argmax(-1))
            if token in ends:
                break
            found.append(token)
            new = [token]
        return found

    def _states(self, layout: Layout) -> Tensor:
        """float32 [tokens, hidden] after the last layer, before the last norm."""

        def mixed(_: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            out = torch.empty_like(query)
            for run in layout.documents:
                count, length = run.documents.stop - run.documents.start, run.positions.stop
                heads = [
                    one[run.rows].unflatten(0, (count, length)).transpose(1, 2)
                    for one in (query, key, value)
                ]
                answer = attended(*heads, begin=0, window=self.shape.window)
                out[run.rows] = answer.transpose(1, 2).flatten(0, 1)
            return out

        return self._hidden(layout.tokens, layout.positions, mixed)

    def _hidden(self, tokens: Tensor, places: Tensor, mixed: Mixing) -> Tensor:
        """float32 [tokens, hidden] after the last layer.

        places  the position of each token in its text
        mixed   (layer, query, key, value) -> attention's output; all [tokens, heads, head_dim]
        """
        states = self.weights[WORDS][tokens]
        waves = self.weights[ROPE][:, places, None]
        for layer in range(self.shape.layers):
            part = f"model.layers.{layer}."
            heads = self._heads(self._norm(states, part + "input_layernorm"), part, waves)
            self._add(states, mixed(layer, *heads).flatten(1), part + "self_attn.o_proj")
            normed = self._norm(states, part + "post_attention_layernorm")
            gate = functional.silu(self._linear(normed, part + "mlp.gate_proj"), inplace=True)
            gate *= self._linear(normed, part + "mlp.up_proj")
            self._add(states, gate, part + "mlp.down_proj")
        return states

    def _heads(self, states: Tensor, part: str, waves: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key and value, [tokens, heads, head_dim], the first two turned."""
        query, key, value = (
            self._linear(states, f"{part}self_attn.{name}_proj").unflatten(
                -1, (-1, self.shape.head_dim)
            )
            for name in ("q", "k", "v")
        )
        return _turned(query, waves), _turned(key, waves), value

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
        states.addmm_(change, self.weights[name + ".weight"].T)
        if name + ".bias" in self.weights:
            states += self.weights[name + ".bias"]


def attended(query: Tensor, key: Tensor, value: Tensor, *, begin: int, window: int) -> Tensor:
    """Causal attention of equally long texts, [texts, heads, length, head_dim].

    begin   position of the first query; the first key is that of position 0
    window  most tokens that are looked back at, the own one included; 0: all
    """
    new, old = query.shape[2], key.shape[2]
    mask = None
    if begin or 0 < window < old:
        seen = torch.arange(old, device=query.device)
        own = torch.arange(begin, begin + new, device=query.device)[:, None]
        mask = (seen <= own) & (seen > own - (window or old + new))
    return functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask, is_causal=mask is None,
        enable_gqa=query.shape[1] != key.shape[1],
    )  # fmt: skip


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
    """The keys and values of one text's tokens so far, layer by layer."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._held: dict[int, tuple[Tensor, Tensor]] = {}

    @property
    def length(self) -> int:
        """How many tokens are held."""
        return int(self._held[0][0].shape[2]) if self._held else 0

    def mixed(self, layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Attention of the new tokens to all so far; theirs are held for the next ones."""
        query, key, value = (one.transpose(0, 1)[None] for one in (query, key, value))
        begin = 0
        if layer in self._held:
            keys, values = self._held[layer]
            begin = int(keys.shape[2])
            key, value = torch.cat([keys, key], 2), torch.cat([values, value], 2)
        self._held[layer] = key, value
        return attended(query, key, value, begin=begin, window=self._window)[0].transpose(0, 1)


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
