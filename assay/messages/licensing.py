"""Messages of the rights: works, lineage, licences, royalties, and who made an output."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Small, Text
from assay.messages.parts import Line, Share, Tag
from assay.wire import Nano

Title = Annotated[str, Text(200, is_needed=True)]


# The id of a work says where it comes from: its bytes by their SHA-256, or a contest's entry.
WORK_ID = r"(?:base|data|adapter):[0-9a-f]{64}|entry:[A-Za-z0-9_-]{43}"


@dataclass(frozen=True)
class WorkRegister:
    """Put a work under terms.

    work     `base:`, `data:` or `adapter:` and the SHA-256 of its canonical bytes;  kind: the same
    licence  a base's own SPDX licence;  parents: the works that it was made from
    """

    work: str
    kind: str
    title: Title
    tags: tuple[Tag, ...]
    shares: tuple[Share, ...]
    licence: Annotated[str, Text(100)] = ""
    parents: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parent:
    """A work that another one was made from; the rate is the parent's at that moment."""

    work: str
    rate_e8: Small


@dataclass(frozen=True)
class WorkRegistered:
    """The work is under these terms, its pool pays these shares, and these are all its parents.

    work     as it was ordered, or `entry:` and the id of a contest's entry
    content  SHA-256 of its canonical bytes
    """

    work: str
    kind: str
    content: str
    owner: str
    title: Title
    tags: tuple[Tag, ...]
    shares: tuple[Share, ...]
    licence: Annotated[str, Text(100)]
    parents: tuple[Parent, ...]
    at_ms: int


@dataclass(frozen=True)
class TermsChange:
    """Put my work under other terms. number: of these terms, one more than of those that hold."""

    work: str
    number: Small
    tags: tuple[Tag, ...]


@dataclass(frozen=True)
class TermsChanged:
    """These terms hold for later sales and children; what was bought and made before stays."""

    work: str
    number: Small
    tags: tuple[Tag, ...]
    at_ms: int


@dataclass(frozen=True)
class WorkWithdraw:
    """Sell nothing more of my work, and let nobody make anything more from it."""

    work: str


@dataclass(frozen=True)
class WorkWithdrawn:
    """The work is off the market; licences that were bought before hold, and its pool pays."""

    work: str
    at_ms: int


@dataclass(frozen=True)
class LicenceBuy:
    """Buy these uses of a work at a price that was quoted for this version of its terms.

    beside      a licence that the buyer holds for one of these uses, and wants another one beside
    holder_key  an Ed25519 key, 64 hex digits: whoever shows the grant proves that he holds it
    """

    work: str
    uses: tuple[str, ...]
    terms_version: Small
    price_nano: Nano
    beside: str | None = None
    holder_key: str | None = None


@dataclass(frozen=True)
class LicenceGranted:
    """The price left the holder's account and went to the fee and the pools.

    uses             with `access` when this pays for it
    until_ms         0 when it has no end;  access_until_ms: when the access in it ends
    share_e8         of what the holder earns, parts per 10^8: it is reported, and then owed
    """

    grant: str
    work: str
    uses: tuple[str, ...]
    terms_version: Small
    holder: str
    price_nano: Nano
    share_e8: Small
    from_ms: int
    until_ms: int
    access_until_ms: int
    jws: Annotated[str, Text(8192)]
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class RoyaltyDraw:
    """Pay me my part of a work's pool, or of every pool that holds one for me.

    work  empty: all of them, a hundred with one order
    """

    work: str


@dataclass(frozen=True)
class RoyaltyDrawn:
    """A payee's part left the pool of a work."""

    work: str
    payee: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class ProvenanceRecord:
    """These outputs were made with a work. Only hashes are told: assay/records.py.

    licence  the grant that it was used under, when the work's terms ask for one
    root     of RFC 6962 over the lines of the file;  size: how many they are
    records  the SHA-256 of the file, which the signer has sent
    """

    work: str
    root: str
    size: Small
    records: str
    licence: str | None = None


@dataclass(frozen=True)
class ProvenanceRecorded:
    """The file holds what the root says, and anybody can look its outputs up. batch: the order."""

    batch: str
    work: str
    account: str
    root: str
    size: Small
    records: str
    licence: str
    at_ms: int


@dataclass(frozen=True)
class ChannelOpen:
    """Hold money for metered use of a work; vouchers say how much of it may be taken.

    receiver   who counts and redeems: `operator` for this site's own addresses
    signer     the Ed25519 key that signs the vouchers, 64 hex digits
    timeout_s  when what is left goes back
    """

    work: str
    receiver: str
    signer: str
    held_nano: Nano
    timeout_s: Small


@dataclass(frozen=True)
class ChannelOpened:
    """The money is held. channel: the order;  rate_e8: the part of all use that the works get.

    grant  the licence that the receiver serves under, if any; what the works do not get is the
           receiver's
    """

    channel: str
    work: str
    payer: str
    receiver: str
    signer: str
    grant: str
    rate_e8: Small
    expires_ms: int
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class ChannelClose:
    """Take what was charged, and give the rest back: of a channel whose receiver is the site."""

    channel: str


@dataclass(frozen=True)
class UsageSettle:
    """Redeem the last voucher of a channel that I receive.

    charged_pico, calls  what was used since the channel was opened
    signed_pico          what the voucher names, at least as much
    is_last              the channel is closed, and the rest goes back
    """

    channel: str
    charged_pico: Nano
    calls: Nano
    signed_pico: Nano
    signature: str
    is_last: bool


@dataclass(frozen=True)
class UsageSettled:
    """What was used of a channel is paid, in whole nano-tokens, and the rest is held on.

    gross_nano  what this one pays;  the other fields: as in the order
    """

    channel: str
    charged_pico: Nano
    calls: Nano
    signed_pico: Nano
    signature: str
    is_last: bool
    gross_nano: Nano
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class UsageReport:
    """What I earned with a work under a licence that asks for a share of it.

    From where the last report ended, or the licence began, to before until_ms. What came through
    channels is not counted: its share is paid already.
    """

    grant: str
    until_ms: int
    gross_nano: Nano


@dataclass(frozen=True)
class UsageReported:
    """The share of what a holder earned is owed. report: the order.

    is_paid  the account held as much, and the transfers paid it at once; or nothing was earned
    """

    report: str
    grant: str
    since_ms: int
    until_ms: int
    gross_nano: Nano
    owed_nano: Nano
    is_paid: bool
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class UsagePay:
    """Pay the share that I owe by a report of mine."""

    report: str


@dataclass(frozen=True)
class UsagePaid:
    """The share that was owed by a report is paid."""

    report: str
    transfers: tuple[Line, ...]
    at_ms: int
