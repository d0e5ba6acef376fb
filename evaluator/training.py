"""Train a LoRA adapter on the pinned base: a plain, short peft run that any laptop finishes.

What it saves is what peft saves; the intake takes it like anybody else's. Nothing here is trusted.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn

from evaluator.bases import BertShape, base_named, folder_of
from evaluator.errors import AdapterRank, DataLabelUnknown, EvaluatorUnfit
from evaluator.evaluators.form import Sample
from evaluator.manifest import Manifest
from evaluator.tokens import load_tokenizer, token_ids

POOL_BATCHES = 16  # batches that are sorted by length together
HEAD = "classifier"


@dataclass(frozen=True)
class Recipe:
    """How to train. The head learns at ten times the rate: it starts from zero.

    layers  how many of the last layers get LoRA. Three of six cost half of all six, and reach the
            same accuracy in a short run (73.5 % after 60 steps, measured on the docstrings)
    seconds  end after the step in which this much time is over; 0: all steps. Where it ends, the
             adapter depends on the machine's speed
    keep_every  save the adapter after every so many steps too, beside the folder; 0: only at last
    """

    steps: int = 60
    batch: int = 32
    rank: int = 8
    alpha: int = 16
    rate: float = 1e-3
    head_rate: float = 1e-2
    seed: int = 1
    threads: int = 2
    layers: int = 3
    seconds: int = 0
    keep_every: int = 0


@dataclass(frozen=True)
class Step:
    """What one step showed. correct: examples of the batch that it had right before the update."""

    number: int
    loss: float
    correct: int
    examples: int


@dataclass(frozen=True)
class Trained:
    """What came out. folder holds adapter_config.json and adapter_model.safetensors."""

    folder: Path
    steps: int
    seconds: float
    loss: float
    parameters: int


class Classifier(nn.Module):
    """The task's model: the encoder, the mean over real tokens, one linear layer from zero.

    Its parts are named as in the manifest, so that peft saves `base_model.model.bert...`.
    """

    def __init__(self, bert: nn.Module, hidden: int, classes: int) -> None:
        super().__init__()
        self.bert = bert
        self.classifier = nn.Linear(hidden, classes)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """float32 [batch, classes] from int64 [batch, length] and its mask of ones and zeros."""
        states = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        real = attention_mask[:, :, None].to(states.dtype)
        pooled: Tensor = (states * real).sum(1) / real.sum(1)
        logits: Tensor = self.classifier(pooled)
        return logits


def train(
    examples: Sequence[Sample],
    manifest: Manifest,
    out: Path,
    recipe: Recipe,
    report: Callable[[Step], None],
) -> Trained:
    """Train and save an adapter.

    examples  the training slice; its labels are the manifest's
    out       the folder that the adapter is saved in
    report    called after every step
    raises    EvaluatorUnfit, AdapterRank, DataLabelUnknown, BaseMissing, BaseDamaged, BaseUnknown
    """
    started = time.monotonic()
    if not isinstance(manifest.base.config, BertShape) or not manifest.labels:
        raise EvaluatorUnfit(
            "This command trains encoders on texts with classes.",
            next_step="Train with peft itself, and save with save_pretrained.",
            evaluator=manifest.metric.evaluator,
            base=manifest.base.name,
        )
    rank_max = manifest.adapter.rank_max
    if recipe.rank > rank_max:
        raise AdapterRank(f"The task takes ranks up to {rank_max}.", limit=rank_max)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    folder = folder_of(base_named(manifest.base.name))
    ids, labels = _encoded(examples, manifest, folder)
    model = adapted(plain_model(folder, manifest), manifest, recipe)

    def after(step: Step) -> None:
        report(step)
        if recipe.keep_every and step.number % recipe.keep_every == 0:
            model.save_pretrained(str(out.with_name(f"{out.name}-step-{step.number}")))

    losses = _run(model, ids, labels, recipe, after)
    model.save_pretrained(str(out))
    count = sum(one.numel() for one in model.parameters() if one.requires_grad)
    last = losses[-10:]
    seconds = time.monotonic() - started
    return Trained(out, len(losses), seconds, sum(last) / len(last), count)


def plain_model(folder: Path, manifest: Manifest) -> Classifier:
    """The base with a head of zeros, without dropout: a short run has nothing to overfit."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    bert = transformers.BertModel.from_pretrained(
        str(folder),
        add_pooling_layer=False,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        local_files_only=True,
    )
    return Classifier(bert, manifest.base.config.hidden, len(manifest.labels))


