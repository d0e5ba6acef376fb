"""Money for rights: a licence is bought, a payee draws."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from assay import messages
from assay.wire import Nano
from ledger import log
from ledger.actions import ms
from ledger.queries import answers_to, paid_by_message
from ledger.rules.accounts import FEE, Account
from ledger.rules.entry import Entry
from licensing import queries
from licensing.actions.indexes import index_dues
from licensing.errors import NothingToDraw
from licensing.models import Grant
from licensing.rules import grant, pools, revocation, sale
from licensing.rules.fold import licensing
from licensing.rules.rows import GrantState, pool_of
from web import auth

AT_ONCE = 100  # pools that one order draws from


@transaction.atomic
def buy_licence(order: Entry, *, now: datetime) -> Grant:
    """Sell what a `licence.buy` order asks for: fee and pools are paid, a grant is made.

    returns  the grant; the same order again gives the same grant
    raises   WorkUnknown, NotForSale, UsesInvalid, UseDenied, MixedSchedules, QuoteStale,
             AlreadyHeld, ReportOverdue, Overdrawn
    """
    asked: messages.LicenceBuy = order.body
    holder, at_ms, rows = order.actor, ms(now), log.Tables()
    rows.lock(Account, [holder, FEE, *queries.pools_paid(asked.work)])
    if log.find(order.id):
        return queries.grant(order.id)
    made = sale.deal(order, holder, rows, at_ms=at_ms)
    sale.check_second(made, order, holder, rows, at_ms=at_ms)
    claims = sale.claims_of(made, order, holder, issuer=settings.LOG_ORIGIN, at_ms=at_ms)
    fact = messages.LicenceGranted(
        grant=order.id,
        work=made.work.id,
        uses=made.offer.uses,
        terms_version=made.work.terms_version,
        holder=holder,
        price_nano=Nano(made.offer.price_nano),
        share_e8=made.offer.share_e8,
        from_ms=made.offer.from_ms,
        until_ms=made.offer.until_ms,
        access_until_ms=made.offer.access_until_ms,
        jws=grant.sign(claims, log.signing_key("operator")),
        transfers=made.lines,
        at_ms=at_ms,
    )
    log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
    index_dues([line.credit.removeprefix("pool:") for line in made.lines if line.credit != FEE])
    return queries.grant(order.id)


@transaction.atomic
def buy_by_token(order: Entry, *, token: str, now: datetime) -> Grant:
    """The same within the budget of a token, which pays for each order once.

    raises what buy_licence raises, TokenBudgetSpent
    """
    asked: messages.LicenceBuy = order.body
    if not log.is_recorded(order.id):
        auth.take_budget(token, asked.price_nano)
    return buy_licence(order, now=now)


@transaction.atomic
def draw_royalty(order: Entry, *, now: datetime) -> int:
    """Pay the actor of a `royalty.draw` order what is due from a work's pool, or from all.

    Of all, at most AT_ONCE with one order, the largest first: another order draws on.
    returns  the amount in nano-tokens; the same order again gives the same amount
    raises   WorkUnknown, NotAPayee, NothingToDraw
    """
    rows, asked = log.Tables(), order.body.work
    works = [asked] if asked else queries.works_due(order.actor, limit=AT_ONCE)
    rows.lock(Account, [order.actor, *map(pool_of, works)])
    if log.find(order.id):
        facts = [one.item for one in answers_to(order.id)]
        return sum(paid_by_message(order.actor, facts).values())
    made, amount_nano = [], 0
    for work in works:
        if asked or pools.due_from_pool(work, rows)[order.actor]:
            share, line = sale.draw(order, order.actor, work, rows)
            body = messages.RoyaltyDrawn(share.work, share.payee, (line,), ms(now))
            made.append(log.fact(body, answers=order, idempotency=work))
            amount_nano += line.amount_nano or 0
    if not made:
        raise NothingToDraw("Nothing is due to you.", work="", account=order.actor)
    log.record([order, *made], rooms=(licensing,))
    index_dues(works)
    return amount_nano


@transaction.atomic
def refund_licence(order: Entry, *, now: datetime) -> Grant:
    """Take back the licence of a `licence.refund` order, and pay its price back to the last nano.

    returns  the grant, refunded; the same order again gives the same answer
    raises   GrantUnknown, NotHolder, GrantOver, RefundOver, GrantUsed, Overdrawn when the house
             cannot lend what a pool lacks
    """
    asked: messages.LicenceRefund = order.body
    grant = queries.grant(asked.grant)
    rows, pools = log.Tables(), queries.pools_paid(grant.work)
    rows.lock(Account, [grant.holder, FEE, *pools])
    if log.find(order.id):
        return queries.grant(asked.grant)
    made = revocation.refund(asked.grant, order.actor, rows, at_ms=ms(now))
    fact = revocation.fact_of(made, reason=revocation.REFUND, at_ms=ms(now))
    log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
    index_dues([one.removeprefix("pool:") for one in pools])
    return queries.grant(asked.grant)


@transaction.atomic
def revoke_licence(name: str, *, now: datetime) -> Grant:
    """The operator's judgement that a licence was broken: it gives nothing from now on.

    Nothing is paid back. Twice is once.
    raises GrantUnknown, GrantOver when it was refunded
    """
    rows = log.Tables()
    found = queries.grant(name)
    if found.state == GrantState.REVOKED:
        return found
    made = revocation.Refund(revocation.standing(name, rows), 0, ())
    fact = revocation.fact_of(made, reason=revocation.BREACH, at_ms=ms(now))
    log.record([log.fact(fact, idempotency=f"breach/{name}")], rooms=(licensing,))
    return queries.grant(name)
