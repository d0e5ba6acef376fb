"""The whole way of an adapter to its public score, in one process: what `assay check` does."""

from dataclasses import dataclass
from pathlib import Path

from assay.canonical import sha256_hex
from evaluator.bases import base_named, folder_of
from evaluator.errors import SliceChanged
from evaluator.intake import admit_folder
from evaluator.manifest import Manifest, manifest_sha256, to_bytes
from evaluator.metrics import metric_named
from evaluator.scoring import load_base, predict
from evaluator.slices import unpack_labels


@dataclass(frozen=True)
class Checked:
    """A score with its 95 % interval, in parts of 10^9, and what it is the score of."""

    score_e9: int
    low_e9: int
    high_e9: int
    correct: int
    examples: int
    adapter_sha256: str
    manifest_sha256: str


def check(adapter: Path, manifest: Manifest, inputs: bytes, labels: bytes) -> Checked:
    """Admit, predict and measure, by the code that the worker uses.

    adapter  a folder as `save_pretrained` leaves it
    inputs, labels  the public slice's blobs
    raises   AdapterRefused, SliceChanged, BaseMissing, BaseDamaged, ManifestInvalid
    """
    _verify(manifest, inputs, labels)
    admitted = admit_folder(adapter, manifest)
    weights = load_base(folder_of(base_named(manifest.base.name)))
    rows = predict(weights, admitted.canonical, inputs, to_bytes(manifest), "fast")
    metric = metric_named(manifest.metric.name)
    values = metric.per_example([row[0] for row in rows], unpack_labels(labels))
    low_e9, high_e9 = metric.interval_e9(values)
    return Checked(
        score_e9=metric.score_e9(values),
        low_e9=low_e9,
        high_e9=high_e9,
        correct=sum(values),
        examples=len(values),
        adapter_sha256=admitted.sha256,
        manifest_sha256=manifest_sha256(manifest),
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
