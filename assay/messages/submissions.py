"""Messages about entries and their scores."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Small, Text
from assay.messages.parts import FileRef, Line, Result, Stop, Tag
from assay.wire import Nano

TITLE = Text(80)  # empty: the competition's, and whose it is
CODE, WORDS = Text(60), Text(4000, lines=True)


@dataclass(frozen=True)
class SubmissionCommit:
    """Enter an adapter. Its two files are in the blob store; their hashes bind the signer."""

    competition: str
    config_sha256: str
    tensors_sha256: str
    title: Annotated[str, TITLE]
    tags: tuple[Tag, ...]
    parents: tuple[str, ...]


@dataclass(frozen=True)
class SubmissionCommitted:
    """The entry took a slot of its owner's window."""

    submission: str
    competition: str
    owner: str
    window: Small
    slot: Small
    at_ms: int


@dataclass(frozen=True)
class SubmissionRefused:
    """A verdict on the entry: it is out. Its slot is given back, three times a competition."""

    submission: str
    reason: Annotated[str, CODE]
    cause: Annotated[str, WORDS]
    next_step: Annotated[str, WORDS]
    at_ms: int


@dataclass(frozen=True)
class SubmissionScored:
    """A score on the public slice."""

    submission: str
    adapter_sha256: str
    manifest_sha256: str
    result: Result
    at_ms: int


@dataclass(frozen=True)
class SubmissionEliminated:
    """A race stopped the entry on the public slice: it is not scored, and its slot stays taken."""

    submission: str
    adapter_sha256: str
    manifest_sha256: str
    stop: Stop
    sandbox_level: str
    policy_sha256: str
    at_ms: int


@dataclass(frozen=True)
class SubmissionResume:
    """Run my eliminated entry on the whole public slice. This deposit is held until the end."""

    submission: str
    deposit_nano: Nano


@dataclass(frozen=True)
class SubmissionResumed:
    """An eliminated entry is run on the whole slice. reason: deposit, or margin at the close."""

    submission: str
    competition: str
    reason: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class SubmissionRevealed:
    """Every final score is there: the adapter becomes public."""

    submission: str
    adapter: FileRef
    at_ms: int


@dataclass(frozen=True)
class SubmissionFinalScored:
    """A score on the sealed slice. This one decides."""

    submission: str
    adapter_sha256: str
    manifest_sha256: str
    result: Result
    at_ms: int


@dataclass(frozen=True)
class BaselineScored:
    """The untouched base on the sealed slice: what a winner must clearly beat."""

    competition: str
    manifest_sha256: str
    result: Result
    at_ms: int
