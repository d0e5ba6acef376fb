"""Messages of the rights: works, lineage, licences, royalties, and who made an output."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Small, Text
from assay.messages.parts import Line, Share, Tag
from assay.wire import Nano

Title = Annotated[str, Text(200, is_needed=True)]


@dataclass(frozen=True)
class WorkRegister:
    """Put a work under terms. kind: base, data, adapter. work: SHA-256 of its canonical bytes."""

    work: str
    kind: str
    title: Title
    tags: tuple[Tag, ...]
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class WorkRegistered:
    """The work is under these terms, and its pool pays these shares."""

    work: str
    kind: str
    owner: str
    title: Title
    tags: tuple[Tag, ...]
    shares: tuple[Share, ...]
    at_ms: int


@dataclass(frozen=True)
class WorkLinked:
    """The child was made from the parent; the rate is the parent's at this moment."""

    child: str
    parent: str
    kind: str
    rate_e8: Small
    at_ms: int


@dataclass(frozen=True)
class OfferPublished:
    """Anyone may now buy what the work's terms sell."""

    work: str
    at_ms: int


@dataclass(frozen=True)
class LicenceBuy:
    """Buy these uses of a work at a price that was quoted for this version of its terms.

    beside  a licence that the buyer holds for one of these uses, and wants another one beside
    """

    work: str
    uses: tuple[str, ...]
    terms_version: Small
    price_nano: Nano
    beside: str | None = None


@dataclass(frozen=True)
class LicenceGranted:
    """The price left the holder's account and went to the fee and the pools.

    uses             with `access` when this pays for it
    until_ms         0 when it has no end;  access_until_ms: when the access in it ends
    """

    grant: str
    work: str
    uses: tuple[str, ...]
    terms_version: Small
    holder: str
    price_nano: Nano
    from_ms: int
    until_ms: int
    access_until_ms: int
    jws: Annotated[str, Text(8192)]
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class RoyaltyDraw:
    """Pay me my part of a work's pool."""

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
