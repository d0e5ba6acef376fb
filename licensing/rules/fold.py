"""The fold of the rights: what a fact of this room must satisfy, and which rows it changes."""

import re

from assay import messages
from assay.wire import changed
from ledger.errors import AccountHasClaims
from ledger.rules import books
from ledger.rules.accounts import Account, AccountKind
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.fold import Fold
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of
from licensing import errors
from licensing.rules import catalogue, grant, sale
from licensing.rules.lineage import check_links
from licensing.rules.parents import check_parent
from licensing.rules.provenance import recorded
from licensing.rules.reading import read_own
from licensing.rules.rows import (
    Edge,
    Grant,
    GrantState,
    PoolShare,
    TermsVersion,
    Work,
    WorkKind,
    WorkState,
    pair_key,
    pool_of,
    terms_key,
)

FIRST_VERSION = 1
MOST_PAYEES = 64
MOST_TITLE = 200
_WORK = re.compile(r"[0-9a-f]{64}")


def licensing(entry: Entry, rows: Rows) -> None:
    """The kinds of this room; every other kind passes.

    raises MessageRefused, TermsRefused, LineageRefused, LicensingRefused, GrantRefused
    """
    if rule := _RULES.get(entry.kind):
        rule(entry, rows)


def check_shares(work: str, shares: tuple[messages.Share, ...], rows: Rows) -> None:
    """raises SharesInvalid"""
    names = [share.payee for share in shares]
    if not 1 <= len(set(names)) == len(names) <= MOST_PAYEES:
        raise errors.SharesInvalid("Name 1 to 64 payees, each once.", work=work, payee="")
    for share in shares:
        account = rows.get(Account, share.payee)
        kind = account.kind if account is not None and not account.is_closed else ""
        if kind != AccountKind.USER or not 1 <= share.weight <= 10**9:
            message = f"{share.payee} cannot be paid with weight {share.weight}."
            raise errors.SharesInvalid(message, work=work, payee=share.payee)


def _work_registered(entry: Entry, rows: Rows) -> None:
    body: messages.WorkRegistered = entry.body
    _check_author(entry, rows)
    if not _WORK.fullmatch(body.work) or body.kind not in [*WorkKind]:
        raise refused(entry, "the work has no proper id or kind")
    title = body.title
    if not title.isprintable() or not title.strip() or len(title) > MOST_TITLE:
        raise refused(entry, "the work has no proper title")
    if taken := rows.get(Work, body.work):
        message = f"{taken.title} is registered already."
        raise errors.WorkTaken(message, work=taken.id, owner=taken.owner)
    read_own(body.tags)
    check_shares(body.work, body.shares, rows)
    rows.put(
        Work(
            id=body.work,
            kind=body.kind,
            owner=body.owner,
            title=body.title,
            registered_ms=body.at_ms,
            terms_version=FIRST_VERSION,
            state=WorkState.LIVE.value,
            is_offered=False,
            message=entry.id,
        )
    )
    key = terms_key(body.work, FIRST_VERSION)
    rows.put(TermsVersion(key, body.work, FIRST_VERSION, body.tags, entry.id))
    for share in body.shares:
        key = pair_key(body.work, share.payee)
        rows.put(PoolShare(key, body.work, share.payee, share.weight, 0))
    books.open_account(rows, pool_of(body.work), AccountKind.POOL.value)


def _check_author(entry: Entry, rows: Rows) -> None:
    """A work is registered by its owner's own order, or is what the owner entered somewhere."""
    body: messages.WorkRegistered = entry.body
    order = entry.order
    if order is None or actor_of(order, rows) != body.owner:
        raise refused(entry, "it answers no order of the owner")
    if order.kind == "submission.commit":
        if body.kind != WorkKind.ADAPTER or body.tags != order.body.tags:
            raise refused(entry, "the entry was made under other terms")
        return
    if order.kind != "work.register" or body.kind == WorkKind.ADAPTER:
        raise refused(entry, "an adapter becomes a work by being entered in a competition")
    asked: messages.WorkRegister = order.body
    told = (body.work, body.kind, body.title, body.tags, body.shares)
    if told != (asked.work, asked.kind, asked.title, asked.tags, asked.shares):
        raise refused(entry, "it says something else than its order")


def _check_same_order(entry: Entry, work: Work, rows: Rows) -> None:
    """What makes a work complete answers the kind of order that registered it, of its owner."""
    order = entry.order
    if order is None or actor_of(order, rows) != work.owner:
        raise refused(entry, "it answers no order of the owner")
    is_adapter, wanted = work.kind == WorkKind.ADAPTER, "submission.commit"
    is_same = order.kind == "work.register" and order.body.work == work.id
    if not (order.kind == wanted if is_adapter else is_same):
        raise refused(entry, "it answers another order than the one that registered the work")


