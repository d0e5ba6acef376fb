"""Small, honest trainings on two bases: which library a docstring is from, by LoRA and a head.

The base is never changed: an adapter is factors that a hook adds to each linear layer. What lies
below the adapted layers is computed once, so that a training of forty steps takes seconds.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from transformers import AutoModel, AutoTokenizer, LlamaConfig, LlamaModel

from evaluator.bases import MINILM, folder_of
from evaluator.task.docstrings import Sizes, docstring_slices

ENCODER, DECODER = "MiniLM", "Llama-shaped"
LIBRARIES = ("celery", "django", "python", "sympy")
TOKENS, BATCH, SCALE = 24, 8, 2.0
SIZES = Sizes(train=120, public=0, final=24)
ATTENTION = ("query", "value", "q_proj", "v_proj")
Factors = Mapping[str, tuple[Tensor, Tensor]]  # module -> B [d_out, r], A [r, d_in]


@dataclass(frozen=True)
class Recipe:
    """How an adapter is trained. seed: of A; order: which texts, in which order."""

    seed: int
    order: int
    rank: int = 8
    steps: int = 30
    rate: float = 2e-3
    is_attention_only: bool = False


@dataclass(frozen=True)
class Adapter:
    """What a training gave. head: float32 [classes, d]"""

    factors: Factors
    head: Tensor
    recipe: Recipe


@dataclass
class Bench:
    """A base with the texts that it has read as far as no adapter reaches.

    tail   [n, tokens, d] -> [n, tokens, d]: the layers that adapters change
    """

    name: str
    tail: Callable[[Tensor], Tensor]
    linears: Mapping[str, nn.Linear]
    texts: Mapping[str, Tensor]
    labels: Mapping[str, Tensor]
    adapter: dict[str, tuple[Tensor, Tensor]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, linear in self.linears.items():
            linear.register_forward_hook(self._hook(name))

    def _hook(self, name: str) -> Callable[..., Tensor]:
        def add(_: nn.Module, given: tuple[Tensor], out: Tensor) -> Tensor:
            if name not in self.adapter:
                return out
            up, down = self.adapter[name]
            return out + SCALE * (given[0] @ down.T) @ up.T

        return add

    def logits(self, factors: Factors, head: Tensor, states: Tensor) -> Tensor:
        self.adapter = dict(factors)
        return self.tail(states).mean(1) @ head.T


def train(bench: Bench, recipe: Recipe, begin: Adapter | None = None) -> list[Adapter]:
    """The adapter after each ten steps, the last one last. begin: what it goes on from"""
    factors = begin.factors if begin else _fresh(bench, recipe)
    factors = {
        name: tuple(one.clone().requires_grad_() for one in pair) for name, pair in factors.items()
    }
    states, labels = bench.texts["train"], bench.labels["train"]
    width = states.shape[2]
    head = (begin.head.clone() if begin else torch.zeros(len(LIBRARIES), width)).requires_grad_()
    lora = [one for pair in factors.values() for one in pair]
    groups = [{"params": lora, "lr": recipe.rate}, {"params": [head], "lr": 1e-2}]
    optimizer = torch.optim.AdamW(groups, weight_decay=0.0)
    chance = torch.Generator().manual_seed(recipe.order)
    mine = torch.randperm(len(states), generator=chance)[: len(states) // 2]
    kept = []
    for step in range(1, recipe.steps + 1):
        places = mine[torch.randint(len(mine), (BATCH,), generator=chance)]
        loss = cross_entropy(bench.logits(factors, head, states[places]), labels[places])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 10 == 0:
            done = {name: (up.detach().clone(), down.detach().clone())
                    for name, (up, down) in factors.items()}  # fmt: skip
            kept.append(Adapter(done, head.detach().clone(), replace(recipe, steps=step)))
    return kept


@torch.no_grad()
def loss_of(bench: Bench, factors: Factors, head: Tensor) -> float:
    """Mean cross-entropy on texts that no training saw, in nat."""
    logits = bench.logits(factors, head, bench.texts["final"])
    return float(cross_entropy(logits, bench.labels["final"]))


def _fresh(bench: Bench, recipe: Recipe) -> Factors:
    """A as peft begins with it, and B of zeros."""
    chance = torch.Generator().manual_seed(recipe.seed)
    made = {}
    for name, linear in sorted(bench.linears.items()):
        if recipe.is_attention_only and not name.endswith(ATTENTION):
            continue
        bound = 1 / math.sqrt(linear.in_features)
        down = (2 * torch.rand(recipe.rank, linear.in_features, generator=chance) - 1) * bound
        made[name] = (torch.zeros(linear.out_features, recipe.rank), down)
    return made


def bench_of(base: str) -> Bench:
    """MiniLM with its last two layers, or a small Llama of random weights with all of its."""
    torch.set_num_threads(1)
    folder = folder_of(MINILM)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids, labels = _texts(tokenizer)
    return _minilm(folder, ids, labels) if base == ENCODER else _llama(len(tokenizer), ids, labels)


def _texts(tokenizer: Callable[..., dict[str, list[list[int]]]]) -> tuple[dict, dict]:
    """Each text's first tokens; those that are shorter are left out, so nothing is padded."""
    ids, labels = {}, {}
    for name, rows in docstring_slices(SIZES, LIBRARIES).items():
        told = [(tokenizer(str(row["text"]))["input_ids"], str(row["label"])) for row in rows]
        long = [(one[:TOKENS], LIBRARIES.index(label)) for one, label in told if len(one) >= TOKENS]
        ids[name] = torch.tensor([one for one, _ in long])
        labels[name] = torch.tensor([label for _, label in long])
    return ids, labels


@torch.no_grad()
def _minilm(folder: object, ids: dict[str, Tensor], labels: dict[str, Tensor]) -> Bench:
    model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()
    model.requires_grad_(requires_grad=False)
    low, high = model.encoder.layer[:-2], model.encoder.layer[-2:]

    def through(layers: nn.ModuleList, states: Tensor) -> Tensor:
        for layer in layers:
            found = layer(states)
            states = found[0] if isinstance(found, tuple) else found
        return states

    texts = {name: through(low, model.embeddings(one)) for name, one in ids.items() if len(one)}
    return Bench(ENCODER, lambda states: through(high, states), _linears(high), texts, labels)


@torch.no_grad()
def _llama(vocabulary: int, ids: dict[str, Tensor], labels: dict[str, Tensor]) -> Bench:
    torch.manual_seed(5)
    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=192, intermediate_size=384, num_hidden_layers=2,
        num_attention_heads=6, num_key_value_heads=3, initializer_range=0.08,
    )  # fmt: skip
    model = LlamaModel(config).eval()
    model.requires_grad_(requires_grad=False)
    texts = {name: model.embed_tokens(one) for name, one in ids.items() if len(one)}
    return Bench(
        DECODER,
        lambda states: model(inputs_embeds=states, use_cache=False).last_hidden_state,
        _linears(model.layers),
        texts,
        labels,
    )


def _linears(layers: nn.Module) -> dict[str, nn.Linear]:
    return {name: one for name, one in layers.named_modules() if isinstance(one, nn.Linear)}
