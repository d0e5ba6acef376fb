"""Where a score is computed: the processor, or a CUDA device where there is one.

A sandbox has no device: a driver works by system calls that no filter here allows. So a GPU serves
whoever checks or re-runs a score on a machine of his own.
"""

import torch

from evaluator.errors import DeviceMissing


def need_device(name: str) -> str:
    """The device's name. raises DeviceMissing when it is not here"""
    if name == "cuda" and not torch.cuda.is_available():
        raise DeviceMissing("There is no CUDA device on this machine.", device=name)
    return name
