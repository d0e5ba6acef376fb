"""A statement: what each transfer did to one account, in words, with the balance after it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from ledger.rules.books import transfer_id

PURPOSES = MappingProxyType(
    {
        "mint": "play money",
        "burn": "taken out of the world",
        "pay": "a payment",
        "stake": "the stake of a competition",
        "prize": "a prize",
        "deposit": "a deposit",
        "fee": "the fee of the house",
        "royalty": "royalties",
        "licence": "a licence",
        "refund": "a refund",
        "slash": "a forfeited deposit",
        "expire": "a held amount whose time is over",
    }
)
# A stake has two parts under one code; their ids follow from the competition (rules/books.py).
STAKES = MappingProxyType(
    {"fund/prize": "the prize of a competition", "fund/bond": "the bond of a competition"}
)
OUT = MappingProxyType(
    {
        "single": "Paid to {other}",
        "pending": "Held for {other}",
        "post": "Paid to {other} out of what was held",
        "void": "Given back, held for {other} no longer",
        "expire": "Given back, held for {other} too long",
    }
)
INTO = MappingProxyType(
    {
        "single": "Received from {other}",
        "pending": "Promised by {other}",
        "post": "Received from {other} as promised",
        "void": "The promise of {other} was taken back",
        "expire": "The promise of {other} ran out",
    }
)


class Movement(Protocol):
    """What a statement needs of a transfer; the row and the table both have it."""

    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def debit(self) -> str: ...
    @property
    def credit(self) -> str: ...
    @property
    def amount_nano(self) -> int: ...
    @property
    def code(self) -> str: ...
    @property
    def pending_id(self) -> str | None: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def message(self) -> str: ...


@dataclass(frozen=True)
class StatementLine:
    """One transfer as one account sees it. balance_nano: what it could spend just after."""

    transfer: str
    at_ms: int
    kind: str
    code: str
    debit: str
    credit: str
    amount_nano: int
    change_nano: int
    balance_nano: int
    says: str
    message: str


def explain(
    name: str, balance_nano: int, transfers: Iterable[Movement], held: Mapping[str, int]
) -> Iterator[StatementLine]:
    """The lines of an account's statement.

    balance_nano  what the account could spend after the first of these transfers
    transfers     of the account, newest first
    held          pending transfer -> amount, for those that these transfers resolve
    returns       one line per transfer in the same order; after all of them the balance is 0
    """
    for one in transfers:
        changed_nano = change_nano(name, one, held)
        yield _line(name, one, changed_nano, balance_nano)
        balance_nano -= changed_nano


def change_nano(name: str, one: Movement, held: Mapping[str, int]) -> int:
    """By how much the transfer changed what the account can spend."""
    promised_nano = held.get(one.pending_id or "", 0)
    if one.debit == name:
        return {
            "single": -one.amount_nano,
            "pending": -one.amount_nano,
            "post": promised_nano - one.amount_nano,
        }.get(one.kind, promised_nano)
    return one.amount_nano if one.kind in ("single", "post") else 0


def in_words(name: str, one: Movement) -> str:
    """What a transfer is to one of its two accounts, as a sentence."""
    is_out = one.debit == name
    phrase = (OUT if is_out else INTO)[one.kind].format(other=one.credit if is_out else one.debit)
    return f"{phrase}: {_purpose(one)}."


def _purpose(one: Movement) -> str:
    if one.code == "stake":
        cause, first = one.credit.partition(":")[2], one.pending_id or one.id
        told = (says for words, says in STAKES.items() if transfer_id(cause, words) == first)
        return next(told, PURPOSES["stake"])
    return PURPOSES.get(one.code, one.code)


def _line(name: str, one: Movement, changed_nano: int, balance_nano: int) -> StatementLine:
    return StatementLine(
        transfer=one.id,
        at_ms=one.at_ms,
        kind=one.kind,
        code=one.code,
        debit=one.debit,
        credit=one.credit,
        amount_nano=one.amount_nano,
        change_nano=changed_nano,
        balance_nano=balance_nano,
        says=in_words(name, one),
        message=one.message,
    )
