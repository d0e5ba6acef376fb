"""The fold: entries in, rows out. The site, replay and the auditor all run this one.

A room above adds its own fold for its own kinds; it runs before the money moves, so that it can
refuse a payment that its rules do not give.
"""

import re
from collections.abc import Callable, Sequence

from assay import handles
from assay.wire import changed
from ledger.errors import (
    AccountHasPending,
    AccountInvalid,
    AccountIsClosed,
    AccountNotEmpty,
    AccountTaken,
)
from ledger.rules import books, gate, keyring
from ledger.rules.accounts import ISSUANCE, Account, AccountKind
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import admitted

Fold = Callable[[Entry, Rows], None]
WITHDRAW = "withdraw"  # the purpose of a transfer that takes money out
SHA256 = re.compile(r"[0-9a-f]{64}")


def apply(
    entry: Entry, rows: Rows, rooms: Sequence[Fold], *, origin: str, order: Entry | None = None
) -> Entry:
    """Let one entry through the gate and fold it; the answer is the entry with its actor known.

    origin  the log's own name
    order   the order that it answers, when the entry does not hold it yet
    raises SignerRefused, MessageRefused, and whatever the gate, a room or the books object to;
    then the rows may be half changed, so the caller throws its overlay away
    """
    gate.admit(entry, origin=origin)
    entry = changed(entry, actor=admitted(entry, rows), order=order or entry.order)
    for fold in (ledger, *rooms):
        fold(entry, rows)
    if lines := getattr(entry.body, "transfers", ()):
        books.apply(lines, rows, at_ms=entry.body.at_ms, message=entry.id)
    return entry


def ledger(entry: Entry, rows: Rows) -> None:
    """The ledger's own kinds; every other kind passes."""
    if rule := _RULES.get(entry.kind):
        rule(entry, rows)


def check_handle(name: str) -> None:
    """raises AccountInvalid when a person cannot have this name"""
    if not handles.has_form(name) or name in handles.OF_THE_BOOKS:
        raise AccountInvalid(f"{name!r} cannot be an account's name.", account=name)


def check_new_handle(name: str) -> None:
    """What a door asks of a name, and no log that is there already. raises AccountInvalid"""
    if why := handles.flaw(name):
        raise AccountInvalid(why, account=name)


def _account_open(entry: Entry, rows: Rows) -> None:
    check_handle(entry.body.account)
    if rows.get(Account, entry.body.account) is not None:
        name = entry.body.account
        raise AccountTaken(f"The name {name!r} is taken.", account=name)
    if entry.speaker and entry.speaker != entry.body.account:
        raise refused(entry, "it names two accounts")


def _account_opened(entry: Entry, rows: Rows) -> None:
    body = entry.body
    if body.kind == AccountKind.USER:
        order = need_order(entry, "account.open")
        if order.body.account != body.account:
            raise refused(entry, "the order names another account")
    if rows.get(Account, body.account) is not None:
        raise AccountTaken(f"The name {body.account!r} is taken.", account=body.account)
    rows.put(Account(id=body.account, kind=AccountKind(body.kind).value))


def _account_close(entry: Entry, rows: Rows) -> None:
    if entry.body.account != entry.actor:
        raise refused(entry, "it names another account")
    _need_closable(entry, rows)


def _account_closed(entry: Entry, rows: Rows) -> None:
    """The rooms above look too, and refuse while something may still be paid to it."""
    order = need_order(entry, "account.close")
    if entry.body.account != order.body.account:
        raise refused(entry, "the order names another account")
    rows.put(changed(_need_closable(entry, rows), is_closed=True))


def _need_closable(entry: Entry, rows: Rows) -> Account:
    """raises AccountHasPending, AccountNotEmpty"""
    found = rows.get(Account, entry.body.account)
    if found is None or found.kind != AccountKind.USER:
        raise refused(entry, "only a person's account is closed")
    answer = books.closing(found)
    if answer == "account_has_pending":
        raise AccountHasPending(found.id)
    if answer == "account_not_empty":
        raise AccountNotEmpty(found.id, found.available_nano)
    if answer != "ok":
        raise AccountIsClosed(found.id)
    return found


def _books_minted(entry: Entry, _: Rows) -> None:
    wanted = ("single", AccountKind.ISSUANCE, entry.body.account, "mint")
    if any((one.kind, one.debit, one.credit, one.code) != wanted for one in entry.body.transfers):
        raise refused(entry, "it moves more than it mints")


def _books_expired(entry: Entry, rows: Rows) -> None:
    """Only what is over goes back, whole, to whom it was taken from."""
    at_ms = entry.body.at_ms
    if not all(books.expires(line, rows, at_ms) for line in entry.body.transfers):
        raise refused(entry, "it moves what is not over")


def _money_held(entry: Entry, _: Rows) -> None:
    """Exactly what the order asks for is held for the issuance, under the one id it can have."""
    order, body = need_order(entry, "money.withdraw"), entry.body
    wanted = (books.transfer_id(order.id, WITHDRAW), "pending", order.actor, ISSUANCE, "burn")
    found = [(one.id, one.kind, one.debit, one.credit, one.code) for one in body.transfers]
    amounts = [one.amount_nano for one in body.transfers]
    if found != [wanted] or amounts != [order.body.amount_nano]:
        raise refused(entry, "it holds something else than the order says")
    if (body.account, body.to) != (order.actor, order.body.to):
        raise refused(entry, "it is for somebody else")


def _money_settled(entry: Entry, _: Rows) -> None:
    """The whole of what the order holds, and nothing else, leaves or goes back."""
    order = need_order(entry, "money.withdraw")
    kind = "post" if entry.kind == "money.left" else "void"
    wanted = (kind, books.transfer_id(order.id, WITHDRAW), order.body.amount_nano)
    if [(one.kind, one.pending_id, one.amount_nano) for one in entry.body.transfers] != [wanted]:
        raise refused(entry, "it settles something else than the order holds")


def _blob_withdrawn(entry: Entry, _: Rows) -> None:
    if not SHA256.fullmatch(entry.body.sha256):
        raise refused(entry, "it names no file")


_RULES: dict[str, Fold] = {
    **keyring.RULES,
    "account.open": _account_open,
    "account.opened": _account_opened,
    "account.close": _account_close,
    "account.closed": _account_closed,
    "books.minted": _books_minted,
    "books.expired": _books_expired,
    "blob.withdrawn": _blob_withdrawn,
    "money.held": _money_held,
    "money.left": _money_settled,
    "money.returned": _money_settled,
}
