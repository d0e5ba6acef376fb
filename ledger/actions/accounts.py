"""What changes the books themselves: founding them, opening accounts, play money, time."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from assay import messages
from assay.keys import public_hex
from assay.wire import Nano
from ledger import log, queries
from ledger.actions.faucet import play_money_nano
from ledger.actions.moment import ms, only_one_at_a_time
from ledger.errors import FaucetEmpty
from ledger.rules import books, fold
from ledger.rules.accounts import FEE, ISSUANCE, OPERATOR, POOL, Account, AccountKind
from ledger.rules.entry import Entry
from web import auth, budgets

MINT_KIND = "mint"
EXPIRED_AT_ONCE = 200  # lines of one message, which has at most 65,535 bytes


@transaction.atomic
def found(*, now: datetime) -> None:
    """Begin the log: the house's keys and accounts. Harmless when it has begun."""
    only_one_at_a_time("found")
    if queries.has_account(ISSUANCE):
        return
    at_ms = ms(now)
    bodies: list[object] = [
        messages.KeyAdded(public_hex(log.signing_key(role)), OPERATOR, role, at_ms)
        for role in ("operator", "evaluator")
    ]
    bodies += [
        messages.AccountOpened(name, kind.value, at_ms)
        for name, kind in (
            (ISSUANCE, AccountKind.ISSUANCE),
            (FEE, AccountKind.FEE),
            (POOL, AccountKind.POOL),
        )
    ]
    facts = [log.fact(body, idempotency=f"found/{n}") for n, body in enumerate(bodies)]
    log.record(facts)


@transaction.atomic
def open_account(order: Entry, *, now: datetime) -> str:
    """Open the account that a signed `account.open` asks for; the same order, the same account.

    returns  the account's name
    raises   AccountTaken, AccountInvalid, AccountsSpent
    """
    only_one_at_a_time("accounts")
    name = str(order.body.account)
    if log.find(order.id):
        return name
    fold.check_new_handle(name)
    budgets.spend("accounts")
    at_ms = ms(now)
    opened = messages.AccountOpened(name, AccountKind.USER.value, at_ms)
    facts = [log.fact(opened, answers=order)]
    if not order.speaker:
        added = messages.KeyAdded(order.signer, name, "person", at_ms)
        facts.append(log.fact(added, answers=order))
    log.record([order, *facts])
    return name


def open_account_for(account: str, *, now: datetime) -> str:
    """Open an account for a web user, in the operator's words.

    returns  the id of the order
    raises   AccountTaken, AccountInvalid
    """
    fold.check_new_handle(account)
    body = messages.AccountOpen(account)
    order = log.order_for(account, body, idempotency="account.open")
    open_account(order, now=now)
    return order.id


def close_account(order: Entry, *, now: datetime) -> str:
    """Close the account of an `account.close` order, for good; the same order, the same answer.

    Nothing may be left in it, held for it, or still be paid to it: the rooms above look too. Asked
    once without locks, so that what is refused waits for nobody; then again under them.
    returns  the account
    raises   AccountHasPending, AccountNotEmpty, AccountHasClaims, MessageRefused
    """
    name = str(order.body.account)
    if log.find(order.id):
        return name
    entries = [order, log.fact(messages.AccountClosed(name, ms(now)), answers=order)]
    log.rehearse(entries, rooms=log.every_room())
    with transaction.atomic():
        log.record(entries, rooms=log.every_room())
        auth.close(name)
    return name


def close_account_for(account: str, *, now: datetime) -> str:
    """Close a web user's account, in the operator's words.

    returns  the id of the order;  raises as close_account
    """
    body = messages.AccountClose(account)
    order = log.order_for(account, body, idempotency="account.close")
    close_account(order, now=now)
    return order.id


@transaction.atomic
def mint(*, account: str, amount_nano: int, idempotency: str, now: datetime) -> str:
    """Give play money from the faucet; an account gets at most settings.FAUCET_NANO in all.

    returns  the id of `books.minted`; the same words again give the same one
    raises   AccountUnknown, FaucetEmpty
    """
    log.Tables().lock(Account, [ISSUANCE, account])
    queries.account(account)
    body = messages.BooksMinted(
        account,
        (
            messages.Line(
                id=books.transfer_id(f"{account}/{idempotency}", MINT_KIND),
                kind="single",
                debit=ISSUANCE,
                credit=account,
                amount_nano=Nano(amount_nano),
                code="mint",
            ),
        ),
        ms(now),
    )
    fact = log.fact(body, idempotency=f"{account}/{idempotency}")
    if made := queries.message_of_transfer(body.transfers[0].id):
        return made
    if amount_nano > play_money_nano(account):
        raise FaucetEmpty(
            f"{account} had its play money already.",
            account=account,
            most_nano=str(settings.FAUCET_NANO),
        )
    log.record([fact])
    return fact.id


@transaction.atomic
def expire_due(*, now: datetime) -> int:
    """Give back held amounts whose time is over, as many as one message has room for.

    returns  how many; call it again until it answers 0
    """
    only_one_at_a_time("expire")
    at_ms = ms(now)
    lines = [books.expiry(held) for held in queries.holds_over(at_ms, limit=EXPIRED_AT_ONCE)]
    if lines:
        body = messages.BooksExpired(tuple(lines), at_ms)
        log.record([log.fact(body, idempotency=lines[0].id)])
    return len(lines)
