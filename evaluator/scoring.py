"""Predictions of one adapter: what runs inside the sandbox, and, unchanged, in `assay check`.

After `load_base` nothing here opens a file, imports a module, or starts a thread beyond the
manifest's count: the sandbox then forbids all three. Labels never come here.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor

from evaluator.bases import BertShape
from evaluator.encoder import Encoder
from evaluator.errors import ManifestInvalid
from evaluator.manifest import Manifest, read_manifest
from evaluator.merge import headed, merged
from evaluator.plan import batches
from evaluator.slices import unpack_inputs


@dataclass(frozen=True)
class Weights:
    """A base in memory: float32 tensors by full name. Nobody writes to them."""

    tensors: dict[str, Tensor]


def load_base(folder: Path) -> Weights:
    """Read model.safetensors of a base's folder in the calling thread, and wake the kernels up.

    The one tiny product of a single thread at the end makes the math library do here what it
    does once: look at the processor. Callers have verified the folder (`bases.folder_of`).
    """
    with safe_open(folder / "model.safetensors", framework="pt", device="cpu") as file:
        tensors = {f"bert.{name}": file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    weights = Weights({name: one for name, one in tensors.items() if one.is_floating_point()})
    _wake(weights)
    return weights


def predict(
    base_weights: Weights, adapter: bytes | None, inputs: bytes, manifest: bytes, mode: str
) -> list[list[int]]:
    """The predicted class of every example, as an index into the manifest's labels.

    adapter   a canonical blob of the intake; None is the baseline: the base under a head of zeros
    inputs    an inputs blob
    manifest  its canonical bytes
    mode      "fast"
    returns   a row of one index per example, in the order of the inputs; of equal logits the
              lowest index, and a logit that is not a number loses to every number
    raises    ManifestInvalid, also when the manifest pins another release of torch
    """
    assert mode == "fast", mode
    pinned = read_manifest(manifest)
    _refuse_other_engine(pinned)
    rows = logits_of(base_weights, adapter, unpack_inputs(inputs), pinned)
    return [[_best(row)] for row in rows]


@torch.inference_mode()
def logits_of(
    base_weights: Weights, adapter: bytes | None, ids: Sequence[Sequence[int]], manifest: Manifest
) -> list[list[float]]:
    """The logits of every example, [examples][classes], computed by the pinned plan."""
    head = manifest.adapter.head
    base = base_weights.tensors
    found: list[list[float]] = [[] for _ in ids]
    plan = batches([len(line) for line in ids], budget_tokens=manifest.plan.budget_tokens)
    with _engine(manifest.engine.threads):
        weights = headed(base, head) if adapter is None else merged(base, adapter, head)
        encoder = Encoder(weights, manifest.base.config)
        for batch in plan:
            rows = encoder.logits([ids[place] for place in batch]).tolist()
            for place, row in zip(batch, rows, strict=True):
                found[place] = row
    return found


@contextmanager
def _engine(threads: int) -> Iterator[None]:
    """The pinned thread count and no oneDNN; both as before afterwards.

    oneDNN compiles kernels into fresh executable memory, which the sandbox forbids.
    """
    before = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(threads)
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.mkldnn.enabled = before[1]


def _refuse_other_engine(manifest: Manifest) -> None:
    found = torch.__version__.partition("+")[0]
    if found != manifest.engine.torch:
        raise ManifestInvalid(
            f"The task is pinned to torch {manifest.engine.torch}; here is {found}.",
            next_step=f"Install torch {manifest.engine.torch}.",
            path="$.engine.torch",
        )


def _best(row: list[float]) -> int:
    numbers = [-math.inf if math.isnan(one) else one for one in row]
    return numbers.index(max(numbers))


@torch.inference_mode()
def _wake(weights: Weights) -> None:
    shape = _shape(weights)
    head = {"classifier.weight": (2, shape.hidden), "classifier.bias": (2,)}
    with _engine(1):
        Encoder(headed(weights.tensors, head), shape).logits([[1, 2, 3], [1, 2]]).tolist()


def _shape(weights: Weights) -> BertShape:
    """One layer of the base that was read: enough to run every kernel once."""
    tensors = weights.tensors
    words = tensors["bert.embeddings.word_embeddings.weight"]
    wide = tensors["bert.encoder.layer.0.intermediate.dense.weight"].shape[0]
    positions = tensors["bert.embeddings.position_embeddings.weight"].shape[0]
    return BertShape(
        hidden=words.shape[1],
        intermediate=wide,
        layers=1,
        heads=1,
        positions=positions,
        vocabulary=words.shape[0],
        layer_norm_eps="1e-12",
    )
