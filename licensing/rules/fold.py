"""The fold of the rights: what a fact of this room must satisfy, and which rows it changes."""

import re
from collections.abc import Mapping, Sequence

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
from licensing.rules import catalogue, grant, metering, pools, reporting, sale
from licensing.rules.changes import terms_changed, work_withdrawn
from licensing.rules.disputes import dispute_judged, dispute_raised
from licensing.rules.lineage import check_count, check_links, due
from licensing.rules.parents import Bond, check_parent
from licensing.rules.provenance import recorded
from licensing.rules.reading import read_own
from licensing.rules.revocation import licence_revoked
from licensing.rules.rows import (
    DueAbove,
    Edge,
    Grant,
    GrantState,
    PoolShare,
    Report,
    TermsVersion,
    Work,
    WorkKind,
    WorkState,
    entry_work,
    pair_key,
    pool_of,
    terms_key,
    work_id,
)
from licensing.rules.terms import Terms

FIRST_VERSION = 1
MOST_PAYEES = 64
MOST_TITLE = 200
_CONTENT = re.compile(r"[0-9a-f]{64}")
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+() -]{0,99}")  # an expression of SPDX ids
_AS_ORDERED = ("work", "kind", "title", "tags", "shares", "licence")


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
    """The work with all its parents, in one piece."""
    body: messages.WorkRegistered = entry.body
    _check_author(entry, rows)
    _check_form(entry)
    if taken := rows.get(Work, body.work):
        message = f"{taken.title} is registered already."
        raise errors.WorkTaken(message, work=taken.id, owner=taken.owner)
    child = read_own(body.tags)
    check_shares(body.work, body.shares, rows)
    named = tuple(one.work for one in body.parents)
    bonds = bonds_of(child, named, body.owner, rows, at_ms=body.at_ms)
    rates = {one.work: one.rate_e8 for one in body.parents}
    if len(named) != len(rates):
        raise refused(entry, "a parent is named twice")
    if rates != {parent: one.rate_e8 for parent, one in bonds.items()}:
        raise refused(entry, "its parents ask for other rates")
    owed = sorted(check_lineage(body.work, rates, rows).items())
    rows.put(DueAbove(body.work, tuple(one for one, _ in owed), tuple(e8 for _, e8 in owed)))
    rows.put(_work_of(entry, inherited_from(bonds, rows)))
    key = terms_key(body.work, FIRST_VERSION)
    rows.put(TermsVersion(key, body.work, FIRST_VERSION, body.tags, entry.id))
    for parent, rate_e8 in rates.items():
        above = catalogue.work_of(parent, rows)
        version, key = above.terms_version, pair_key(body.work, parent)
        rows.put(Edge(key, body.work, parent, above.kind, rate_e8, version, entry.id))
    for share in body.shares:
        key = pair_key(body.work, share.payee)
        rows.put(PoolShare(key, body.work, share.payee, share.weight, 0))
    books.open_account(rows, pool_of(body.work), AccountKind.POOL.value)


def _work_of(entry: Entry, inherited: tuple[tuple[str, str], ...]) -> Work:
    body: messages.WorkRegistered = entry.body
    return Work(
        id=body.work,
        kind=body.kind,
        content=body.content,
        owner=body.owner,
        title=body.title,
        registered_ms=body.at_ms,
        terms_version=FIRST_VERSION,
        state=WorkState.LIVE.value,
        licence=body.licence,
        inherited=inherited,
        message=entry.id,
    )


def _check_form(entry: Entry) -> None:
    body: messages.WorkRegistered = entry.body
    if not _CONTENT.fullmatch(body.content) or body.kind not in [*WorkKind]:
        raise refused(entry, "the work has no proper content or kind")
    title = body.title
    if not title.isprintable() or not title.strip() or len(title) > MOST_TITLE:
        raise refused(entry, "the work has no proper title")
    is_base = body.kind == WorkKind.BASE
    if is_base != bool(_SPDX.fullmatch(body.licence)) or (body.licence and not is_base):
        raise refused(entry, "a base names its own licence by its SPDX id, and no other work does")
    if bool(body.parents) != (body.kind == WorkKind.ADAPTER):
        raise refused(entry, "an adapter names its parents, and no other work does")


