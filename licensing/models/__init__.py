"""The tables of the rights. Those of `indexes` do not follow from the log: they are for lists."""

from licensing.models.desk import BillingParty
from licensing.models.indexes import OutputRecord, SearchCard, SearchRight, ShareDue
from licensing.models.metering import Channel, Meter, MeteredRequest, Report, Usage
from licensing.models.rights import (
    Dispute,
    DueAbove,
    Edge,
    Grant,
    OutputBatch,
    PoolDebt,
    PoolShare,
    Revocation,
    TermsVersion,
    Work,
)

__all__ = [
    "BillingParty",
    "Channel",
    "Dispute",
    "DueAbove",
    "Edge",
    "Grant",
    "Meter",
    "MeteredRequest",
    "OutputBatch",
    "OutputRecord",
    "PoolDebt",
    "PoolShare",
    "Report",
    "Revocation",
    "SearchCard",
    "SearchRight",
    "ShareDue",
    "TermsVersion",
    "Usage",
    "Work",
]
