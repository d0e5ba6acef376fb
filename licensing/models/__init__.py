"""The tables of the rights. Those of `indexes` do not follow from the log: they are for lists."""

from licensing.models.indexes import OutputRecord, SearchCard, SearchRight, ShareDue
from licensing.models.rights import Edge, Grant, OutputBatch, PoolShare, TermsVersion, Work

__all__ = [
    "Edge",
    "Grant",
    "OutputBatch",
    "OutputRecord",
    "PoolShare",
    "SearchCard",
    "SearchRight",
    "ShareDue",
    "TermsVersion",
    "Work",
]
