"""The ledger's rows: accounts, transfers, keys."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

UNIT = "ASSAY"
OPERATOR, ISSUANCE, FEE, POOL = "operator", "issuance", "fee", "evaluators"


class AccountKind(StrEnum):
    """What a purse is for; only issuance may be below zero."""

    ISSUANCE = "issuance"
    USER = "user"
    ESCROW = "escrow"
    POOL = "pool"
    FEE = "fee"


class Role(StrEnum):
    """What a key signs: orders of its account, facts of two kinds, checkpoints."""

    PERSON = "person"
    OPERATOR = "operator"
    EVALUATOR = "evaluator"
    LOG = "log"


@dataclass(frozen=True)
class Account:
    """A purse. The three sums are a cache of the transfers; the auditor derives them again."""

    TABLE: ClassVar[str] = "ledger.Account"
    INDEXES: ClassVar[tuple[str, ...]] = ("kind",)
    IS_FINAL: ClassVar[bool] = False

    id: str
    kind: str
    unit: str = UNIT
    available_nano: int = 0
    pending_out_nano: int = 0
    pending_in_nano: int = 0
    is_closed: bool = False


@dataclass(frozen=True)
class Transfer:
    """One movement of money, final. `pending_id` names what a post or void resolves."""

    TABLE: ClassVar[str] = "ledger.Transfer"
    INDEXES: ClassVar[tuple[str, ...]] = ("pending_id", "kind")
    IS_FINAL: ClassVar[bool] = True

    id: str
    kind: str
    debit: str
    credit: str
    amount_nano: int
    code: str
    pending_id: str | None
    timeout_s: int
    reference: str
    at_ms: int
    message: str


@dataclass(frozen=True)
class Key:
    """A public key and what it may sign. id: 64 lower hex digits of the 32 bytes.

    Nobody locks a row of it, although one field changes, once: while a key is revoked no message is
    appended, and every append asks the table (ledger/log/signers.py).

    message     that added it
    revoked_by  the message that ended it: it signs nothing behind that; empty while it signs
    """

    TABLE: ClassVar[str] = "ledger.Key"
    INDEXES: ClassVar[tuple[str, ...]] = ("account",)
    IS_FINAL: ClassVar[bool] = True

    id: str
    account: str
    role: str
    at_ms: int
    message: str
    revoked_by: str = ""


ROWS = (Account, Transfer, Key)
