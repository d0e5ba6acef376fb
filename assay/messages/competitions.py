"""Messages of the contest: evaluators, competitions, the sealed slices."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Small, Text
from assay.messages.parts import FileRef, Line, RaceTerms, Result, Tag
from assay.wire import Nano

FAULT = Text(200)


@dataclass(frozen=True)
class EvaluatorRegistered:
    """A worker prepared a task and measured its baseline in the sandbox.

    evaluator    its name in the registry
    is_generic   transformers computes the base: slower, and never exact to the bit
    is_custom    the scores come from the sponsor's own code
    *_examples   how many each slice has; *_units: what the metric's mean is taken over
    code_sha256  of the sponsor's code; empty where there is none
    baseline     on the public slice, which everybody may compute again
    board_baseline_e9  on the board slice; board_seal: of that result, opened after the close
    race         of the runs on the board slice, where there is one
    """

    manifest_sha256: str
    base: str
    evaluator: str
    metric: str
    is_generic: bool
    is_custom: bool
    code_sha256: str
    public_examples: Small
    public_units: int
    board_examples: Small
    board_units: int
    board_commitment: str
    final_examples: Small
    final_units: int
    final_commitment: str
    baseline: Result
    board_baseline_e9: Nano
    board_seal: str
    at_ms: int
    race: RaceTerms | None = None


@dataclass(frozen=True)
class Spec:
    """Everything that is fixed before the first entry. *_e8: parts of 10^8 of the prize.

    rules   by name: who ranks, who is paid, who sees what (competitions/rules/registry.py)
    finals  how many entries of an owner may decide
    """

    title: Annotated[str, Text(80, is_needed=True)]
    summary: Annotated[str, Text(2000, lines=True)]
    base: str
    base_work: str
    data_work: str
    manifest_sha256: str
    metric: str
    files: tuple[FileRef, ...]
    prize_nano: Nano
    curve: tuple[int, ...]
    fee_e8: int
    pool_e8: int
    bond_e8: int
    deposit_e8: int
    opens_at_ms: int
    closes_at_ms: int
    reveal_s: int
    verify_s: int
    dispute_s: int
    quota: int
    window_s: int
    required_tags: tuple[Tag, ...]
    min_sandbox_level: str
    rules: str
    finals: int


@dataclass(frozen=True)
class CompetitionPublish:
    """Publish a prepared task under this short name."""

    competition: str
    spec: Spec


@dataclass(frozen=True)
class CompetitionPublished:
    """Everything about the competition is fixed now."""

    competition: str
    sponsor: str
    spec: Spec
    at_ms: int


@dataclass(frozen=True)
class CompetitionFund:
    """Put prize and bond into escrow."""

    competition: str
    prize_nano: Nano
    bond_nano: Nano


@dataclass(frozen=True)
class CompetitionFunded:
    """Prize and bond are held in escrow."""

    competition: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class CompetitionCancel:
    """End a competition that nobody has entered."""

    competition: str


@dataclass(frozen=True)
class CompetitionExtend:
    """Close later than announced: once, and not in the last tenth of the time."""

    competition: str
    closes_at_ms: int


@dataclass(frozen=True)
class CompetitionExtended:
    """The sponsor has put the close off; all that is reckoned from it moves along."""

    competition: str
    closes_at_ms: int
    at_ms: int


@dataclass(frozen=True)
class CompetitionOpened:
    """Entries are taken from now on."""

    competition: str
    at_ms: int


@dataclass(frozen=True)
class CompetitionClosed:
    """No more entries. The id of this message is the draw of the payout.

    until_ms  when the board scores must be there, where so many runs wait that it is later
    """

    competition: str
    at_ms: int
    until_ms: int | None = None


@dataclass(frozen=True)
class SliceOpened:
    """Board and final slice, opened when all is judged: anybody can now re-run the scores.

    files  {board,final}.{inputs,labels}, in this order
    """

    competition: str
    salt: str
    files: tuple[FileRef, ...]
    at_ms: int


@dataclass(frozen=True)
class CompetitionVerifying:
    """No board score is missing; the final scoring begins. Slice and entries stay sealed.

    nominated  how many entries decide: those that their owners named, or the rule did
    until_ms   when the final scores must be there, where so many decide that it is later
    """

    competition: str
    nominated: int
    at_ms: int
    until_ms: int | None = None


@dataclass(frozen=True)
class CompetitionProvisional:
    """Every final score is there, slice and entries are open; disputes until the time named."""

    competition: str
    dispute_until_ms: int
    at_ms: int


@dataclass(frozen=True)
class CompetitionSettled:
    """What rule `settle-v1` gives. From now on it is owed; `competition.paid` moves it.

    winners        how many entries have a place
    payout_sha256  of the whole payout: the groups of tied winners, best first, and every transfer
    """

    competition: str
    draw: str
    winners: int
    fee_nano: Nano
    pool_nano: Nano
    to_sponsor_nano: Nano
    burnt_nano: Nano
    payout_sha256: str
    at_ms: int


@dataclass(frozen=True)
class CompetitionCancelled:
    """The competition ended without a judgement; the stake is owed back."""

    competition: str
    at_ms: int


@dataclass(frozen=True)
class CompetitionAborted:
    """It could not be judged in time; what everybody put in is owed back.

    fault   evaluator: ours. sponsor: the task could not score, so the bond goes to those who stood
    """

    competition: str
    fault: str
    reason: str
    at_ms: int


@dataclass(frozen=True)
class CompetitionPaid:
    """One batch of what the end of a competition owes, in the order of the payout.

    batch  counts from 0; each is paid once, and the next one follows it
    """

    competition: str
    batch: int
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class TaskFaulted:
    """The sponsor's own code or data could not score what our side had computed.

    submission  the entry; empty: the untouched base
    """

    competition: str
    submission: str
    reason: Annotated[str, FAULT]
    at_ms: int
