"""The engine's C functions, as Python calls them: the widest build that this processor runs.

    python -m evaluator.engine.library    builds what is not there, as `make setup` does

ctypes and the standard library alone. A call lets go of the interpreter's lock, and the engine has
no threads and no state of its own, so two threads may use two bases.
"""

import ctypes
import logging
import platform
from collections.abc import Sequence
from ctypes import c_double, c_float, c_int, c_int32, c_int64, c_void_p
from functools import cache

from evaluator.engine import build
from evaluator.engine.build import AVX2, AVX512, NEON, ON_X86, SCALAR

VERSION = "assay-engine/1"  # of the arithmetic: another one may give other bits
HAS_FMA, HAS_AVX512 = 1, 2
_LOG = logging.getLogger(__name__)
_P = c_void_p
_SIGNATURES: dict[str, tuple[object, tuple[object, ...]]] = {
    "engine_lanes": (c_int, ()),
    "engine_machine": (c_int, ()),
    "engine_blocks": (None, (c_int, c_int, c_int)),
    "model_new": (_P, (_P, _P, _P)),
    "model_adapt": (None, (_P, _P, _P, _P)),
    "model_free": (None, (_P,)),
    "model_scored": (None, (_P, c_int, _P, _P, _P, _P, _P)),
    "model_continued": (c_int, (_P, c_int, _P, c_int, c_int, _P, _P)),
    "model_pooled": (None, (_P, c_int, _P, _P, c_int, _P)),
    "engine_dense": (None, (c_int, c_int, c_int, _P, _P, _P, c_int, _P)),
    "engine_normed": (None, (c_int, c_int, c_float, _P, _P, _P)),
    "engine_merged": (None, (c_int, c_int, c_int, c_float, _P, _P, _P, _P)),
    "engine_likeness": (None, (c_int, c_int, c_int, _P, _P, _P)),
    "engine_directions": (c_int, (_P, _P, _P, c_double, _P, _P, _P)),
    "engine_shared": (c_double, (c_int, c_int, c_int, _P, _P)),
    "engine_functions": (None, (c_int, c_int, _P, _P)),
    "engine_ln": (c_double, (c_double,)),
    "engine_widened": (None, (ctypes.c_ssize_t, c_int, _P, _P)),
    "engine_largest": (c_float, (ctypes.c_ssize_t, _P)),
    "engine_peak": (c_double, (ctypes.c_long, _P)),
}


@cache
def library(variant: str = "") -> ctypes.CDLL:
    """The functions of a build; of the widest one here where none is named.

    raises EngineMissing
    """
    found = ctypes.CDLL(str(build.built(variant or best_variant())))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


@cache
def best_variant() -> str:
    """The widest build that this processor runs; a line in the log where that is the slow one."""
    if platform.machine() not in ON_X86:
        return NEON
    has: int = ctypes.CDLL(str(build.built(SCALAR))).engine_machine()
    if has & HAS_AVX512:
        return AVX512
    if has & HAS_FMA:
        return AVX2
    _LOG.warning(
        "THIS PROCESSOR HAS NO FUSED MULTIPLY-ADD: scores are right, and take a hundred times as "
        "long. Use a machine with AVX2 and FMA (any x86-64 since 2015), or aarch64."
    )
    return SCALAR


def floats(count: int) -> "ctypes.Array[c_float]":
    """Room for so many float32, all 0."""
    return (c_float * count)()


def ints(values: Sequence[int]) -> "ctypes.Array[c_int32]":
    """These numbers as int32."""
    return (c_int32 * len(values))(*values)


def longs(count: int) -> "ctypes.Array[c_int64]":
    """Room for so many int64, all 0."""
    return (c_int64 * count)()


def pointers(addresses: Sequence[int]) -> "ctypes.Array[c_void_p]":
    """These addresses; 0 is none."""
    return (c_void_p * len(addresses))(*[one or None for one in addresses])


if __name__ == "__main__":
    library()
