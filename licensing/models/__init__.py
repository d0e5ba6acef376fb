"""The tables of the rights. Those of `indexes` do not follow from the log: they are for lists."""

from licensing.models.indexes import OutputRecord, SearchCard, SearchRight, ShareDue
from licensing.models.rights import (
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
    "Edge",
    "Grant",
    "OutputBatch",
    "OutputRecord",
    "PoolDebt",
    "PoolShare",
    "Revocation",
    "SearchCard",
    "SearchRight",
    "ShareDue",
    "TermsVersion",
    "Work",
]
