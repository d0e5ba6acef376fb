"""Every message of the house: one frozen dataclass per kind. This list is the one that counts.

Orders are imperative and signed by the person who wants something. Facts are past tense, signed by
the operator or by an evaluator; only facts change state. Times are integer milliseconds (UTC),
amounts whole nano-tokens, scores parts of 10^9, hashes 64 lower hex digits, ids of messages
43 characters of base64url.
"""

from dataclasses import dataclass
from typing import NamedTuple

from assay.wire import Nano

Tag = tuple[str, str]


@dataclass(frozen=True)
class Line:
    """One movement of money inside a fact. kind: single, pending, post, void, expire."""

    id: str
    kind: str
    debit: str
    credit: str
    amount_nano: Nano
    code: str
    pending_id: str | None = None
    timeout_s: int | None = None
    reference: str | None = None


@dataclass(frozen=True)
class FileRef:
    """A public file in the blob store."""

    name: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True)
class Share:
    """Whoever is paid from a work's pool, and how much of it, by weight."""

    payee: str
    weight: int


# --- ledger ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class KeyAdded:
    """A public key may sign for an account. role: person, operator, evaluator."""

    public: str
    account: str
    role: str
    at_ms: int


@dataclass(frozen=True)
class AccountOpen:
    """Open an account under this name. Signed by the key that will own it."""

    account: str


@dataclass(frozen=True)
class AccountOpened:
    account: str
    kind: str
    at_ms: int


@dataclass(frozen=True)
class BooksMinted:
    """New tokens came in through a door from outside; here the play-money faucet."""

    account: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class BooksExpired:
    """Held amounts whose time is over went back to their owners."""

    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class ClockTicked:
    """Time passed a deadline. What follows from it is in the facts after it."""

    at_ms: int


# --- licensing ------------------------------------------------------------------------------


