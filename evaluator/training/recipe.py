"""How an adapter is to be trained, and what is refused before any model library is loaded."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assay.canonical import sha256_hex
from evaluator.bases import base_named, folder_of
from evaluator.errors import AdapterRank, DataLabelUnknown, EvaluatorUnfit, OutUnusable
from evaluator.evaluators.form import Sample
from evaluator.task.manifest import Manifest, manifest_sha256
from evaluator.training.starter import NAME, starter

RUN_STARTER = f"Run the competition's own script: python {NAME} BASE OUT."
TRAIN_YOURSELF = "Train with peft itself, and save with save_pretrained."


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


def check_trainable(
    examples: Sequence[Sample], manifest: Manifest, out: Path, recipe: Recipe
) -> Path:
    """The base's folder, when such a training can begin.

    raises EvaluatorUnfit, AdapterRank, DataLabelUnknown, OutUnusable, BaseMissing, BaseDamaged,
           BaseUnknown
    """
    if manifest.base.family != "bert" or not manifest.labels:
        raise EvaluatorUnfit(
            "This command trains encoders of the BERT family on texts with classes.",
            next_step=RUN_STARTER if starter(manifest) else TRAIN_YOURSELF,
            evaluator=manifest.metric.evaluator,
            base=manifest.base.name,
        )
    rank_max = manifest.adapter.rank_max
    if recipe.rank > rank_max:
        raise AdapterRank(f"The task takes ranks up to {rank_max}.", limit=rank_max)
    if out.exists() and not out.is_dir():
        raise OutUnusable(f"{out} is no folder.", path=str(out))
    _check_labels(examples, manifest)
    return folder_of(base_named(manifest.base.name))


def course_of(examples: Sequence[Sample], manifest: Manifest, recipe: Recipe) -> str:
    """SHA-256 of all that the trained numbers follow from: a training goes on only in its own."""
    told = {name: str(getattr(recipe, name)) for name in _SHAPING}
    rows = [[str(one["text"]), str(one["label"])] for one in examples]
    return sha256_hex(json.dumps([manifest_sha256(manifest), told, rows]).encode())


_SHAPING = ("steps", "batch", "rank", "alpha", "rate", "head_rate", "seed", "threads", "layers")


def _check_labels(examples: Sequence[Sample], manifest: Manifest) -> None:
    known = set(manifest.labels)
    for row, one in enumerate(examples, start=1):
        label = str(one["label"])
        if label not in known:
            raise DataLabelUnknown(
                f"Row {row} has the label {label!r:.60}, which the task does not have.",
                slice="train",
                label=label[:60],
                row=row,
                labels=list(manifest.labels[:20]),
            )
