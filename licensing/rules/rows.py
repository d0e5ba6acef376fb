"""The rows of the rights: works, terms, lineage, pools, grants. All follow from the log."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from licensing.rules.terms import Tag

ENTRY = "entry"  # the kinds of ids: these, and those of WorkKind
LICENCE = "licence:"  # before the SPDX id of a base's own licence, among what is inherited


class WorkKind(StrEnum):
    """What a work is: a model's weights, a data set, or what was trained from both."""

    BASE = "base"
    DATA = "data"
    ADAPTER = "adapter"


class WorkState(StrEnum):
    """Only a live work is sold, or may be a parent."""

    LIVE = "live"
    DISPUTED = "disputed"
    WITHDRAWN = "withdrawn"


class DisputeState(StrEnum):
    """What was said of a dispute so far; only an open one freezes its work."""

    RAISED = "raised"
    OPEN = "open"
    CLEARED = "cleared"
    UPHELD = "upheld"


class GrantState(StrEnum):
    """That a grant ended needs no message: until_ms says it."""

    ACTIVE = "active"
    REVOKED = "revoked"
    REFUNDED = "refunded"


@dataclass(frozen=True)
class Work:
    """Something under terms. id: `work_id`, or `entry:` and the id of a contest's entry.

    content        SHA-256 of its canonical bytes, 64 lower hex digits
    terms_version  the number of the terms that hold now
    licence        of a base, its own SPDX licence
    inherited      what whoever uses it owes to the works above: (work, condition), sorted; final
    """

    TABLE: ClassVar[str] = "licensing.Work"
    INDEXES: ClassVar[tuple[str, ...]] = ("owner",)
    IS_FINAL: ClassVar[bool] = False

    id: str
    kind: str
    content: str
    owner: str
    title: str
    registered_ms: int
    terms_version: int
    state: str
    licence: str
    inherited: tuple[tuple[str, str], ...]
    message: str


@dataclass(frozen=True)
class TermsVersion:
    """Licence tags of a work, as they were given; final. id: `terms_key`."""

    TABLE: ClassVar[str] = "licensing.TermsVersion"
    INDEXES: ClassVar[tuple[str, ...]] = ("work",)
    IS_FINAL: ClassVar[bool] = True

    id: str
    work: str
    number: int
    tags: tuple[Tag, ...]
    message: str


@dataclass(frozen=True)
class Edge:
    """`child` was made from `parent`; final. id: child/parent; kind: that of the parent.

    rate_e8        what the parent asked for at that moment, parts per 10^8
    terms_version  of the parent, under which it was taken
    """

    TABLE: ClassVar[str] = "licensing.Edge"
    INDEXES: ClassVar[tuple[str, ...]] = ("child", "parent")
    IS_FINAL: ClassVar[bool] = True

    id: str
    child: str
    parent: str
    kind: str
    rate_e8: int
    terms_version: int
    message: str


@dataclass(frozen=True)
class DueAbove:
    """What every sale of a work owes to each of the works above it; final, as its parents are.

    id: of the work;  works: sorted;  rates_e8: of each, parts per 10^8
    """

    TABLE: ClassVar[str] = "licensing.DueAbove"
    INDEXES: ClassVar[tuple[str, ...]] = ()
    IS_FINAL: ClassVar[bool] = True

    id: str
    works: tuple[str, ...]
    rates_e8: tuple[int, ...]


@dataclass(frozen=True)
class PoolShare:
    """A payee of a work's pool. id: work/payee; drawn_nano: what the payee drew so far."""

    TABLE: ClassVar[str] = "licensing.PoolShare"
    INDEXES: ClassVar[tuple[str, ...]] = ("work", "payee")
    IS_FINAL: ClassVar[bool] = False

    id: str
    work: str
    payee: str
    weight: int
    drawn_nano: int


@dataclass(frozen=True)
class Grant:
    """A licence that was bought. id: that of the order.

    until_ms    0 when it has no end;  access_until_ms: when the access among its uses ends, which
                may be later; 0 when never, or when there is none
    share_e8    of what the holder earns by it, parts per 10^8: see `Report`
    holder_key  the Ed25519 key that the grant names, empty without one;  at_ms: when it was bought
    """

    TABLE: ClassVar[str] = "licensing.Grant"
    INDEXES: ClassVar[tuple[str, ...]] = ("work", "holder")
    IS_FINAL: ClassVar[bool] = False

    id: str
    work: str
    terms_version: int
    uses: tuple[str, ...]
    holder: str
    price_nano: int
    share_e8: int
    from_ms: int
    until_ms: int
    access_until_ms: int
    state: str
    jws: str
    holder_key: str
    at_ms: int
    message: str


