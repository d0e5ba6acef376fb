"""The contest's rows. Every field follows from the log."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from assay.messages import FileRef, Line, Opening, RaceTerms, Result, Spec, Stop, Tag


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
    FINAL_SCORED = "final_scored"
    REVEALED = "revealed"


PHASES: dict[str, frozenset[str]] = {
    Phase.PUBLISHED: frozenset({Phase.FUNDED, Phase.CANCELLED}),
    Phase.FUNDED: frozenset({Phase.OPEN, Phase.CANCELLED, Phase.ABORTED}),
    Phase.OPEN: frozenset({Phase.CLOSED, Phase.CANCELLED, Phase.ABORTED}),
    Phase.CLOSED: frozenset({Phase.VERIFYING, Phase.CANCELLED, Phase.ABORTED}),
    Phase.VERIFYING: frozenset({Phase.PROVISIONAL, Phase.ABORTED}),
    Phase.PROVISIONAL: frozenset({Phase.SETTLED, Phase.ABORTED}),
    Phase.SETTLED: frozenset(),
    Phase.CANCELLED: frozenset(),
    Phase.ABORTED: frozenset(),
}
STATES: dict[str, frozenset[str]] = {
    State.COMMITTED: frozenset({State.SCORED, State.ELIMINATED, State.REFUSED}),
    State.ELIMINATED: frozenset({State.COMMITTED}),
    State.SCORED: frozenset({State.FINAL_SCORED, State.REFUSED}),
    State.FINAL_SCORED: frozenset({State.REVEALED}),
    State.REVEALED: frozenset(),
    State.REFUSED: frozenset(),
}


class Deposit(StrEnum):
    """What becomes of the deposit for a full run, at the end of the competition."""

    HELD = "held"  # not decided yet: it goes back
    EARNED = "earned"  # the full score placed: it goes back
    FORFEITED = "forfeited"  # it goes to the pot


STANDING = frozenset({State.COMMITTED, State.SCORED, State.FINAL_SCORED, State.REVEALED})
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
    board_examples: int
    board_units: int
    board_commitment: str
    final_examples: int
    final_units: int
    final_commitment: str
    baseline_e9: int
    baseline: Result
    board_baseline_e9: int
    board_seal: str
    at_ms: int
    message: str
    race: RaceTerms | None = None


@dataclass(frozen=True)
class Competition:
    """One contest.

    last_ms       time of the last fact about it; it rises, so ties have an order
    first_close_ms  when it should have closed, where the sponsor has put that off
    fault         of a competition that was broken off: evaluator, or sponsor
    faults        how often the sponsor's task could not score on the final slice
    due_batches   how many batches its end owes; paid_batches: how many of them were paid
    opened_batches  how many batches of seals were opened
    board_baseline  of the untouched base on the board slice, once its seal is open
    due_ms        from when on the clock has to look at it; None: never
    until_ms      when this phase is over at the latest, where that is later than the spec says
    """

    TABLE: ClassVar[str] = "competitions.Competition"
    INDEXES: ClassVar[tuple[str, ...]] = ("phase", "sponsor")
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
    fault: str = ""
    faults: int = 0
    due_batches: int = 0
    paid_batches: int = 0
    first_close_ms: int | None = None
    opened_batches: int = 0
    board_baseline: Result | None = None
    due_ms: int | None = None
    until_ms: int | None = None

    @property
    def is_cleared(self) -> bool:
        """It has ended, and nothing is owed any more."""
        return self.phase in ENDS and self.paid_batches == self.due_batches


@dataclass(frozen=True)
class Due:
    """One transfer that the end of a competition owes.

    id     of the transfer
    batch  the competition, "/", the number of the batch
    place  when in the batch it is moved
    """

    TABLE: ClassVar[str] = "competitions.Due"
    INDEXES: ClassVar[tuple[str, ...]] = ("batch",)
    IS_FINAL: ClassVar[bool] = True

    id: str
    batch: str
    place: int
    line: Line


@dataclass(frozen=True)
class Submission:
    """One adapter offered to one competition.

    commitment     to salt and files (assay/commitment.py); `opening` is what opens it, once told
    slot           None once it was given back; a refused entry may keep it
    adapter_sha256 of the canonical adapter, once it has its score on the final slice
    merit          what ranks: higher is better; a whole number of any size, as decimal text
    score_e9       of the board slice, and so is merit: until the seals are opened they are there
                   only when it was a clear improvement of its owner's (rules/ladder.py)
    result         of the board slice, once its seal is open; with `final_`, of the final one
    refusal_*      once their seal is open
    stop           where a race stopped it, once its seal is open; it stays there when the entry is
                   run in full after all
    resumed        why it is run in full: deposit, or margin; empty: it is not
    deposit        what becomes of what its owner put down for that
    is_nominated   it is one of those that decide, which the close fixed
    """

    TABLE: ClassVar[str] = "competitions.Submission"
    INDEXES: ClassVar[tuple[str, ...]] = ("competition", "owner", "commitment", "adapter_sha256",
                                     "is_nominated", "deposit")  # fmt: skip
    IS_FINAL: ClassVar[bool] = False

    id: str
    competition: str
    owner: str
    title: str
    commitment: str
    tags: tuple[Tag, ...]
    parents: tuple[str, ...]
    state: str
    committed_ms: int
    since_ms: int
    window: int
    slot: int | None
    opening: Opening | None = None
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
    is_nominated: bool = False
    place: int | None = None
    prize_nano: int | None = None


@dataclass(frozen=True)
class Tally:
    """How many entries of a competition stand in each state (rules/tally.py).

    id         of the competition
    nominated  how many of those that decide stand, once the close has fixed them
    shut       how many seals are not opened
    """

    TABLE: ClassVar[str] = "competitions.Tally"
    INDEXES: ClassVar[tuple[str, ...]] = ()
    IS_FINAL: ClassVar[bool] = False

    id: str
    committed: int = 0
    scored: int = 0
    eliminated: int = 0
    refused: int = 0
    final_scored: int = 0
    revealed: int = 0
    nominated: int = 0
    shut: int = 0

    @property
    def standing(self) -> int:
        """Those that were neither refused nor eliminated."""
        return self.committed + self.scored + self.final_scored + self.revealed


@dataclass(frozen=True)
class Nomination:
    """The entries that an owner named last, in his order; none: he left it to the rule.

    id     of the competition, "/", the owner
    order  that said so
    """

    TABLE: ClassVar[str] = "competitions.Nomination"
    INDEXES: ClassVar[tuple[str, ...]] = ("competition",)
    IS_FINAL: ClassVar[bool] = False

    id: str
    competition: str
    owner: str
    submissions: tuple[str, ...]
    order: str
    at_ms: int

    @staticmethod
    def key(competition: str, owner: str) -> str:
        """The id of what an owner said in a competition."""
        return f"{competition}/{owner}"


class Held(StrEnum):
    """What a seal holds."""

    RESULT = "result"
    STOP = "stop"
    REFUSAL = "refusal"


@dataclass(frozen=True)
class Seal:
    """What a fact said by a hash alone, to be opened after the close.

    id     sha256 of a salt and of what is held, as canonical JSON (rules/seals.py)
    submission  empty: the seal of the untouched base's result on the board slice
    held   result, stop or refusal
    rival  whom it was compared with; of a result: the entry that the board showed of its owner
    is_told  of a result: the board shows its score
    """

    TABLE: ClassVar[str] = "competitions.Seal"
    INDEXES: ClassVar[tuple[str, ...]] = ("rival",)
    IS_FINAL: ClassVar[bool] = False

    id: str
    competition: str
    submission: str
    held: str
    rival: str = ""
    is_told: bool = False
    is_open: bool = False


@dataclass(frozen=True)
class Worker:
    """A process that computes final scores. id: its public key

    retired_ms  from when on nothing that it signs counts; None: it does
    """

    TABLE: ClassVar[str] = "competitions.Worker"
    INDEXES: ClassVar[tuple[str, ...]] = ()
    IS_FINAL: ClassVar[bool] = False

    id: str
    name: str
    device: str
    sandbox_level: str
    at_ms: int
    retired_ms: int | None = None
    reason: str = ""


ROWS = (Evaluator, Competition, Submission, Tally, Nomination, Due, Seal, Worker)
