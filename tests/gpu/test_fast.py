"""Mode fast on a GPU: near to the processor, and without TF32."""

import pytest
import torch

from evaluator.bases import MINILM, folder_of
from evaluator.intake import admit
from evaluator.scoring import asked, engine, load_base
from tests.evaluator import makers

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device: mode fast was not tried on a GPU"
)
IDS = [[101, *range(2000, 2000 + length), 102] for length in (1, 3, 46, 9, 30)]


@torch.inference_mode()
def test_a_gpu_gives_nearly_the_logits_of_the_processor():
    task = makers.manifest()
    adapter = admit(*makers.adapter(), task).canonical
    found = []
    for device in ("cpu", "cuda"):
        weights = load_base(folder_of(MINILM), device=device)
        with engine(1):
            assert not torch.backends.cuda.matmul.allow_tf32
            found.append(asked(weights, adapter, task, "fast").net.logits(IDS).cpu())
    assert torch.allclose(*found, rtol=1e-4, atol=1e-4)
