"""Predictions of one adapter: what runs inside the sandbox, and, unchanged, in `assay check`.

After `load_base` nothing here opens a file, imports a module, starts a thread or makes memory
executable: the sandbox then forbids all four. Labels never come here.
"""

from pathlib import Path
from typing import cast

from evaluator.bases.reading import read_shape
from evaluator.bases.shapes import GenericShape
from evaluator.engine.library import VERSION
from evaluator.engine.model import GROUP_TOKENS, Adapted, Base, read_base
from evaluator.errors import ManifestInvalid
from evaluator.evaluators.form import Model
from evaluator.registry import evaluator_named
from evaluator.task.manifest import Manifest, read_manifest
from evaluator.task.plan import batches
from evaluator.task.slices import Inputs, unpack_inputs


def load_base(folder: Path) -> Base:
    """Read a base and pack its weights. Callers have verified the folder (`bases.folder_of`)."""
    shape = read_shape(folder)
    assert not isinstance(shape, GenericShape), "bases.Base.scorer names the scorer"
    return read_base(folder, shape)


def predict(base: Base, adapter: bytes | None, inputs: bytes, manifest: bytes) -> list[list[int]]:
    """What the adapter answers to every example: whole numbers that its evaluator defines.

    adapter   a canonical blob of the intake; None is the baseline: the base under a head of zeros
    inputs    an inputs blob
    manifest  its canonical bytes
    raises    ManifestInvalid, also when the manifest pins another arithmetic
    """
    pinned = read_manifest(manifest)
    refuse_other_engine(pinned)
    model = cast("Model", Adapted(base, adapter, pinned.adapter.head))
    return predictions(model, unpack_inputs(inputs), pinned)


def predictions(model: Model, inputs: Inputs, manifest: Manifest) -> list[list[int]]:
    """The same of any model: many examples at a time, those of like length together."""
    found: list[list[int]] = [[] for _ in inputs.examples]
    evaluator = evaluator_named(manifest.metric.evaluator)
    answer = evaluator.predictor(model, inputs.shared, manifest.metric.options)
    for batch in batches(inputs.examples, budget_tokens=GROUP_TOKENS):
        answers = answer([inputs.examples[place] for place in batch])
        for place, one in zip(batch, answers, strict=True):
            found[place] = one
    return found


def refuse_other_engine(manifest: Manifest) -> None:
    """Another arithmetic gives other bits. raises ManifestInvalid"""
    if manifest.engine.version != VERSION:
        raise ManifestInvalid(
            f"The task is pinned to {manifest.engine.version:.40}; here is {VERSION}.",
            next_step="Install the release of Assay that the competition names.",
            path="$.engine.version",
        )
