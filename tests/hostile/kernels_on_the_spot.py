"""A scorer whose library compiles its kernels while it runs: a convolution by oneDNN."""

import torch


def load_base(_folder):
    """Nothing is warmed up here: the kernel is compiled under the lock, or not at all."""
    return torch.arange(2 * 16 * 8 * 8, dtype=torch.float32).reshape(2, 16, 8, 8) % 7


def predict(images, _adapter, _inputs, _manifest):
    kernel = torch.ones(8, 16, 3, 3)
    torch.set_num_threads(1)
    summed = torch.nn.functional.conv2d(images, kernel)
    return [[int(one)] for one in summed.sum((1, 2, 3))]
