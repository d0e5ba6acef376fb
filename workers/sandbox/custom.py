"""The score sandbox: a sponsor's own code on predictions and references, and on nothing else.

    outcome = score_custom(code, predictions, references)

Neither adapter nor base nor a miner's name goes in, so that the code cannot favour anybody; what
comes out is one number per example, which is checked and added up outside. Its faults are the
sponsor's. It runs in a fresh jail; where there is no bubblewrap, in a jail of a zygote that was
started for it alone and knows nothing but the standard library.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from evaluator.evaluators.custom_code import E9, ERROR_MARK, MODULES
from workers.sandbox import bubblewrap
from workers.sandbox.errors import CodeTooLong
from workers.sandbox.fresh import Fresh
from workers.sandbox.jobs import Job, Outcome
from workers.sandbox.levels import Level, strongest_level
from workers.sandbox.protocol import Status
from workers.sandbox.runner import Sandbox
from workers.sandbox.trial import passed_fresh, passed_zygote

__all__ = ["MODULES", "CodeError", "Custom", "CustomLimits", "Party", "score_custom"]

SCORER = "evaluator.evaluators.custom_code"
MOST_CODE_BYTES = 64 << 10
ROW_BYTES, FRAME_BYTES = 16, 256  # "[1000000000]," and what stands round it


class Party(StrEnum):
    """Who has to put it right."""

    NOBODY = "nobody"
    SPONSOR = "sponsor"
    US = "us"


@dataclass(frozen=True)
class CustomLimits:
    """What the code may use for all examples together."""

    wall_s: float = 60.0
    cpu_s: float = 30.0
    memory_bytes: int = 256 << 20
    log_bytes: int = 16 << 10


@dataclass(frozen=True)
class CodeError:
    """What was wrong with the code.

    line     of the sponsor's file, from 1; 0 when it is no line's fault
    example  which one, from 0; -1 before the first
    """

    message: str
    line: int = 0
    example: int = -1


@dataclass(frozen=True)
class Custom:
    """What came of the code.

    values_e9  one per example, 0 to 10^9; there exactly when the status is ok
    error      there when the fault is the sponsor's
    log        the end of what the code wrote; for the sponsor, and for nobody else
    """

    status: Status
    values_e9: tuple[int, ...] | None
    error: CodeError | None
    log: str
    cpu_s: float
    wall_s: float
    peak_bytes: int
    level: Level
    policy_sha256: str
    setup_error: str = ""

    @property
    def charged_to(self) -> Party:
        """Nobody when it went well; us when the chain broke; otherwise the sponsor."""
        if self.status is Status.OK:
            return Party.NOBODY
        return Party.US if self.status.is_infrastructure else Party.SPONSOR


def score_custom(
    code: bytes,
    predictions: Sequence[object],
    references: Sequence[object],
    limits: CustomLimits = CustomLimits(),
) -> Custom:
    """Run a sponsor's code over all examples, locked up.

    code         Python that defines score(prediction, reference) -> int | float, from 0 to 1
    predictions  JSON values, one per example; references likewise
    raises       SandboxUnavailable when nothing can be locked up here; CodeTooLong; ValueError when
                 the lists differ in length, or hold what is not JSON
    """
    if len(code) > MOST_CODE_BYTES:
        raise CodeTooLong(
            f"The scoring code has {len(code)} bytes.", bytes=len(code), limit=MOST_CODE_BYTES
        )
    if len(predictions) != len(references):
        raise ValueError(f"{len(predictions)} predictions, {len(references)} references")
    told = {"predictions": list(predictions), "references": list(references)}
    inputs = json.dumps(told, allow_nan=False, separators=(",", ":")).encode()
    job = Job(
        None,
        inputs,
        code,
        wall_s=limits.wall_s,
        cpu_s=limits.cpu_s,
        memory_bytes=limits.memory_bytes,
        result_bytes=ROW_BYTES * len(predictions) + FRAME_BYTES,
        log_bytes=limits.log_bytes,
    )
    with _backend() as backend:
        return _judged(backend.run(job), job, len(predictions))


def _backend() -> Fresh | Sandbox:
    """The fresh one, or else a zygote for this job alone; tried before."""
    if bubblewrap.why_not():
        level = strongest_level()
        tried = passed_zygote(level)
        return Sandbox(Path("/"), level, scorer=SCORER, probe_sha256=tried.sha256)
    return Fresh(None, scorer=SCORER, probe_sha256=passed_fresh().sha256)


def _judged(outcome: Outcome, job: Job, examples: int) -> Custom:
    """Check every number that came out; whoever holds the process can write any."""
    log, _, told = outcome.log_tail.decode(errors="replace").partition(ERROR_MARK)
    rows, status, error = outcome.predictions or (), outcome.status, None
    is_whole = len(rows) == examples and all(len(row) == 1 and 0 <= row[0] <= E9 for row in rows)
    if status is Status.OK and not is_whole:
        status = Status.BAD_OUTPUT
    if status is not Status.OK and not status.is_infrastructure:
        error = _told(told) or CodeError(_sentence(status, job))
    return Custom(
        status=status,
        values_e9=tuple(row[0] for row in rows) if status is Status.OK else None,
        error=error,
        log=log.rstrip(),
        cpu_s=outcome.cpu_s,
        wall_s=outcome.wall_s,
        peak_bytes=outcome.peak_bytes,
        level=outcome.level,
        policy_sha256=outcome.policy_sha256,
        setup_error=outcome.setup_error,
    )


def _told(text: str) -> CodeError | None:
    """What the inside said of the error. The sponsor could have said it himself: it is for him."""
    try:
        told = json.loads(text.partition("\n")[0])
        return CodeError(str(told["message"]), int(told["line"]), int(told["example"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def _sentence(status: Status, job: Job) -> str:
    sentences = {
        Status.TIMEOUT: f"It ran over {job.cpu_s:g} s of processor time, or {job.wall_s:g} s.",
        Status.OOM: f"It used over {job.memory_bytes >> 20} MiB of memory.",
        Status.LOG_LIMIT: "It printed too much.",
        Status.OUTPUT_LIMIT: "It wrote to the result itself.",
        Status.BAD_OUTPUT: "It did not give one number from 0 to 1 for each example.",
        Status.POLICY_VIOLATION: "It made a system call that scoring code may not make.",
    }
    return sentences.get(status, "Its process ended early.")
