"""Predictions of one adapter: what runs inside the sandbox, and, unchanged, in `assay check`.

After `load_base` nothing here opens a file, imports a module, or starts a thread beyond the
manifest's count: the sandbox then forbids all three. Labels never come here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from evaluator.bases.reading import read_shape
from evaluator.bases.shapes import GenericShape
from evaluator.device import need_device
from evaluator.errors import ManifestInvalid
from evaluator.exact.merge import merged as merged_exactly
from evaluator.forward.model import Asked, DecoderNet, EncoderNet, Weights, own_weights
from evaluator.manifest import EXACT, FAST, Manifest, read_manifest
from evaluator.merge import headed
from evaluator.merge import merged as merged_fast
from evaluator.plan import batches
from evaluator.registry import evaluator_named
from evaluator.slices import Inputs, unpack_inputs

__all__ = ["Weights", "load_base", "predict", "predictions"]

MERGES = {FAST: merged_fast, EXACT: merged_exactly}


def load_base(folder: Path, *, device: str = "cpu") -> Weights:
    """Read a base's weights in the calling thread, and wake the kernels up.

    The one tiny product of a single thread at the end makes the math library do here what it
    does once: look at the processor. Callers have verified the folder (`bases.folder_of`).
    """
    shape = read_shape(folder)
    assert not isinstance(shape, GenericShape), "bases.Base.scorer names the scorer"
    weights = own_weights(folder, shape, device=need_device(device))
    waken(weights)
    return weights


def predict(
    base: Weights, adapter: bytes | None, inputs: bytes, manifest: bytes, mode: str
) -> list[list[int]]:
    """What the adapter answers to every example: whole numbers that its evaluator defines.

    adapter   a canonical blob of the intake; None is the baseline: the base under a head of zeros
    inputs    an inputs blob
    manifest  its canonical bytes
    mode      "fast" or "exact"
    raises    ManifestInvalid, also when the manifest pins another release of torch
    """
    pinned = read_manifest(manifest)
    refuse_other_engine(pinned)
    found: list[list[int]] = predictions(base, adapter, unpack_inputs(inputs), pinned, mode)
    return found


@torch.inference_mode()
def predictions(
    base: Weights, adapter: bytes | None, inputs: Inputs, manifest: Manifest, mode: str
) -> list[list[int]]:
    """The same, from parts that are read already; computed by the pinned plan."""
    found: list[list[int]] = [[] for _ in inputs.examples]
    evaluator = evaluator_named(manifest.metric.evaluator)
    with engine(manifest.engine.threads):
        model = asked(base, adapter, manifest, mode)
        answer = evaluator.predictor(model, inputs.shared, manifest.metric.options)
        for batch in batches(inputs.examples, budget_tokens=manifest.plan.budget_tokens):
            answers = answer([inputs.examples[place] for place in batch])
            for place, one in zip(batch, answers, strict=True):
                found[place] = one
    return found


def asked(base: Weights, adapter: bytes | None, manifest: Manifest, mode: str) -> Asked:
    """The base under the adapter, by the forward of its family and mode."""
    head, tensors = manifest.adapter.head, base.tensors
    if adapter is None:
        return Asked(base.nets[mode](headed(tensors, head)))
    merged = MERGES[mode](tensors, adapter, head)
    return Asked(base.nets[mode](merged))


@contextmanager
def engine(threads: int) -> Iterator[None]:
    """The pinned thread count, no oneDNN, no TF32; as before afterwards.

    oneDNN compiles kernels into fresh executable memory, which the sandbox forbids. TF32 would cut
    the numbers of a product on a GPU to ten bits.
    """
    before = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(threads)
    torch.backends.mkldnn.enabled = False
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.mkldnn.enabled = before[1]


def refuse_other_engine(manifest: Manifest) -> None:
    """Another release of torch may give other bits. raises ManifestInvalid"""
    found = torch.__version__.partition("+")[0]
    if found != manifest.engine.torch:
        raise ManifestInvalid(
            f"The task is pinned to torch {manifest.engine.torch}; here is {found}.",
            next_step=f"Install torch {manifest.engine.torch}.",
            path="$.engine.torch",
        )


@torch.inference_mode()
def waken(weights: Weights) -> None:
    """Run every kernel once, by one thread: math libraries look at the processor only then."""
    with engine(1):
        for make in weights.nets.values():
            net = make(weights.tensors)
            if isinstance(net, DecoderNet):
                net.scored([[1, 2, 3], [1, 2]], [1, 1])
            if isinstance(net, EncoderNet):
                net.pooled([[1, 2, 3], [1, 2]])
        for curve in (torch.tanh, torch.relu, torch.nn.functional.gelu):  # of class heads
            curve(torch.ones(64))
