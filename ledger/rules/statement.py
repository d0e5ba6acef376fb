"""A statement: what each transfer did to one account, in words, with the balance after it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

PURPOSES = MappingProxyType(
    {
        "mint": "play money",
        "burn": "taken out of the world",
        "pay": "a payment",
        "stake": "the prize of a competition",
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


def explain(name: str, available_nano: int, transfers: Iterable[Movement]) -> list[StatementLine]:
    """The lines of an account's statement.

    available_nano  what the account can spend now
    transfers       all of the account's transfers, newest first
    returns         one line per transfer in the same order; going back, the balances end at 0
    """
    given = list(transfers)
    held = {one.id: one.amount_nano for one in given if one.kind == "pending"}
    lines, balance_nano = [], available_nano
    for one in given:
        change_nano = _change(name, one, held)
        lines.append(_line(name, one, change_nano, balance_nano))
        balance_nano -= change_nano
    return lines


def page(
    lines: Sequence[StatementLine], *, after: str, limit: int
) -> tuple[list[StatementLine], str]:
    """The lines behind the transfer `after`, at most `limit`, and where the next page goes on."""
    names = [line.transfer for line in lines]
    start = names.index(after) + 1 if after in names else 0
    shown = list(lines[start : start + limit])
    return shown, shown[-1].transfer if shown and start + limit < len(lines) else ""


def _change(name: str, one: Movement, held: dict[str, int]) -> int:
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
    return f"{phrase}: {PURPOSES.get(one.code, one.code)}."


def _line(name: str, one: Movement, change_nano: int, balance_nano: int) -> StatementLine:
    return StatementLine(
        transfer=one.id,
        at_ms=one.at_ms,
        kind=one.kind,
        code=one.code,
        debit=one.debit,
        credit=one.credit,
        amount_nano=one.amount_nano,
        change_nano=change_nano,
        balance_nano=balance_nano,
        says=in_words(name, one),
        message=one.message,
    )
