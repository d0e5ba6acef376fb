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
