"""Train a LoRA adapter on the pinned base: a plain, short peft run that any laptop finishes.

What it saves is what peft saves; the intake takes it like anybody else's. Nothing here is trusted.
"""

import pickle
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers.utils import ModelOutput

from evaluator.bases import EncoderShape
from evaluator.bases.shapes import CLS, CLS_POOLER
from evaluator.evaluators.form import Sample
from evaluator.intake.names import saved_modules
from evaluator.task.encoding import load_tokenizer, token_ids
from evaluator.task.manifest import Manifest
from evaluator.training.recipe import Recipe, check_trainable, course_of

POOL_BATCHES = 16  # batches that are sorted by length together
HEAD = "classifier"
UNFINISHED = "training.unfinished"  # in the folder of the adapter, until the end
RECORD_EVERY = 10  # steps


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


@dataclass(frozen=True)
class Course:
    """The record of a training that has not ended: a file in its folder.

    of  what the numbers follow from; another training leaves the record alone, and replaces it
    """

    path: Path
    of: str

    def resume(self, model: PeftModel, optimizer: Optimizer, schedule: LRScheduler) -> list[float]:
        """Put everything back; the losses of the steps that were done, none without a record."""
        if not self.path.is_file():
            return []
        try:
            told = torch.load(self.path, weights_only=True)
        except (RuntimeError, EOFError, pickle.UnpicklingError):  # no record of ours
            return []
        if told["of"] != self.of:
            return []
        with torch.no_grad():
            for name, one in _trained(model).items():
                one.copy_(told["model"][name])
        optimizer.load_state_dict(told["optimizer"])
        schedule.load_state_dict(told["schedule"])
        losses: list[float] = told["losses"]
        return losses

    def record(
        self, model: PeftModel, optimizer: Optimizer, schedule: LRScheduler, losses: list[float]
    ) -> None:
        """Write down where the training is; the file is whole or the one before."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_name(f"{self.path.name}.part")
        told = {"of": self.of, "model": _trained(model), "losses": losses}
        states = {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        torch.save(told | states, part)
        part.replace(self.path)

    def end(self) -> None:
        """The adapter is saved: nothing is left to go on with."""
        self.path.unlink(missing_ok=True)


class Classifier(nn.Module):
    """The task's model: the encoder, one state of a text's, one linear layer from zero.

    Its parts are named as in the manifest, so that peft saves `base_model.model.bert...`.
    pooling  as the manifest states it: "mean" of the real tokens, "cls", "cls+pooler"
    """

    def __init__(self, bert: nn.Module, hidden: int, classes: int, pooling: str) -> None:
        super().__init__()
        self.bert = bert
        self.pooling = pooling
        self.classifier = nn.Linear(hidden, classes)
        nn.init.zeros_(self.classifier.weight)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """float32 [batch, classes] from int64 [batch, length] and its mask of ones and zeros."""
        found = self.bert(input_ids=input_ids, attention_mask=attention_mask)
        logits: Tensor = self.classifier(self._pooled(found, attention_mask))
        return logits

    def _pooled(self, found: ModelOutput, attention_mask: Tensor) -> Tensor:
        states: Tensor = found.last_hidden_state
        if self.pooling == CLS_POOLER:
            state: Tensor = found.pooler_output
            return state
        if self.pooling == CLS:
            return states[:, 0]
        real = attention_mask[:, :, None].to(states.dtype)
        return (states * real).sum(1) / real.sum(1)


def train(
    examples: Sequence[Sample],
    manifest: Manifest,
    out: Path,
    recipe: Recipe,
    report: Callable[[Step], None],
) -> Trained:
    """Train and save an adapter; a training that was stopped goes on where its last record is.

    examples  the training slice; its labels are the manifest's
    out       the folder that the adapter is saved in
    report    called after every step
    raises    what check_trainable raises
    """
    started = time.monotonic()
    folder = check_trainable(examples, manifest, out, recipe)
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    ids, labels = _encoded(examples, manifest, folder)
    model = adapted(plain_model(folder, manifest), manifest, recipe)

    def after(step: Step) -> None:
        report(step)
        if recipe.keep_every and step.number % recipe.keep_every == 0:
            model.save_pretrained(str(out.with_name(f"{out.name}-step-{step.number}")))

    course = Course(out / UNFINISHED, course_of(examples, manifest, recipe))
    losses = _run(model, ids, labels, (recipe, course), after)
    model.save_pretrained(str(out))
    course.end()
    count = sum(one.numel() for one in model.parameters() if one.requires_grad)
    last = losses[-10:]
    seconds = time.monotonic() - started
    return Trained(out, len(losses), seconds, sum(last) / len(last), count)


def plain_model(folder: Path, manifest: Manifest) -> Classifier:
    """The base with a head of zeros, without dropout: a short run has nothing to overfit."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    pooling = manifest.metric.options["pooling"]
    bert = transformers.BertModel.from_pretrained(
        str(folder),
        add_pooling_layer=pooling == CLS_POOLER,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        dtype=torch.float32,
        local_files_only=True,
    )
    return Classifier(bert, manifest.base.config.hidden, len(manifest.labels), pooling)


def adapted(model: Classifier, manifest: Manifest, recipe: Recipe) -> PeftModel:
    """The model with LoRA on every target of the last `recipe.layers` layers."""
    shape = manifest.base.config
    assert isinstance(shape, EncoderShape), "train refuses other families"
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
        modules_to_save=saved_modules(manifest.adapter.head),
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
    tokenizer = load_tokenizer(folder, max_tokens=manifest.tokenizer.max_tokens)
    ids = token_ids(tokenizer, [str(one["text"]) for one in examples])
    return ids, [places[str(one["label"])] for one in examples]


def _run(
    model: PeftModel,
    ids: list[list[int]],
    labels: list[int],
    plan: tuple[Recipe, Course],
    report: Callable[[Step], None],
) -> list[float]:
    """Train in place; the loss of every step, of those before a stop too.

    Nothing is drawn by chance after the batches, so the record of a step and the seed are enough
    to go on with the very numbers that an unbroken training has.
    """
    recipe, course = plan
    until_s = time.monotonic() + recipe.seconds
    optimizer = _optimizer(model, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: _share_of_rate(step, recipe.steps)
    )
    losses = course.resume(model, optimizer, schedule)
    batches = islice(_batches([len(line) for line in ids], recipe), len(losses), None)
    for number in range(len(losses) + 1, recipe.steps + 1):
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
        if number % RECORD_EVERY == 0:
            course.record(model, optimizer, schedule, losses)
        correct = int((logits.argmax(1) == wanted).sum())
        report(Step(number, losses[-1], correct, len(places)))
        if recipe.seconds and time.monotonic() >= until_s:
            break
    return losses


def _trained(model: PeftModel) -> dict[str, Tensor]:
    return {name: one for name, one in model.named_parameters() if one.requires_grad}


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
