"""The fold: entries in, rows out. The site, replay and the auditor all run this one.

A room above adds its own fold for its own kinds; it runs before the money moves, so that it can
refuse a payment that its rules do not give.
"""

import re
from collections.abc import Callable, Sequence

from assay import handles, messages
from assay.wire import changed
from ledger.errors import (
    AccountInvalid,
    AccountTaken,
    KeyTaken,
    MessageRefused,
    SignerRefused,
)
from ledger.rules import books, gate
from ledger.rules.accounts import ISSUANCE, Account, AccountKind, Key, Role
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows

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
    entry = changed(entry, actor=actor_of(entry, rows), order=order or entry.order)
    for fold in (ledger, *rooms):
        fold(entry, rows)
    if lines := getattr(entry.body, "transfers", ()):
        books.apply(lines, rows, at_ms=entry.body.at_ms, message=entry.id)
    return entry


def actor_of(entry: Entry, rows: Rows) -> str:
    """The account that speaks: of the key, or, for an order signed by the operator, the named one.

    raises SignerRefused
    """
    key = rows.get(Key, entry.signer)
    wanted = messages.KINDS[entry.kind].signer
    if key is None:
        return _newcomer(entry, rows)
    if wanted == Role.PERSON:
        return _person(entry, key, rows)
    if key.role != wanted or entry.speaker:
        raise _not_signer(entry)
    return key.account


def _person(entry: Entry, key: Key, rows: Rows) -> str:
    if key.role == Role.PERSON and not entry.speaker:
        return key.account
    if key.role != Role.OPERATOR or not entry.speaker:
        raise _not_signer(entry)
    if entry.kind != "account.open" and rows.get(Account, entry.speaker) is None:
        raise _not_signer(entry)
    return entry.speaker


def _newcomer(entry: Entry, rows: Rows) -> str:
    """An unknown key may do two things: found the log, and open its own account."""
    if entry.kind == "account.open" and not entry.speaker:
        return str(entry.body.account)
    is_founding = entry.kind == "key.added" and entry.body.public == entry.signer
    if is_founding and entry.body.role == Role.OPERATOR and not rows.find(Key):
        return str(entry.body.account)
    raise _not_signer(entry)


def _not_signer(entry: Entry) -> SignerRefused:
    return SignerRefused(
        f"The key {entry.signer[:16]}... may not sign {entry.kind}.",
        key=entry.signer,
        kind=entry.kind,
    )


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


def need_order(entry: Entry, kind: str) -> Entry:
    """The order that a fact answers, which must be of this kind.

    raises MessageRefused
    """
    if entry.order is None or entry.order.kind != kind:
        raise refused(entry, f"it answers no {kind}")
    return entry.order


def refused(entry: Entry, reason: str) -> MessageRefused:
    return MessageRefused(
        f"{entry.kind} is refused: {reason}.", reason=reason, kind=entry.kind, entry=entry.id
    )


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


def _key_added(entry: Entry, rows: Rows) -> None:
    body = entry.body
    if rows.get(Key, body.public) is not None:
        raise refused(entry, "the key is known already")
    if body.role == Role.PERSON:
        _need_wish(entry, rows)
    role = Role(body.role).value
    rows.put(Key(body.public, body.account, role, body.at_ms, entry.id))


def _key_add(entry: Entry, rows: Rows) -> None:
    public = entry.body.public
    if not SHA256.fullmatch(public):
        raise refused(entry, "it names no key")
    if known := rows.get(Key, public):
        told = {"key": public, "account": known.account}
        raise KeyTaken(f"This key signs for {known.account} already.", **told)


def _need_wish(entry: Entry, rows: Rows) -> None:
    """A person's key comes with the account that it opens, or by an order of the account."""
    body, order = entry.body, entry.order
    if order is not None and order.kind == "key.add":
        if (order.body.public, actor_of(order, rows)) != (body.public, body.account):
            raise refused(entry, "the order names another key or account")
        return
    order = need_order(entry, "account.open")
    if order.signer != body.public or order.body.account != body.account:
        raise refused(entry, "the order was signed by another key")


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
    "account.open": _account_open,
    "account.opened": _account_opened,
    "key.add": _key_add,
    "key.added": _key_added,
    "books.minted": _books_minted,
    "books.expired": _books_expired,
    "blob.withdrawn": _blob_withdrawn,
    "money.held": _money_held,
    "money.left": _money_settled,
    "money.returned": _money_settled,
}
