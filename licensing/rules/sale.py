"""One sale of a licence, and one draw from a pool: the terms, the money, and nothing besides.

The actions ask here what to write, and the fold asks again whether it was right.
"""

import re
from dataclasses import dataclass

from assay.messages import LicenceBuy, Line
from assay.wire import Nano
from ledger.rules import books
from ledger.rules.accounts import FEE, Transfer
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from licensing import errors
from licensing.rules import catalogue, disputes, overdue, pools
from licensing.rules.grant import Claims
from licensing.rules.offer import Offer, check, holder_of, offer
from licensing.rules.rows import Grant, PoolShare, Work, pair_key, pool_of
from licensing.rules.royalty import Sale, share_sale

# The house's published fee on every sale of a licence, parts per 10^8.
SALE_FEE_E8 = 2_000_000
_KEY = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Deal:
    """A sale that the terms allow.

    lines  the payment of the fee and of every pool, and what pools then pay back to the house
    """

    work: Work
    licence_id: str
    offer: Offer
    shares: Sale
    lines: tuple[Line, ...]


def deal(order: Entry, holder: str, rows: Rows, *, at_ms: int) -> Deal:
    """What a `licence.buy` order buys at this moment, when its price and terms still hold.

    raises WorkUnknown, NotForSale, UsesInvalid, UseDenied, MixedSchedules,
           QuoteStale, HolderKeyInvalid, ReportOverdue, AlreadyHeld
    """
    asked: LicenceBuy = order.body
    _check_key(asked)
    work = catalogue.work_of(asked.work, rows)
    subject = catalogue.subject(work, rows)
    grants = rows.find(Grant, work=work.id, holder=holder)
    found = offer(subject, asked.uses, now_ms=at_ms, holder=holder_of(grants, at_ms=at_ms))
    check(found, subject)
    overdue.check(found, grants, rows, at_ms=at_ms)
    if (asked.terms_version, asked.price_nano) != (work.terms_version, found.price_nano):
        message = f"The price of {work.title}, or its terms, changed."
        raise errors.QuoteStale(
            message,
            work=work.id,
            price_nano=str(found.price_nano),
            terms_version=work.terms_version,
        )
    assert subject.reading.terms is not None
    owed = catalogue.dues(work.id, rows)
    shares = share_sale(work.id, found.price_nano, owed, fee_e8=SALE_FEE_E8, payment_id=order.id)
    lines = payment(order.id, holder, work.id, shares)
    lines += pools.repayments(order.id, pools.credits_of(lines), rows)
    return Deal(work, subject.reading.terms.licence_id, found, shares, lines)


def check_second(made: Deal, order: Entry, holder: str, rows: Rows, *, at_ms: int) -> None:
    """Nobody pays by mistake for what they hold: the order names the licence that it comes beside.

    Asked of new orders only, never by the fold: older logs have second licences without a word.
    raises AlreadyHeld
    """
    asked: LicenceBuy = order.body
    held = catalogue.held(made.work.id, made.offer.uses, holder, rows=rows, at_ms=at_ms)
    if not made.offer.price_nano or not held or asked.beside in {one.id for one in held}:
        return
    newest = held[0]
    uses = [use for use in made.offer.uses if use in newest.uses]
    raise errors.AlreadyHeld(
        f"{holder} holds a licence of {made.work.title} for {', '.join(uses)} already.",
        work=made.work.id,
        uses=uses,
        grant=newest.id,
        until_ms=newest.until_ms,
    )


def claims_of(made: Deal, order: Entry, holder: str, *, issuer: str, at_ms: int) -> Claims:
    """What the grant of a deal says. Its message is the order: the fact holds the grant itself.

    A grant counts in whole seconds, so one of a right's last second holds for one.
    """
    from_s, until_s = made.offer.from_ms // 1000, made.offer.until_ms // 1000
    if made.offer.until_ms:
        until_s = max(until_s, from_s + 1)
    return Claims(
        issuer=issuer,
        holder=holder,
        grant=order.id,
        issued_ms=at_ms // 1000 * 1000,
        from_ms=from_s * 1000,
        until_ms=until_s * 1000,
        access_until_ms=made.offer.access_until_ms // 1000 * 1000,
        udl=made.licence_id,
        work=made.work.id,
        terms_version=made.work.terms_version,
        uses=made.offer.uses,
        conditions=made.offer.conditions,
        price_nano=made.offer.price_nano,
        share_e8=made.offer.share_e8,
        message=order.id,
        holder_key=order.body.holder_key or "",
    )


def draw(order: Entry, payee: str, name: str, rows: Rows) -> tuple[PoolShare, Line]:
    """What a `royalty.draw` order draws of a work now: the share as it was, and the payment.

    raises WorkUnknown, NotAPayee, PoolFrozen, NothingToDraw
    """
    work = catalogue.work_of(name, rows)
    share = rows.get(PoolShare, pair_key(work.id, payee))
    facts = {"work": work.id, "account": payee}
    if share is None:
        raise errors.NotAPayee(f"{payee} has no part in {work.title}.", **facts)
    disputes.check_drawable(work, rows)
    amount_nano, line_id = pools.due_from_pool(work.id, rows)[payee], draw_id(order, work.id)
    if amount_nano == 0 or rows.get(Transfer, line_id):
        raise errors.NothingToDraw(f"Nothing of {work.title} is due to {payee}.", **facts)
    amount = Nano(amount_nano)
    return share, Line(line_id, "single", pool_of(work.id), payee, amount, "royalty")


def draw_id(order: Entry, work: str) -> str:
    """The id of the transfer that a `royalty.draw` order makes from a work's pool: one, once."""
    return books.transfer_id(order.id, f"royalty/{work}")


def _check_key(asked: LicenceBuy) -> None:
    """raises HolderKeyInvalid"""
    if asked.holder_key is not None and not _KEY.fullmatch(asked.holder_key):
        raise errors.HolderKeyInvalid("The holder's key is no Ed25519 key.", key=asked.holder_key)


def payment(cause: str, holder: str, work: str, shares: Sale) -> tuple[Line, ...]:
    """What a buyer pays: the fee, and every pool. cause: the order that pays"""
    amounts = {(FEE, "fee"): shares.fee_nano}
    for name, share_nano in sorted(shares.shares_nano.items()):
        amounts[pool_of(name), "licence" if name == work else "royalty"] = share_nano
    return tuple(
        Line(
            id=books.transfer_id(cause, f"licence/{account}"),
            kind="single",
            debit=holder,
            credit=account,
            amount_nano=Nano(amount_nano),
            code=code,
        )
        for (account, code), amount_nano in amounts.items()
        if amount_nano
    )
