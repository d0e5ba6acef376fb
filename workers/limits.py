"""How much time, memory and room for answers a job may have: by the size of its task.

They are several times what a slow, busy machine needs: who reaches them will not end. A lease does
not depend on them, since it is renewed while the work runs (workers/holding.py).
"""

from evaluator.manifest import EXACT, FinalSlice, Manifest, PublicSlice
from workers.sandbox.jobs import MOST_RESULT_BYTES

BASE_S, MOST_S = 120, 6 * 3600
SLOW_FLOP_PER_S = 10**10  # a core of a crowded machine; a free one gives seven times as much
EXACT_FACTOR = 4  # exact costs about 2.3 times as much as fast
BASE_MEMORY_BYTES = 1 << 30
FAST_COPIES, EXACT_COPIES = 3, 8  # merged weights as float32, or as float64 beside their parts
BASE_RESULT_BYTES, TOKEN_BYTES, EXAMPLE_BYTES = 256 << 10, 32, 1024
LEAST_VALUE_BYTES = 2  # bfloat16: so many parameters there are at most


def wall_s(manifest: Manifest, *, is_final: bool) -> int:
    """Seconds that one run on a slice may take, from the fork to the verdict."""
    tokens = _slice(manifest, is_final=is_final).tokens
    factor = EXACT_FACTOR if mode_of(manifest, is_final=is_final) == EXACT else 1
    flop = 2 * _parameters(manifest) * tokens * factor
    return min(MOST_S, BASE_S + flop // SLOW_FLOP_PER_S)


def memory_bytes(manifest: Manifest, *, is_final: bool) -> int:
    """What a run may take on top of the base."""
    is_exact = mode_of(manifest, is_final=is_final) == EXACT
    copies = EXACT_COPIES if is_exact else FAST_COPIES
    return BASE_MEMORY_BYTES + copies * _weight_bytes(manifest)


def result_bytes(manifest: Manifest, *, is_final: bool) -> int:
    """Room for the answers of every example, as text."""
    asked = _slice(manifest, is_final=is_final)
    room = BASE_RESULT_BYTES + TOKEN_BYTES * asked.tokens + EXAMPLE_BYTES * asked.examples
    return min(MOST_RESULT_BYTES, room)


def mode_of(manifest: Manifest, *, is_final: bool) -> str:
    """How the manifest wants this slice computed."""
    return manifest.mode.final if is_final else manifest.mode.public


def _slice(manifest: Manifest, *, is_final: bool) -> PublicSlice | FinalSlice:
    return manifest.test.final if is_final else manifest.test.public


def _weight_bytes(manifest: Manifest) -> int:
    files = manifest.base.files
    return sum(pin.bytes for name, pin in files.items() if name.endswith(".safetensors"))


def _parameters(manifest: Manifest) -> int:
    return _weight_bytes(manifest) // LEAST_VALUE_BYTES
