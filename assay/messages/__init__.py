"""Every message of the house: one frozen dataclass per kind. This list is the one that counts.

Orders are imperative and signed by the person who wants something. Facts are past tense, signed by
the operator or by an evaluator; only facts change state. Times are integer milliseconds (UTC),
amounts whole nano-tokens, scores parts of 10^9, hashes 64 lower hex digits, ids of messages
43 characters of base64url.
"""

from assay.messages.competitions import (
    CompetitionAborted,
    CompetitionCancel,
    CompetitionCancelled,
    CompetitionClosed,
    CompetitionFund,
    CompetitionFunded,
    CompetitionOpened,
    CompetitionProvisional,
    CompetitionPublish,
    CompetitionPublished,
    CompetitionSettled,
    CompetitionVerifying,
    EvaluatorRegistered,
    SliceOpened,
    Spec,
)
from assay.messages.kinds import KIND_OF, KINDS, Kind
from assay.messages.ledger import (
    AccountOpen,
    AccountOpened,
    BlobWithdrawn,
    BooksExpired,
    BooksMinted,
    ClockTicked,
    KeyAdded,
)
from assay.messages.licensing import (
    LicenceBuy,
    LicenceGranted,
    OfferPublished,
    RoyaltyDraw,
    RoyaltyDrawn,
    WorkLinked,
    WorkRegister,
    WorkRegistered,
)
from assay.messages.parts import (
    FileRef,
    Line,
    Share,
    Tag,
)
from assay.messages.submissions import (
    BaselineScored,
    SubmissionCommit,
    SubmissionCommitted,
    SubmissionFailed,
    SubmissionFinalScored,
    SubmissionRefused,
    SubmissionRevealed,
    SubmissionScored,
)

__all__ = [
    "KINDS",
    "KIND_OF",
    "AccountOpen",
    "AccountOpened",
    "BaselineScored",
    "BlobWithdrawn",
    "BooksExpired",
    "BooksMinted",
    "ClockTicked",
    "CompetitionAborted",
    "CompetitionCancel",
    "CompetitionCancelled",
    "CompetitionClosed",
    "CompetitionFund",
    "CompetitionFunded",
    "CompetitionOpened",
    "CompetitionProvisional",
    "CompetitionPublish",
    "CompetitionPublished",
    "CompetitionSettled",
    "CompetitionVerifying",
    "EvaluatorRegistered",
    "FileRef",
    "KeyAdded",
    "Kind",
    "LicenceBuy",
    "LicenceGranted",
    "Line",
    "OfferPublished",
    "RoyaltyDraw",
    "RoyaltyDrawn",
    "Share",
    "SliceOpened",
    "Spec",
    "SubmissionCommit",
    "SubmissionCommitted",
    "SubmissionFailed",
    "SubmissionFinalScored",
    "SubmissionRefused",
    "SubmissionRevealed",
    "SubmissionScored",
    "Tag",
    "WorkLinked",
    "WorkRegister",
    "WorkRegistered",
]