def _work_linked(entry: Entry, rows: Rows) -> None:
    body: messages.WorkLinked = entry.body
    child, parent = _linked(body.child, rows), _linked(body.parent, rows)
    _check_same_order(entry, child, rows)
    rate_e8 = rate_of_link(child, parent, rows, at_ms=body.at_ms)
    if (body.kind, body.rate_e8) != (parent.kind, rate_e8):
        raise refused(entry, f"the parent asks for {rate_e8} parts")
    links = dict(catalogue.links_above(child.id, rows))
    links |= catalogue.links_above(parent.id, rows)
    for below in catalogue.works_below(child.id, rows):
        links |= catalogue.links_above(below, rows)
    check_links(child.id, {parent.id: rate_e8}, links)
    key = pair_key(child.id, parent.id)
    version = parent.terms_version
    rows.put(Edge(key, child.id, parent.id, parent.kind, rate_e8, version, entry.id))


def rate_of_link(child: Work, parent: Work, rows: Rows, *, at_ms: int) -> int:
    """The rate that a link to the parent takes now, when terms and grants allow the link.

    raises LineageRefused
    """
    terms = catalogue.reading_of(child, rows).terms
    assert terms is not None
    holder = catalogue.holder(parent.id, child.owner, rows=rows, at_ms=at_ms)
    return check_parent(terms, parent, catalogue.subject(parent, rows), holder, at_ms)


def _linked(work: str, rows: Rows) -> Work:
    found = rows.get(Work, work)
    if found is None:
        raise errors.ParentUnknown(f"No work {work[:16]} is registered.", parent=work)
    return found


def _offer_published(entry: Entry, rows: Rows) -> None:
    work = catalogue.work_of(entry.body.work, rows)
    _check_same_order(entry, work, rows)
    rows.put(changed(work, is_offered=True))


def _licence_granted(entry: Entry, rows: Rows) -> None:
    body: messages.LicenceGranted = entry.body
    order = need_order(entry, "licence.buy")
    holder = actor_of(order, rows)
    made = sale.deal(order, holder, rows, at_ms=body.at_ms)
    if rows.get(Grant, order.id):
        raise refused(entry, "the order was answered already")
    wanted = {
        "grant": order.id,
        "work": made.work.id,
        "uses": made.offer.uses,
        "terms_version": made.work.terms_version,
        "holder": holder,
        "price_nano": made.offer.price_nano,
        "from_ms": made.offer.from_ms,
        "until_ms": made.offer.until_ms,
        "access_until_ms": made.offer.access_until_ms,
        "transfers": made.lines,
    }
    if odd := [name for name, value in wanted.items() if getattr(body, name) != value]:
        raise refused(entry, f"{odd[0]} is not what the terms give")
    claims = grant.verify(body.jws, entry.signer, now_ms=body.from_ms)
    if claims != sale.claims_of(made, order, holder, issuer=claims.issuer, at_ms=body.at_ms):
        raise refused(entry, "the grant claims something else")
    rows.put(
        Grant(
            id=order.id,
            work=body.work,
            terms_version=body.terms_version,
            uses=body.uses,
            holder=holder,
            price_nano=body.price_nano,
            from_ms=body.from_ms,
            until_ms=body.until_ms,
            access_until_ms=body.access_until_ms,
            state=GrantState.ACTIVE.value,
            jws=body.jws,
            message=entry.id,
        )
    )


def _royalty_drawn(entry: Entry, rows: Rows) -> None:
    body: messages.RoyaltyDrawn = entry.body
    order = need_order(entry, "royalty.draw")
    payee = actor_of(order, rows)
    share, line = sale.draw(order, payee, rows)
    if (body.work, body.payee, body.transfers) != (share.work, payee, (line,)):
        raise refused(entry, "it pays something else than what is due")
    rows.put(changed(share, drawn_nano=share.drawn_nano + (line.amount_nano or 0)))


def _account_closed(entry: Entry, rows: Rows) -> None:
    """Whoever royalties go to stays: a sale pays all payees, or nobody. raises AccountHasClaims"""
    name = entry.body.account
    if paid := rows.find(PoolShare, payee=name):
        claim = "the royalties of a work go to it"
        raise AccountHasClaims(name, claim, paid[0].work)


_RULES: dict[str, Fold] = {
    "account.closed": _account_closed,
    "work.registered": _work_registered,
    "work.linked": _work_linked,
    "offer.published": _offer_published,
    "licence.granted": _licence_granted,
    "royalty.drawn": _royalty_drawn,
    "provenance.recorded": recorded,
}