@dataclass(frozen=True)
class WorkRegister:
    """Put a work under terms. kind: base, data, adapter. work: SHA-256 of its canonical bytes."""

    work: str
    kind: str
    title: str
    tags: tuple[Tag, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class WorkRegistered:
    work: str
    kind: str
    owner: str
    title: str
    tags: tuple[Tag, ...]
    shares: tuple[Share, ...]
    at_ms: int


@dataclass(frozen=True)
class WorkLinked:
    """The child was made from the parent; the rate is the parent's at this moment."""

    child: str
    parent: str
    kind: str
    rate_e8: int
    at_ms: int


@dataclass(frozen=True)
class OfferPublished:
    """Anyone may now buy what the work's terms sell."""

    work: str
    at_ms: int


@dataclass(frozen=True)
class LicenceBuy:
    """Buy these uses of a work at a price that was quoted for this version of its terms."""

    work: str
    uses: tuple[str, ...]
    terms_version: int
    price_nano: Nano


@dataclass(frozen=True)
class LicenceGranted:
    """The price left the holder's account and went to the fee and the pools."""

    grant: str
    work: str
    uses: tuple[str, ...]
    terms_version: int
    holder: str
    price_nano: Nano
    from_ms: int
    until_ms: int
    jws: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class RoyaltyDraw:
    """Pay me my part of a work's pool."""

    work: str


@dataclass(frozen=True)
class RoyaltyDrawn:
    work: str
    payee: str
    transfers: tuple[Line, ...]
    at_ms: int


# --- competitions ---------------------------------------------------------------------------


@dataclass(frozen=True)
class EvaluatorRegistered:
    """A worker prepared a task and measured its baseline on the public slice in the sandbox."""

    manifest_sha256: str
    base: str
    metric: str
    public_examples: int
    final_examples: int
    final_commitment: str
    baseline_e9: Nano
    sandbox_level: str
    at_ms: int


@dataclass(frozen=True)
class Spec:
    """Everything that is fixed before the first entry."""

    title: str
    summary: str
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
    opens_at_ms: int
    closes_at_ms: int
    reveal_s: int
    verify_s: int
    dispute_s: int
    quota: int
    window_s: int
    required_tags: tuple[Tag, ...]
    min_sandbox_level: str


@dataclass(frozen=True)
class CompetitionPublish:
    competition: str
    spec: Spec


@dataclass(frozen=True)
class CompetitionPublished:
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
    competition: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class CompetitionCancel:
    competition: str


@dataclass(frozen=True)
class CompetitionOpened:
    competition: str
    at_ms: int


@dataclass(frozen=True)
class CompetitionClosed:
    competition: str
    at_ms: int


@dataclass(frozen=True)
class SliceOpened:
    """The sealed final slice, opened: anybody can now check the commitment and re-run scores."""

    competition: str
    salt: str
    inputs: FileRef
    labels: FileRef
    at_ms: int


@dataclass(frozen=True)
class CompetitionVerifying:
    competition: str
    at_ms: int


@dataclass(frozen=True)
class CompetitionProvisional:
    competition: str
    dispute_until_ms: int
    at_ms: int


@dataclass(frozen=True)
class CompetitionSettled:
    """The stake was paid by rule `settle-v1`; groups are the tied winners, best group first."""

    competition: str
    draw: str
    groups: tuple[tuple[str, ...], ...]
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class CompetitionCancelled:
    competition: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class CompetitionAborted:
    """It could not be judged in time; everybody has back what they put in."""

    competition: str
    reason: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class SubmissionCommit:
    """Enter an adapter. Its two files are in the blob store; their hashes bind the signer."""

    competition: str
    config_sha256: str
    tensors_sha256: str
    title: str
    tags: tuple[Tag, ...]
    parents: tuple[str, ...]


@dataclass(frozen=True)
class SubmissionCommitted:
    submission: str
    competition: str
    owner: str
    window: int
    slot: int
    at_ms: int


@dataclass(frozen=True)
class SubmissionRefused:
    """A verdict on the entry: it is out, and its slot is given back."""

    submission: str
    reason: str
    cause: str
    next_step: str
    at_ms: int


@dataclass(frozen=True)
class SubmissionFailed:
    """Our infrastructure failed three times; the entry's slot is given back."""

    submission: str
    reason: str
    at_ms: int


@dataclass(frozen=True)
class SubmissionScored:
    """A score on the public slice. outcomes: one bit per example, hex, first example highest."""

    submission: str
    adapter_sha256: str
    manifest_sha256: str
    score_e9: Nano
    examples: int
    outcomes: str
    sandbox_level: str
    policy_sha256: str
    at_ms: int


@dataclass(frozen=True)
class SubmissionRevealed:
    """The competition is closed: the adapter becomes public and a work."""

    submission: str
    adapter: FileRef
    at_ms: int


@dataclass(frozen=True)
class SubmissionFinalScored:
    """A score on the sealed slice, after it was opened. This one decides."""

    submission: str
    adapter_sha256: str
    manifest_sha256: str
    score_e9: Nano
    examples: int
    outcomes: str
    sandbox_level: str
    policy_sha256: str
    at_ms: int


@dataclass(frozen=True)
class BaselineScored:
    """The untouched base on the sealed slice: what a winner must clearly beat."""

    competition: str
    manifest_sha256: str
    score_e9: Nano
    examples: int
    outcomes: str
    sandbox_level: str
    policy_sha256: str
    at_ms: int


class Kind(NamedTuple):
    """The body's class and who signs: person, operator, evaluator."""

    body: type
    signer: str


KINDS = {
    "account.open": Kind(AccountOpen, "person"),
    "account.opened": Kind(AccountOpened, "operator"),
    "key.added": Kind(KeyAdded, "operator"),
    "books.minted": Kind(BooksMinted, "operator"),
    "books.expired": Kind(BooksExpired, "operator"),
    "clock.ticked": Kind(ClockTicked, "operator"),
    "work.register": Kind(WorkRegister, "person"),
    "work.registered": Kind(WorkRegistered, "operator"),
    "work.linked": Kind(WorkLinked, "operator"),
    "offer.published": Kind(OfferPublished, "operator"),
    "licence.buy": Kind(LicenceBuy, "person"),
    "licence.granted": Kind(LicenceGranted, "operator"),
    "royalty.draw": Kind(RoyaltyDraw, "person"),
    "royalty.drawn": Kind(RoyaltyDrawn, "operator"),
    "evaluator.registered": Kind(EvaluatorRegistered, "evaluator"),
    "competition.publish": Kind(CompetitionPublish, "person"),
    "competition.published": Kind(CompetitionPublished, "operator"),
    "competition.fund": Kind(CompetitionFund, "person"),
    "competition.funded": Kind(CompetitionFunded, "operator"),
    "competition.cancel": Kind(CompetitionCancel, "person"),
    "competition.cancelled": Kind(CompetitionCancelled, "operator"),
    "competition.opened": Kind(CompetitionOpened, "operator"),
    "competition.closed": Kind(CompetitionClosed, "operator"),
    "slice.opened": Kind(SliceOpened, "operator"),
    "competition.verifying": Kind(CompetitionVerifying, "operator"),
    "competition.provisional": Kind(CompetitionProvisional, "operator"),
    "competition.settled": Kind(CompetitionSettled, "operator"),
    "competition.aborted": Kind(CompetitionAborted, "operator"),
    "submission.commit": Kind(SubmissionCommit, "person"),
    "submission.committed": Kind(SubmissionCommitted, "operator"),
    "submission.refused": Kind(SubmissionRefused, "operator"),
    "submission.failed": Kind(SubmissionFailed, "operator"),
    "submission.scored": Kind(SubmissionScored, "evaluator"),
    "submission.revealed": Kind(SubmissionRevealed, "operator"),
    "submission.final_scored": Kind(SubmissionFinalScored, "evaluator"),
    "baseline.scored": Kind(BaselineScored, "evaluator"),
}
KIND_OF = {kind.body: name for name, kind in KINDS.items()}
