"""The list that counts: every kind, its body, and who signs it."""

import re
from inspect import cleandoc
from typing import NamedTuple

from assay.messages.competitions import (
    CompetitionAborted,
    CompetitionCancel,
    CompetitionCancelled,
    CompetitionClosed,
    CompetitionExtend,
    CompetitionExtended,
    CompetitionFund,
    CompetitionFunded,
    CompetitionOpened,
    CompetitionPaid,
    CompetitionProvisional,
    CompetitionPublish,
    CompetitionPublished,
    CompetitionSettled,
    CompetitionVerifying,
    EvaluatorRegistered,
    SliceOpened,
    TaskFaulted,
)
from assay.messages.ledger import (
    AccountClose,
    AccountClosed,
    AccountOpen,
    AccountOpened,
    BlobWithdrawn,
    BooksExpired,
    BooksMinted,
    ClockTicked,
    HouseKeyRotated,
    KeyAdd,
    KeyAdded,
    KeyRevoke,
    KeyRevoked,
    KeyRotate,
    MoneyHeld,
    MoneyLeft,
    MoneyReturned,
    MoneyWithdraw,
)
from assay.messages.licensing import (
    ChannelClose,
    ChannelOpen,
    ChannelOpened,
    LicenceBuy,
    LicenceGranted,
    ProvenanceRecord,
    ProvenanceRecorded,
    RoyaltyDraw,
    RoyaltyDrawn,
    TermsChange,
    TermsChanged,
    UsagePaid,
    UsagePay,
    UsageReport,
    UsageReported,
    UsageSettle,
    UsageSettled,
    WorkRegister,
    WorkRegistered,
    WorkWithdraw,
    WorkWithdrawn,
)
from assay.messages.lifecycle import (
    DisputeJudged,
    DisputeRaised,
    LicenceRefund,
    LicenceRevoked,
    WorkDispute,
)
from assay.messages.submissions import (
    BaselineScored,
    ResultsOpened,
    SubmissionCommit,
    SubmissionCommitted,
    SubmissionEliminated,
    SubmissionFinalScored,
    SubmissionNominate,
    SubmissionNominated,
    SubmissionRefused,
    SubmissionResume,
    SubmissionResumed,
    SubmissionRevealed,
    SubmissionScored,
)


class Kind(NamedTuple):
    """The body's class and who signs: person, operator, evaluator."""

    body: type
    signer: str


