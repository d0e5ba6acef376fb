"""How much time, memory and room for answers a job may have: by the size of its task.

They are several times what a slow, busy machine needs: who reaches them will not end. A lease does
not depend on them, since it is renewed while the work runs (workers/holding.py).
"""

from dataclasses import dataclass

from evaluator.bases.shapes import GENERIC
from evaluator.task.manifest import Manifest, PublicSlice, SealedSlice
from evaluator.task.slices import Inputs
from workers.sandbox.jobs import MOST_RESULT_BYTES

BASE_S, MOST_S = 120, 6 * 3600
SLOW_FLOP_PER_S = 10**10  # a core of a crowded machine; a free one gives seven times as much
STEP_TOKENS = 16  # one written token costs so much: it reads all weights for itself
BASE_MEMORY_BYTES = 1 << 30
COPIES = 3  # of the weights as float32, as transformers merges them
BASE_RESULT_BYTES, TOKEN_BYTES, EXAMPLE_BYTES = 256 << 10, 32, 1024
LEAST_VALUE_BYTES = 2  # bfloat16: so many parameters there are at most


@dataclass(frozen=True)
class Size:
    """How large a job is.

    part     which slice it is over: public, board or final
    written  tokens that a decoder writes at most, over all examples; each takes a step of its own
    """

    manifest: Manifest
    part: str
    written: int = 0


def size_of(manifest: Manifest, inputs: Inputs, *, part: str) -> Size:
    """The size of the job over these inputs."""
    most = sum(row.start for row in inputs.shared)  # evaluator/evaluators/asking.py, `ending`
    return Size(manifest, part, most * len(inputs.examples))


def wall_s(size: Size) -> int:
    """Seconds that one run on a slice may take, from the fork to the verdict."""
    manifest = size.manifest
    is_whole = manifest.base.family == GENERIC  # each step reads the whole text
    step = manifest.tokenizer.max_tokens if is_whole else STEP_TOKENS
    tokens = _slice(size).tokens + step * size.written
    flop = 2 * _parameters(manifest) * tokens
    return min(MOST_S, BASE_S + flop // SLOW_FLOP_PER_S)


def memory_bytes(size: Size) -> int:
    """What a run may take on top of the base."""
    return BASE_MEMORY_BYTES + COPIES * _weight_bytes(size.manifest)


def result_bytes(size: Size) -> int:
    """Room for the answers of every example, as text."""
    asked = _slice(size)
    numbers = asked.tokens + size.written
    room = BASE_RESULT_BYTES + TOKEN_BYTES * numbers + EXAMPLE_BYTES * asked.examples
    return min(MOST_RESULT_BYTES, room)


def _slice(size: Size) -> PublicSlice | SealedSlice:
    found: PublicSlice | SealedSlice = getattr(size.manifest.test, size.part)
    return found


def _weight_bytes(manifest: Manifest) -> int:
    files = manifest.base.files
    return sum(pin.bytes for name, pin in files.items() if name.endswith(".safetensors"))


def _parameters(manifest: Manifest) -> int:
    return _weight_bytes(manifest) // LEAST_VALUE_BYTES