def adapted(model: Classifier, manifest: Manifest, recipe: Recipe) -> PeftModel:
    """The model with LoRA on every target of the last `recipe.layers` layers."""
    shape = manifest.base.config
    assert isinstance(shape, BertShape), "train refuses other families"
    depth = shape.layers
    kept = tuple(
        f"bert.encoder.layer.{layer}." for layer in range(max(0, depth - recipe.layers), depth)
    )
    targets = [name for name in manifest.adapter.targets if name.startswith(kept)]
    config = LoraConfig(
        task_type="FEATURE_EXTRACTION",
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        target_modules=targets,
        modules_to_save=[HEAD],
    )
    return get_peft_model(model, config)


def padded(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """int64 [batch, longest] ids and their mask."""
    longest = max(map(len, ids))
    rows = torch.tensor([[*line, *[0] * (longest - len(line))] for line in ids])
    lengths = torch.tensor([len(line) for line in ids])
    return rows, (torch.arange(longest) < lengths[:, None]).long()


def _encoded(
    examples: Sequence[Sample], manifest: Manifest, folder: Path
) -> tuple[list[list[int]], list[int]]:
    places = {name: place for place, name in enumerate(manifest.labels)}
    for row, one in enumerate(examples, start=1):
        label = str(one["label"])
        if label not in places:
            raise DataLabelUnknown(
                f"Row {row} has the label {label!r:.60}, which the task does not have.",
                slice="train",
                label=label[:60],
                row=row,
                labels=list(manifest.labels[:20]),
            )
    tokenizer = load_tokenizer(folder, max_tokens=manifest.tokenizer.max_tokens)
    ids = token_ids(tokenizer, [str(one["text"]) for one in examples])
    return ids, [places[str(one["label"])] for one in examples]


def _run(
    model: PeftModel,
    ids: list[list[int]],
    labels: list[int],
    recipe: Recipe,
    report: Callable[[Step], None],
) -> list[float]:
    """Train in place; the loss of every step that was taken."""
    until_s = time.monotonic() + recipe.seconds
    optimizer = _optimizer(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _share_of_rate(step, recipe.steps)
    )
    losses: list[float] = []
    batches = _batches([len(line) for line in ids], recipe)
    for number in range(1, recipe.steps + 1):
        places = next(batches)
        rows, mask = padded([ids[place] for place in places])
        wanted = torch.tensor([labels[place] for place in places])
        logits = model.base_model(input_ids=rows, attention_mask=mask)
        loss = nn.functional.cross_entropy(logits, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        correct = int((logits.argmax(1) == wanted).sum())
        report(Step(number, losses[-1], correct, len(places)))
        if recipe.seconds and time.monotonic() >= until_s:
            break
    return losses


def _optimizer(model: PeftModel, recipe: Recipe) -> torch.optim.Optimizer:
    named = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    head = [one for name, one in named if HEAD in name]
    lora = [one for name, one in named if HEAD not in name]
    return torch.optim.AdamW(
        [{"params": lora, "lr": recipe.rate}, {"params": head, "lr": recipe.head_rate}],
        weight_decay=0.0,
    )


def _share_of_rate(step: int, steps: int) -> float:
    """A short warm-up, then a straight line down to a tenth."""
    warm = max(1, steps // 20)
    if step < warm:
        return (step + 1) / warm
    return 1.0 - 0.9 * (step - warm) / max(1, steps - warm)


def _batches(lengths: list[int], recipe: Recipe) -> Iterator[list[int]]:
    """Places of the examples of each batch, for ever: mixed, but of like length."""
    size, pool = recipe.batch, recipe.batch * POOL_BATCHES
    while True:
        order = torch.randperm(len(lengths)).tolist()
        for start in range(0, len(order), pool):
            near = sorted(order[start : start + pool], key=lambda place: lengths[place])
            parts = [near[place : place + size] for place in range(0, len(near), size)]
            for part in torch.randperm(len(parts)).tolist():
                yield parts[part]
