"""The whole way of an adapter to its score on the public slice: what `assay check` does."""

import importlib
from dataclasses import dataclass
from pathlib import Path

from assay.canonical import sha256_hex
from evaluator.bases import base_named, folder_of
from evaluator.errors import ScoredElsewhere, SliceChanged
from evaluator.evaluators.form import Context
from evaluator.intake import admit_folder
from evaluator.registry import evaluator_named
from evaluator.score.judging import judge, metric_of
from evaluator.task.manifest import Manifest, manifest_sha256, to_bytes
from evaluator.task.slices import unpack_inputs, unpack_labels
from evaluator.task.tokens import tokens_of


@dataclass(frozen=True)
class Checked:
    """A score in parts of 10^9, and what it is the score of.

    interval_e9   its 95 % interval, where the metric has one
    results_root  root of the tree over the answers: the same answers give the same root everywhere
    """

    score_e9: int
    interval_e9: tuple[int, int] | None
    examples: int
    results_root: str
    adapter_sha256: str
    manifest_sha256: str
    ignored: tuple[str, ...]


def check(adapter: Path, manifest: Manifest, inputs: bytes, labels: bytes) -> Checked:
    """Admit, predict and measure, by the code that the worker uses.

    adapter  a folder as `save_pretrained` leaves it
    inputs, labels  the public slice's blobs
    raises   AdapterRefused, SliceChanged, ScoredElsewhere, BaseMissing, BaseDamaged,
             ManifestInvalid, EngineMissing, LibraryMissing
    """
    if evaluator_named(manifest.metric.evaluator).needs_code:
        raise ScoredElsewhere(
            "The sponsor's own code scores this competition; it runs only in a worker's sandbox.",
            metric=manifest.metric.name,
        )
    _verify(manifest, inputs, labels)
    admitted = admit_folder(adapter, manifest, follows=True)
    base = base_named(manifest.base.name)
    folder, scorer = folder_of(base), importlib.import_module(base.scorer)
    weights = scorer.load_base(folder)
    found = scorer.predict(weights, admitted.canonical, inputs, to_bytes(manifest))
    tokens = tokens_of(folder, max_tokens=manifest.tokenizer.max_tokens)
    context = Context(manifest.test.public.units, manifest.metric.options, tokens)
    judged = judge(found, unpack_labels(labels), unpack_inputs(inputs), manifest, context)
    interval = metric_of(manifest).interval_e9
    return Checked(
        score_e9=judged.score_e9,
        interval_e9=interval(judged.records) if interval else None,
        examples=len(found),
        results_root=judged.tree.root,
        adapter_sha256=admitted.sha256,
        manifest_sha256=manifest_sha256(manifest),
        ignored=admitted.ignored,
    )


def _verify(manifest: Manifest, inputs: bytes, labels: bytes) -> None:
    pins = manifest.test.public
    for part, blob, pin in (
        ("inputs", inputs, pins.inputs_sha256),
        ("labels", labels, pins.labels_sha256),
    ):
        if sha256_hex(blob) != pin:
            raise SliceChanged(
                f"The {part} of the public slice are not those of the manifest.",
                slice="public",
                part=part,
            )
