"""Money that comes in from outside and goes out again, by whatever bridge the site has."""

from datetime import datetime

from django.db import transaction

from assay import messages
from assay.bounds import fitting
from assay.wire import Nano
from ledger import log, queries
from ledger.actions.faucet import bridge
from ledger.actions.moment import ms
from ledger.errors import WithdrawalRefused
from ledger.rules import books
from ledger.rules.accounts import ISSUANCE, Account
from ledger.rules.bridge import Deposit, Payment
from ledger.rules.entry import Entry
from ledger.rules.fold import WITHDRAW


def withdraw(order: Entry, *, now: datetime) -> str:
    """Hold what an account wants out; the hands pay it outside. The same order, the same answer.

    returns  the order's id
    raises   WithdrawalRefused, Overdrawn
    """
    way = bridge()
    if why := way.check(order.body.to, order.body.amount_nano):
        raise WithdrawalRefused(f"It cannot go out: {why}.", bridge=way.name, to=order.body.to)
    return _hold(order, way.name, now)


@transaction.atomic
def _hold(order: Entry, name: str, now: datetime) -> str:
    log.Tables().lock(Account, [ISSUANCE, order.actor])
    if log.find(order.id):
        return order.id
    line = messages.Line(
        id=books.transfer_id(order.id, WITHDRAW),
        kind="pending",
        debit=order.actor,
        credit=ISSUANCE,
        amount_nano=Nano(order.body.amount_nano),
        code="burn",
    )
    body = messages.MoneyHeld(order.actor, order.body.to, name, (line,), ms(now))
    log.record([order, log.fact(body, answers=order)])
    return order.id


@transaction.atomic
def mint_deposit(deposit: Deposit, *, now: datetime) -> str:
    """Bring a deposit into the books, once.

    returns  the id of `books.minted`; empty while there is no such open account: it waits outside
    """
    log.Tables().lock(Account, [ISSUANCE, deposit.account])
    transfer = books.transfer_id(f"{bridge().name}/{deposit.id}", "deposit")
    if made := queries.message_of_transfer(transfer):
        return made
    if not queries.is_open(deposit.account):
        return ""
    line = messages.Line(
        id=transfer,
        kind="single",
        debit=ISSUANCE,
        credit=deposit.account,
        amount_nano=Nano(deposit.amount_nano),
        code="mint",
        reference=deposit.id,
    )
    body = messages.BooksMinted(deposit.account, (line,), ms(now))
    fact = log.fact(body, idempotency=f"{bridge().name}/{deposit.id}")
    log.record([fact])
    return fact.id


@transaction.atomic
def settle_withdrawal(withdrawal: str, payment: Payment, *, now: datetime) -> bool:
    """Write down that money left, or that it stays; nothing while it is on its way.

    withdrawal  the id of the order
    returns     True when it is settled now or was before
    """
    order = log.find(withdrawal)
    assert order is not None, "only orders of the log are paid"
    held = queries.transfer(books.transfer_id(withdrawal, WITHDRAW))
    log.Tables().lock(Account, [ISSUANCE, held.debit])
    if queries.is_resolved(held.pk):
        return True
    if not payment.receipt and not payment.refused:
        return False
    line = messages.Line(
        id=books.transfer_id(withdrawal, f"{WITHDRAW} settled"),
        kind="post" if payment.receipt else "void",
        debit=held.debit,
        credit=held.credit,
        amount_nano=Nano(held.amount_nano),
        code=held.code,
        pending_id=held.pk,
    )
    body: object = messages.MoneyReturned(fitting(payment.refused), (line,), ms(now))
    if payment.receipt:
        body = messages.MoneyLeft(fitting(payment.receipt), (line,), ms(now))
    log.record([log.fact(body, answers=order)])
    return True
