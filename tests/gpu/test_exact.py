"""The exact mode on a GPU: the bits of the processor, or the device does no exact work."""

import pytest
import torch

from evaluator.exact.arithmetic import exp, fixed, ln, product
from evaluator.exact.known import answers, answers_known

pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="no CUDA device: the exact mode was not tried on a GPU"
)


def noise(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_a_gpu_gives_the_known_answer():
    assert answers("cuda") == answers("cpu")
    assert answers_known("cuda")


@pytest.mark.parametrize("step", [fixed, ln, lambda rows: exp(rows.float())])
def test_each_step_gives_the_bits_of_the_processor(step):
    rows = noise(300, 700).abs()
    assert torch.equal(step(rows.cuda()).cpu(), step(rows))


def test_a_product_of_full_width_does_not_round_on_a_gpu():
    left, right = fixed(noise(300, 2048)), fixed(noise(500, 2048))
    assert torch.equal(product(left.cuda(), right.cuda()).cpu(), product(left, right))
