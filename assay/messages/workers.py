"""Messages about the workers: whose keys sign final scores, and what becomes of two that differ."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Small, Text
from assay.wire import Nano

NAME, REASON = Text(80, is_needed=True), Text(200, is_needed=True)


@dataclass(frozen=True)
class Attested:
    """A worker's signature on what its own run came to (docs/messages.md, Runs)."""

    worker: str
    signature: str


@dataclass(frozen=True)
class Claim:
    """What a worker signed of its run, in hashes where it is long.

    leaf  of the first batch in which runs differ, where its results file tells it
    """

    worker: str
    signature: str
    score_e9: Nano
    examples: Small
    records_sha256: str
    results_root: str
    results_sha256: str
    leaf: str


@dataclass(frozen=True)
class WorkerRegistered:
    """A process of this site may compute final scores under this key, which signed it.

    device  what it computes on; sandbox_level: how strongly it locks up what it runs
    """

    key: str
    name: Annotated[str, NAME]
    device: Annotated[str, NAME]
    sandbox_level: str
    signature: str
    at_ms: int


@dataclass(frozen=True)
class WorkerRetired:
    """Nothing that this key signs counts from here on. What it ran alone is run again."""

    key: str
    reason: Annotated[str, REASON]
    at_ms: int


@dataclass(frozen=True)
class RunsDiffered:
    """Two workers came to different results, and the referee has run it again.

    submission  empty: the untouched base
    claims      of the two workers, and the referee's, which counts, as the last
    batch       the first one whose results differ; absent: their answers are the same
    """

    competition: str
    submission: str
    manifest_sha256: str
    adapter_sha256: str
    claims: tuple[Claim, ...]
    at_ms: int
    batch: Small | None = None
