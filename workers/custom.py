"""A sponsor's own scoring code: run in the score sandbox, its faults charged to the sponsor.

It is told predictions and references, and nothing of adapter or miner (workers/sandbox/custom.py).
"""

from collections.abc import Sequence

from competitions.errors import CodeFailed
from competitions.rules.task import MOST_TEXT_BYTES
from evaluator.evaluators.custom import told
from evaluator.evaluators.form import Context, Prediction
from evaluator.task.manifest import Manifest
from ledger import blobs
from workers.failures import InfrastructureFailed
from workers.sandbox.custom import Custom, Party, score_custom
from workers.sandbox.levels import Level

LOG_CHARACTERS = 400


def values_of(
    manifest: Manifest, found: Sequence[Prediction], labels: Sequence[object], context: Context
) -> tuple[int, ...]:
    """What the code that the manifest pins gives each example, in parts of 10^9.

    raises  CodeFailed: the sponsor's fault; InfrastructureFailed, SandboxUnavailable: ours
    """
    code = blobs.read(manifest.code, limit_bytes=MOST_TEXT_BYTES)
    pairs = told(manifest.metric.evaluator, manifest.labels, found, labels, context)
    done = score_custom(code, *pairs)
    if done.level < Level(manifest.min_sandbox_level):
        raise InfrastructureFailed(f"the score sandbox is {done.level.value}")
    if done.charged_to is Party.US:
        raise InfrastructureFailed(f"score sandbox: {done.status} {done.setup_error}")
    if done.charged_to is Party.SPONSOR:
        raise _failure(done)
    assert done.values_e9 is not None, "nobody is charged, so there are values"
    return done.values_e9


def _failure(done: Custom) -> CodeFailed:
    error = done.error
    assert error is not None, "what the sponsor is charged with is told"
    where = f" (line {error.line})" if error.line else ""
    which = f" Example {error.example + 1}." if error.example >= 0 else ""
    return CodeFailed(
        f"The scoring code failed{where}: {error.message}.{which}",
        line=error.line,
        example=error.example,
        log=done.log[-LOG_CHARACTERS:],
    )