def _check_author(entry: Entry, rows: Rows) -> None:
    """A work is registered by its owner's own order, or is what the owner entered somewhere."""
    body: messages.WorkRegistered = entry.body
    order = entry.order
    if order is None or actor_of(order, rows) != body.owner:
        raise refused(entry, "it answers no order of the owner")
    if order.kind == "submission.commit":
        wanted = (entry_work(order.id), WorkKind.ADAPTER, order.body.tags)
        if (body.work, body.kind, body.tags) != wanted:
            raise refused(entry, "it is not what was entered")
        return
    if order.kind != "work.register":
        raise refused(entry, "it answers another kind of order")
    asked: messages.WorkRegister = order.body
    if body.work != work_id(body.kind, body.content):
        raise refused(entry, "its id is not that of its kind and content")
    if body.kind == WorkKind.BASE and not order.speaker:
        raise refused(entry, "a base is registered by the operator")
    told = [getattr(body, name) for name in _AS_ORDERED]
    named = tuple(one.work for one in body.parents)
    if told != [getattr(asked, name) for name in _AS_ORDERED] or set(named) != set(asked.parents):
        raise refused(entry, "it says something else than its order")


def bonds_of(
    child: Terms, parents: Sequence[str], owner: str, rows: Rows, *, at_ms: int
) -> dict[str, Bond]:
    """parent -> what it asks of a new work under these terms, when it may be made from them now.

    raises LineageRefused
    """
    check_count("", len(parents))
    found = {}
    for name in sorted(parents):
        parent = rows.get(Work, name)
        if parent is None:
            raise errors.ParentUnknown(f"No work {name[:24]} is registered.", parent=name)
        holder = catalogue.holder(name, owner, rows=rows, at_ms=at_ms)
        subject = catalogue.subject(parent, rows)
        found[name] = check_parent(child, parent, subject, holder, at_ms)
    return found


def check_lineage(child: str, rates: Mapping[str, int], rows: Rows) -> dict[str, int]:
    """May a new work be linked to these parents: their number, all above them, and what is due.

    returns  ancestor -> what every sale of the new work owes to it, parts per 10^8
    raises TooManyParents, TooManyAncestors, StackExceedsWhole
    """
    links: dict[str, Mapping[str, int]] = {}
    for parent in rates:
        links |= catalogue.links_above(parent, rows)
    check_links(child, rates, links)
    return due(child, {**links, child: rates})


def inherited_from(bonds: Mapping[str, Bond], rows: Rows) -> tuple[tuple[str, str], ...]:
    """What whoever uses a work owes to all the works above it: (work, condition), sorted."""
    owed = {(parent, one) for parent, bond in bonds.items() for one in bond.owes}
    for parent in bonds:
        owed |= set(catalogue.work_of(parent, rows).inherited)
    return tuple(sorted(owed))


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
        "share_e8": made.offer.share_e8,
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
    pools.book(body.transfers, rows)
    rows.put(
        Grant(
            id=order.id,
            work=body.work,
            terms_version=body.terms_version,
            uses=body.uses,
            holder=holder,
            price_nano=body.price_nano,
            share_e8=body.share_e8,
            from_ms=body.from_ms,
            until_ms=body.until_ms,
            access_until_ms=body.access_until_ms,
            state=GrantState.ACTIVE.value,
            jws=body.jws,
            holder_key=order.body.holder_key or "",
            at_ms=body.at_ms,
            message=entry.id,
        )
    )


def _royalty_drawn(entry: Entry, rows: Rows) -> None:
    body: messages.RoyaltyDrawn = entry.body
    order = need_order(entry, "royalty.draw")
    payee = actor_of(order, rows)
    if order.body.work not in ("", body.work):
        raise refused(entry, "its order names another work")
    share, line = sale.draw(order, payee, body.work, rows)
    if (body.work, body.payee, body.transfers) != (share.work, payee, (line,)):
        raise refused(entry, "it pays something else than what is due")
    rows.put(changed(share, drawn_nano=share.drawn_nano + (line.amount_nano or 0)))


def _account_closed(entry: Entry, rows: Rows) -> None:
    """Whoever royalties go to stays: a sale pays all payees, or nobody. raises AccountHasClaims"""
    name = entry.body.account
    if paid := rows.find(PoolShare, payee=name):
        claim = "the royalties of a work go to it"
        raise AccountHasClaims(name, claim, paid[0].work)
    if channels := metering.open_channels(name, rows, at_ms=entry.body.at_ms):
        raise AccountHasClaims(name, "a channel pays it", channels[0].work)
    if debts := [one for one in rows.find(Report, holder=name) if not one.is_paid]:
        raise AccountHasClaims(name, "it owes a share of what it earned", debts[0].work)


_RULES: dict[str, Fold] = {
    "account.closed": _account_closed,
    "work.registered": _work_registered,
    "terms.changed": terms_changed,
    "work.withdrawn": work_withdrawn,
    "licence.granted": _licence_granted,
    "licence.revoked": licence_revoked,
    "dispute.raised": dispute_raised,
    "dispute.judged": dispute_judged,
    "royalty.drawn": _royalty_drawn,
    "channel.opened": metering.channel_opened,
    "usage.settled": metering.usage_settled,
    "usage.reported": reporting.usage_reported,
    "usage.paid": reporting.usage_paid,
    "provenance.recorded": recorded,
}
