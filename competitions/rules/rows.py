"""The contest's rows. Every field follows from the log."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from assay.messages import FileRef, RaceTerms, Result, Spec, Stop, Tag


class Phase(StrEnum):
    """Where a competition stands."""

    PUBLISHED = "published"
    FUNDED = "funded"
    OPEN = "open"
    CLOSED = "closed"
    VERIFYING = "verifying"
    PROVISIONAL = "provisional"
    SETTLED = "settled"
    CANCELLED = "cancelled"
    ABORTED = "aborted"


class State(StrEnum):
    """Where a submission stands, as the log tells it. That a worker has it is no state."""

    COMMITTED = "committed"
    SCORED = "scored"
    ELIMINATED = "eliminated"
    REFUSED = "refused"
    FAILED = "failed"
    REVEALED = "revealed"
    FINAL_SCORED = "final_scored"


PHASES: dict[str, frozenset[str]] = {
    Phase.PUBLISHED: frozenset({Phase.FUNDED, Phase.CANCELLED}),
    Phase.FUNDED: frozenset({Phase.OPEN, Phase.CANCELLED}),
    Phase.OPEN: frozenset({Phase.CLOSED, Phase.CANCELLED}),
    Phase.CLOSED: frozenset({Phase.VERIFYING, Phase.CANCELLED, Phase.ABORTED}),
    Phase.VERIFYING: frozenset({Phase.PROVISIONAL, Phase.ABORTED}),
    Phase.PROVISIONAL: frozenset({Phase.SETTLED}),
    Phase.SETTLED: frozenset(),
    Phase.CANCELLED: frozenset(),
    Phase.ABORTED: frozenset(),
}
STATES: dict[str, frozenset[str]] = {
    State.COMMITTED: frozenset({State.SCORED, State.ELIMINATED, State.REFUSED, State.FAILED}),
    State.ELIMINATED: frozenset({State.COMMITTED}),
    State.SCORED: frozenset({State.REVEALED}),
    State.REVEALED: frozenset({State.FINAL_SCORED, State.REFUSED}),
    State.FINAL_SCORED: frozenset(),
    State.REFUSED: frozenset(),
    State.FAILED: frozenset(),
}


class Deposit(StrEnum):
    """What becomes of the deposit for a full run, at the end of the competition."""

    HELD = "held"  # not decided yet: it goes back
    EARNED = "earned"  # the full score placed, or our side failed: it goes back
    FORFEITED = "forfeited"  # it goes to the pot


ENDS = frozenset({Phase.SETTLED, Phase.CANCELLED, Phase.ABORTED})


@dataclass(frozen=True)
class Evaluator:
    """A prepared task with its measured baseline. id: the manifest's SHA-256."""

    TABLE: ClassVar[str] = "competitions.Evaluator"
    INDEXES: ClassVar[tuple[str, ...]] = ()
    IS_FINAL: ClassVar[bool] = True

    id: str
    base: str
    evaluator: str
    metric: str
    is_generic: bool
    is_custom: bool
    code_sha256: str
    public_examples: int
    public_units: int
    public_mode: str
    final_examples: int
    final_units: int
    final_mode: str
    final_commitment: str
    baseline_e9: int
    baseline: Result
    at_ms: int
    message: str
    race: RaceTerms | None = None


@dataclass(frozen=True)
class Competition:
    """One contest. last_ms: time of the last fact about it; it rises, so ties have an order."""

    TABLE: ClassVar[str] = "competitions.Competition"
    INDEXES: ClassVar[tuple[str, ...]] = ("phase",)
    IS_FINAL: ClassVar[bool] = False

    id: str
    sponsor: str
    phase: str
    spec: Spec
    since_ms: int
    last_ms: int
    draw: str = ""
    slice_salt: str = ""
    slice_files: tuple[FileRef, ...] = ()
    baseline_e9: int | None = None
    baseline: Result | None = None
    dispute_until_ms: int | None = None
    end_reason: str = ""


@dataclass(frozen=True)
class Submission:
    """One adapter offered to one competition.

    slot           None once it was given back
    merit          what ranks: higher is better; a whole number of any size, as decimal text
    result         of the public slice; with `final_`, of the sealed one
    stop           where a race stopped it; it stays there when the entry is run in full after all
    resumed        why it is run in full: deposit, or margin; empty: it is not
    deposit        what becomes of what its owner put down for that
    """

    TABLE: ClassVar[str] = "competitions.Submission"
    INDEXES: ClassVar[tuple[str, ...]] = ("competition",)
    IS_FINAL: ClassVar[bool] = False

    id: str
    competition: str
    owner: str
    title: str
    config_sha256: str
    tensors_sha256: str
    tags: tuple[Tag, ...]
    parents: tuple[str, ...]
    state: str
    committed_ms: int
    since_ms: int
    window: int
    slot: int | None
    adapter_sha256: str = ""
    score_e9: int | None = None
    merit: str = ""
    result: Result | None = None
    final_score_e9: int | None = None
    final_merit: str = ""
    final_result: Result | None = None
    refusal_code: str = ""
    refusal_cause: str = ""
    refusal_next: str = ""
    stop: Stop | None = None
    resumed: str = ""
    deposit: str = ""
    place: int | None = None
    prize_nano: int | None = None


ROWS = (Evaluator, Competition, Submission)