KINDS = {
    "account.open": Kind(AccountOpen, "person"),
    "account.opened": Kind(AccountOpened, "operator"),
    "key.add": Kind(KeyAdd, "person"),
    "key.added": Kind(KeyAdded, "operator"),
    "key.revoke": Kind(KeyRevoke, "person"),
    "key.rotate": Kind(KeyRotate, "person"),
    "key.revoked": Kind(KeyRevoked, "operator"),
    "house.key_rotated": Kind(HouseKeyRotated, "operator"),
    "account.close": Kind(AccountClose, "person"),
    "account.closed": Kind(AccountClosed, "operator"),
    "books.minted": Kind(BooksMinted, "operator"),
    "money.withdraw": Kind(MoneyWithdraw, "person"),
    "money.held": Kind(MoneyHeld, "operator"),
    "money.left": Kind(MoneyLeft, "operator"),
    "money.returned": Kind(MoneyReturned, "operator"),
    "books.expired": Kind(BooksExpired, "operator"),
    "blob.withdrawn": Kind(BlobWithdrawn, "operator"),
    "clock.ticked": Kind(ClockTicked, "operator"),
    "work.register": Kind(WorkRegister, "person"),
    "work.registered": Kind(WorkRegistered, "operator"),
    "terms.change": Kind(TermsChange, "person"),
    "terms.changed": Kind(TermsChanged, "operator"),
    "work.withdraw": Kind(WorkWithdraw, "person"),
    "work.withdrawn": Kind(WorkWithdrawn, "operator"),
    "licence.buy": Kind(LicenceBuy, "person"),
    "licence.granted": Kind(LicenceGranted, "operator"),
    "work.dispute": Kind(WorkDispute, "person"),
    "dispute.raised": Kind(DisputeRaised, "operator"),
    "dispute.judged": Kind(DisputeJudged, "operator"),
    "licence.refund": Kind(LicenceRefund, "person"),
    "licence.revoked": Kind(LicenceRevoked, "operator"),
    "royalty.draw": Kind(RoyaltyDraw, "person"),
    "royalty.drawn": Kind(RoyaltyDrawn, "operator"),
    "channel.open": Kind(ChannelOpen, "person"),
    "channel.opened": Kind(ChannelOpened, "operator"),
    "channel.close": Kind(ChannelClose, "person"),
    "usage.report": Kind(UsageReport, "person"),
    "usage.reported": Kind(UsageReported, "operator"),
    "usage.pay": Kind(UsagePay, "person"),
    "usage.paid": Kind(UsagePaid, "operator"),
    "usage.settle": Kind(UsageSettle, "person"),
    "usage.settled": Kind(UsageSettled, "operator"),
    "provenance.record": Kind(ProvenanceRecord, "person"),
    "provenance.recorded": Kind(ProvenanceRecorded, "operator"),
    "evaluator.registered": Kind(EvaluatorRegistered, "evaluator"),
    "competition.publish": Kind(CompetitionPublish, "person"),
    "competition.published": Kind(CompetitionPublished, "operator"),
    "competition.fund": Kind(CompetitionFund, "person"),
    "competition.funded": Kind(CompetitionFunded, "operator"),
    "competition.cancel": Kind(CompetitionCancel, "person"),
    "competition.cancelled": Kind(CompetitionCancelled, "operator"),
    "competition.extend": Kind(CompetitionExtend, "person"),
    "competition.extended": Kind(CompetitionExtended, "operator"),
    "competition.opened": Kind(CompetitionOpened, "operator"),
    "competition.closed": Kind(CompetitionClosed, "operator"),
    "slice.opened": Kind(SliceOpened, "operator"),
    "competition.verifying": Kind(CompetitionVerifying, "operator"),
    "competition.provisional": Kind(CompetitionProvisional, "operator"),
    "competition.settled": Kind(CompetitionSettled, "operator"),
    "competition.aborted": Kind(CompetitionAborted, "operator"),
    "competition.paid": Kind(CompetitionPaid, "operator"),
    "task.faulted": Kind(TaskFaulted, "evaluator"),
    "submission.commit": Kind(SubmissionCommit, "person"),
    "submission.committed": Kind(SubmissionCommitted, "operator"),
    "submission.refused": Kind(SubmissionRefused, "operator"),
    "submission.scored": Kind(SubmissionScored, "evaluator"),
    "submission.eliminated": Kind(SubmissionEliminated, "evaluator"),
    "submission.resume": Kind(SubmissionResume, "person"),
    "submission.resumed": Kind(SubmissionResumed, "operator"),
    "submission.nominate": Kind(SubmissionNominate, "person"),
    "submission.nominated": Kind(SubmissionNominated, "operator"),
    "results.opened": Kind(ResultsOpened, "operator"),
    "submission.revealed": Kind(SubmissionRevealed, "operator"),
    "submission.final_scored": Kind(SubmissionFinalScored, "evaluator"),
    "baseline.scored": Kind(BaselineScored, "evaluator"),
}
_NOTES = re.compile(r"(?<=\.)\s+[a-z0-9_]+: .*", re.DOTALL)


def meaning(kind: str) -> str:
    """What a message of this kind says, in a sentence or two, without the notes on its fields."""
    told = cleandoc(KINDS[kind].body.__doc__ or "").split("\n\n")[0]
    return " ".join(_NOTES.sub("", told).replace("`", "").split())


KIND_OF = {kind.body: name for name, kind in KINDS.items()}
