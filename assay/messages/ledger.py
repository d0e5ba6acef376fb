"""Messages of the record: keys, accounts, money that comes in, time."""

from dataclasses import dataclass

from assay.messages.parts import Line
from assay.wire import Nano


@dataclass(frozen=True)
class KeyAdded:
    """A public key may sign for an account. role: person, operator, evaluator."""

    public: str
    account: str
    role: str
    at_ms: int


@dataclass(frozen=True)
class KeyAdd:
    """Let one more key sign for the account. public: the key's name, 64 hex digits."""

    public: str


@dataclass(frozen=True)
class KeyRevoke:
    """A key of the account signs nothing from now on; what it signed before stays good."""

    public: str


@dataclass(frozen=True)
class KeyRotate:
    """Let a new key sign for the account in place of an old one of it. Both are keys' names."""

    public: str
    instead_of: str


@dataclass(frozen=True)
class KeyRevoked:
    """A key of an account signs nothing that comes after this."""

    public: str
    account: str
    at_ms: int


@dataclass(frozen=True)
class HouseKeyRotated:
    """From here on another key signs for the house. role: operator, evaluator, log.

    old, new     the keys, 64 hex digits
    old_signs    the old key's signature over `assay-rotate-v1 0x00 role 0x00 old 0x00 new`, 128 hex
                 digits; empty for an evaluator's key that is lost
    new_signs    the new key's, over the same
    """

    role: str
    old: str
    new: str
    old_signs: str
    new_signs: str
    at_ms: int


@dataclass(frozen=True)
class AccountOpen:
    """Open an account under this name. Signed by the key that will own it."""

    account: str


@dataclass(frozen=True)
class AccountOpened:
    """An account is in the books. kind: user, or one of the house's own."""

    account: str
    kind: str
    at_ms: int


@dataclass(frozen=True)
class AccountClose:
    """Close my account for good. It is empty, holds nothing, and nothing will be paid to it."""

    account: str


@dataclass(frozen=True)
class AccountClosed:
    """An account takes and gives nothing any more, and its keys sign nothing."""

    account: str
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


@dataclass(frozen=True)
class BlobWithdrawn:
    """A file is taken from everybody for good. What named it stays; its bytes are gone."""

    sha256: str
    reason: str
    at_ms: int


@dataclass(frozen=True)
class MoneyWithdraw:
    """Take money out of the site. to: where it goes, as the site's bridge names places."""

    amount_nano: Nano
    to: str


@dataclass(frozen=True)
class MoneyHeld:
    """An amount is held until it is paid outside, by this bridge."""

    account: str
    to: str
    bridge: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class MoneyLeft:
    """A held amount was paid outside, and is in the books no more. receipt: the outside's name."""

    receipt: str
    transfers: tuple[Line, ...]
    at_ms: int


@dataclass(frozen=True)
class MoneyReturned:
    """A held amount could not be paid outside, and went back to its account."""

    reason: str
    transfers: tuple[Line, ...]
    at_ms: int