@dataclass(frozen=True)
class PoolDebt:
    """What the house lent to a work's pool so that a buyer got back what its payees had drawn."""

    TABLE: ClassVar[str] = "licensing.PoolDebt"
    INDEXES: ClassVar[tuple[str, ...]] = ()
    IS_FINAL: ClassVar[bool] = False

    id: str
    owed_nano: int


@dataclass(frozen=True)
class Revocation:
    """That a grant gives nothing any more; final. id: of the grant; message: of the fact."""

    TABLE: ClassVar[str] = "licensing.Revocation"
    INDEXES: ClassVar[tuple[str, ...]] = ()
    IS_FINAL: ClassVar[bool] = True

    id: str
    reason: str
    at_ms: int
    until_ms: int
    message: str


@dataclass(frozen=True)
class Dispute:
    """Somebody says that a work is not its owner's. id: of the order;  message: of the fact."""

    TABLE: ClassVar[str] = "licensing.Dispute"
    INDEXES: ClassVar[tuple[str, ...]] = ("work",)
    IS_FINAL: ClassVar[bool] = False

    id: str
    work: str
    claimant: str
    why: str
    state: str
    at_ms: int
    message: str


@dataclass(frozen=True)
class OutputBatch:
    """Outputs that an account made with a work, by the root over their records; final.

    id: that of the order;  licence: the grant, may be empty;  records: the SHA-256 of their file
    """

    TABLE: ClassVar[str] = "licensing.OutputBatch"
    INDEXES: ClassVar[tuple[str, ...]] = ("licence",)
    IS_FINAL: ClassVar[bool] = True

    id: str
    work: str
    account: str
    licence: str
    root: str
    size: int
    records: str
    at_ms: int
    message: str


@dataclass(frozen=True)
class Channel:
    """Money that an account holds for metered use of a work. id: that of the order.

    receiver      who counts and redeems;  signer: the key of the vouchers, 64 hex digits
    grant         the licence that the receiver serves under, or empty
    rate_e8       the part of what is used that the works get, parts per 10^8
    hold          the open transfer;  held_nano: what it holds;  settled_nano: what was paid before
    charged_pico  what was used, as of the last settlement, of which there were `settlements`
    """

    TABLE: ClassVar[str] = "licensing.Channel"
    INDEXES: ClassVar[tuple[str, ...]] = ("work", "payer", "receiver", "grant")
    IS_FINAL: ClassVar[bool] = False

    id: str
    work: str
    payer: str
    receiver: str
    signer: str
    grant: str
    rate_e8: int
    opened_ms: int
    expires_ms: int
    hold: str
    held_nano: int
    settled_nano: int
    settlements: int
    charged_pico: int
    calls: int
    is_closed: bool
    message: str


@dataclass(frozen=True)
class Report:
    """What a holder said to have earned under a licence that asks for a share. id: of the order.

    since_ms, until_ms  the period, without until_ms itself;  owed_nano: the share of gross_nano
    """

    TABLE: ClassVar[str] = "licensing.Report"
    INDEXES: ClassVar[tuple[str, ...]] = ("grant", "holder")
    IS_FINAL: ClassVar[bool] = False

    id: str
    grant: str
    work: str
    holder: str
    since_ms: int
    until_ms: int
    gross_nano: int
    owed_nano: int
    is_paid: bool
    at_ms: int
    message: str


@dataclass(frozen=True)
class Usage:
    """One payment for what was used of a work; final. id: channel/number, or that of a report.

    source  the channel, or the licence that was reported on
    """

    TABLE: ClassVar[str] = "licensing.Usage"
    INDEXES: ClassVar[tuple[str, ...]] = ()
    IS_FINAL: ClassVar[bool] = True

    id: str
    source: str
    work: str
    payer: str
    gross_nano: int
    at_ms: int
    message: str


ROWS = (
    Work,
    TermsVersion,
    Edge,
    DueAbove,
    PoolShare,
    PoolDebt,
    Grant,
    Revocation,
    Dispute,
    OutputBatch,
    Channel,
    Report,
    Usage,
)


def work_id(kind: str, content: str) -> str:
    """The id of a work by its kind and bytes: `data:<SHA-256>`."""
    return f"{kind}:{content}"


def entry_work(entry: str) -> str:
    """The id of the work that a contest's entry becomes."""
    return f"{ENTRY}:{entry}"


def content_in(work: str) -> str:
    """The SHA-256 in the id of a work that is no entry's."""
    return work.partition(":")[2]


def terms_key(work: str, number: int) -> str:
    """The id of a terms version."""
    return f"{work}/{number}"


def pair_key(first: str, second: str) -> str:
    """The id of an edge (child, parent) or of a pool share (work, payee)."""
    return f"{first}/{second}"


def pool_of(work: str) -> str:
    """The account that collects what is due to a work."""
    return f"pool:{work}"


def usage_of(work: str) -> str:
    """The account that what is held for the use of a work is promised to; empty between facts."""
    return f"usage:{work}"
