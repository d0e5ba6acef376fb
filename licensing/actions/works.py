"""Works: registered with all their parents, put under other terms, withdrawn."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from assay import messages
from evaluator.bases import base_id, bases
from ledger import log
from ledger.actions import ms
from ledger.queries import named_blob
from ledger.rules.accounts import FEE, Account
from ledger.rules.checks import refused
from ledger.rules.entry import Entry
from licensing import queries
from licensing.actions.indexes import index_rights, index_work
from licensing.rules.rows import WorkKind, content_in, pool_of
from licensing.rules.terms import Tag


@dataclass(frozen=True)
class Registration:
    """A work to register, and what it was made from.

    work     its id;  content: SHA-256 of its canonical bytes;  shares: the payees of its pool
    licence  of a base, its own;  parents: the works that it was made from, each registered
    """

    work: str
    kind: str
    content: str
    owner: str
    title: str
    tags: tuple[Tag, ...]
    shares: tuple[messages.Share, ...]
    licence: str = ""
    parents: tuple[str, ...] = ()


@transaction.atomic
def register_work(order: Entry, *, now: datetime) -> str:
    """Register the work of a `work.register` order with all its parents.

    Whoever signs the order has sent the work's bytes; a base is registered in the operator's words
    only, since everybody can make the bytes that its id is the hash of.
    returns  the work's id; the same order again gives the same answer
    raises   WorkTaken, TermsRefused, SharesInvalid, LineageRefused, MessageRefused, BlobUnknown;
             what the contests' fold objects to, such as the adapter of an entry
    """
    asked: messages.WorkRegister = order.body
    if not order.speaker:
        _check_claim(order)
    log.Tables().lock(Account, [FEE])
    if log.find(order.id):
        return asked.work
    told = (asked.title, asked.tags, asked.shares, asked.licence, asked.parents)
    content = content_in(asked.work)
    registration = Registration(asked.work, asked.kind, content, order.actor, *told)
    fact = registration_fact(registration, answers=order, now=now)
    log.record([order, fact], rooms=log.every_room())
    index_work(asked.work)
    return asked.work


def _check_claim(order: Entry) -> None:
    """raises BlobUnknown, MessageRefused"""
    asked: messages.WorkRegister = order.body
    content = content_in(asked.work)
    if asked.kind == WorkKind.BASE or content in {base_id(base) for base in bases()}:
        raise refused(order, "a base is registered by the operator")
    named_blob(content, account=order.actor, is_claimed=True)


def registration_fact(registration: Registration, *, answers: Entry, now: datetime) -> Entry:
    """The one fact that makes something a work with all its parents; not recorded.

    For an action that registers a work among other things, such as a winning entry: it records it
    with the folds of every room. answers: an order of the owner.
    raises LineageRefused
    """
    one = registration
    rates = queries.check_parents(one.tags, one.parents, owner=one.owner, now=now)
    body = messages.WorkRegistered(
        work=one.work,
        kind=one.kind,
        content=one.content,
        owner=one.owner,
        title=one.title,
        tags=one.tags,
        shares=one.shares,
        licence=one.licence,
        parents=tuple(messages.Parent(name, rate_e8) for name, rate_e8 in rates.items()),
        at_ms=ms(now),
    )
    return log.fact(body, answers=answers, idempotency=f"{one.work}/registered")


@transaction.atomic
def change_terms(order: Entry, *, now: datetime) -> int:
    """Put a work under the terms of a `terms.change` order, for later sales and later children.

    returns  the number of the terms; the same order again gives the same number
    raises   WorkUnknown, NotOwner, NotForSale, TermsStale, TermsRefused, LineageRefused; what the
             contests' fold objects to
    """
    asked: messages.TermsChange = order.body
    log.Tables().lock(Account, [pool_of(asked.work)])
    if not log.find(order.id):
        body = messages.TermsChanged(asked.work, asked.number, asked.tags, ms(now))
        log.record([order, log.fact(body, answers=order)], rooms=log.every_room())
        index_rights(queries.work(asked.work))
    return asked.number


@transaction.atomic
def withdraw_work(order: Entry, *, now: datetime) -> str:
    """Take the work of a `work.withdraw` order off the market. Twice is once.

    raises WorkUnknown, NotOwner, NotForSale; what the contests' fold objects to
    """
    asked: messages.WorkWithdraw = order.body
    log.Tables().lock(Account, [pool_of(asked.work)])
    if not log.find(order.id):
        body = messages.WorkWithdrawn(asked.work, ms(now))
        log.record([order, log.fact(body, answers=order)], rooms=log.every_room())
    return asked.work
