"""Messages about entries and their scores."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Small, Text
from assay.messages.parts import FileRef, Line, Opened, Opening, Result, Shown, Tag
from assay.messages.workers import Attested
from assay.wire import Nano

TITLE = Text(80)  # empty: the competition's, and whose it is


@dataclass(frozen=True)
class SubmissionCommit:
    """Enter the adapter that this commitment holds (assay/commitment.py).

    The site was told beside the order what opens it: nobody else reads a hash of the files.
    """

    competition: str
    commitment: str
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
    """A verdict on the entry: it is out. Its slot is given back, three times a competition.

    seal  of the refusal: its code, cause and next step
    """

    submission: str
    seal: str
    at_ms: int


@dataclass(frozen=True)
class SubmissionScored:
    """A score on the board slice.

    seal   of the result
    shown  the Ladder's answer: the score of a clear improvement; absent: it is none
    """

    submission: str
    manifest_sha256: str
    seal: str
    at_ms: int
    shown: Shown | None = None


@dataclass(frozen=True)
class SubmissionEliminated:
    """A race stopped the entry on the board slice: it is not scored, and its slot stays taken.

    rival  the entry at the last paid place when the run began
    seal   of the stop
    """

    submission: str
    manifest_sha256: str
    rival: str
    seal: str
    sandbox_level: str
    policy_sha256: str
    at_ms: int


@dataclass(frozen=True)
class SubmissionResume:
    """Run my eliminated entry on the whole board slice. This deposit is held until the end."""

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
class SubmissionNominate:
    """These entries of mine decide, and no others. The last such order before the close counts.

    submissions  none: the rule chooses again
    """

    competition: str
    submissions: tuple[str, ...]


@dataclass(frozen=True)
class SubmissionNominated:
    """An owner named the entries that decide for him; until the close he may name others."""

    competition: str
    owner: str
    submissions: tuple[str, ...]
    at_ms: int


@dataclass(frozen=True)
class ResultsOpened:
    """What was sealed before the close, opened after it, a batch at a time.

    batch  counts from 0; each is there once, and the next one follows it
    """

    competition: str
    batch: Small
    opened: tuple[Opened, ...]
    at_ms: int


@dataclass(frozen=True)
class SubmissionRevealed:
    """Every final score is there: the adapter of an entry that decides becomes public.

    opening  gives its commitment
    """

    submission: str
    opening: Opening
    adapter: FileRef
    at_ms: int


@dataclass(frozen=True)
class SubmissionOpen:
    """Open the commitment of my entry to everybody, whatever the site does."""

    submission: str
    opening: Opening


@dataclass(frozen=True)
class SubmissionOpened:
    """An owner opened the commitment of an entry, after the close."""

    submission: str
    competition: str
    opening: Opening
    at_ms: int


@dataclass(frozen=True)
class SubmissionFinalScored:
    """A score on the final slice. This one decides.

    attested  by two workers, each of its own run
    """

    submission: str
    adapter_sha256: str
    manifest_sha256: str
    result: Result
    at_ms: int
    attested: tuple[Attested, ...] = ()


@dataclass(frozen=True)
class BaselineScored:
    """The untouched base on the final slice: what a winner must clearly beat.

    attested  by two workers, each of its own run
    """

    competition: str
    manifest_sha256: str
    result: Result
    at_ms: int
    attested: tuple[Attested, ...] = ()
