"""The scorer of bases that transformers computes: evaluator/score/scoring.py with another model.

Its answers are near those of everybody else, and not the same to the bit, so a final score needs
two runs that agree (workers/scoring.py).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

import torch
from safetensors import safe_open
from torch import Tensor

from evaluator.bases.reading import read_shape
from evaluator.bases.shapes import GenericShape
from evaluator.evaluators.form import Model
from evaluator.generic import forward
from evaluator.generic.asked import Asked, DecoderNet, EncoderNet, Weights
from evaluator.generic.merge import headed, merged
from evaluator.score import scoring
from evaluator.task.manifest import read_manifest
from evaluator.task.slices import unpack_inputs


def load_base(folder: Path) -> Weights:
    """Build the base's modules, fill them in the calling thread, and wake the kernels up."""
    shape = read_shape(folder)
    assert isinstance(shape, GenericShape), "bases.Base.scorer names the scorer"
    weights = forward.weights_of(folder, shape, read_tensors(folder))
    waken(weights)
    return weights


def predict(
    base: Weights, adapter: bytes | None, inputs: bytes, manifest: bytes
) -> list[list[int]]:
    """What evaluator.score.scoring.predict gives, by transformers."""
    pinned = read_manifest(manifest)
    scoring.refuse_other_engine(pinned)
    head = pinned.adapter.head
    with torch.inference_mode(), calm():
        weights = merged(base.tensors, adapter, head) if adapter else headed(base.tensors, head)
        model = cast("Model", Asked(base.net(weights)))
        return scoring.predictions(model, unpack_inputs(inputs), pinned)


def read_tensors(folder: Path) -> dict[str, Tensor]:
    """The float tensors of a base's safetensors files as they are named there, as float32."""
    found: dict[str, Tensor] = {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt", device="cpu") as file:
            found |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return {name: one.float() for name, one in found.items() if one.is_floating_point()}


@contextmanager
def calm() -> Iterator[None]:
    """One thread and no oneDNN, which compiles kernels into memory; as before afterwards."""
    before = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = False
    try:
        yield
    finally:
        torch.set_num_threads(before[0])
        torch.backends.mkldnn.enabled = before[1]


@torch.inference_mode()
def waken(weights: Weights) -> None:
    """Run every kernel once, by one thread: math libraries look at the processor only then."""
    with calm():
        net = weights.net(weights.tensors)
        if isinstance(net, DecoderNet):
            net.scored([[1, 2, 3], [1, 2]], [1, 1])
        if isinstance(net, EncoderNet):
            net.pooled([[1, 2, 3], [1, 2]])
        for curve in (torch.tanh, torch.relu, torch.nn.functional.gelu):  # of class heads
            curve(torch.ones(64))
