"""What an owner may change about a work, for later: its terms, and that it is sold."""

from assay import messages
from assay.wire import changed
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of
from licensing import errors
from licensing.rules import catalogue
from licensing.rules.parents import check_terms, sells_business
from licensing.rules.reading import read_own
from licensing.rules.rows import Edge, TermsVersion, Work, WorkState, terms_key


def terms_changed(entry: Entry, rows: Rows) -> None:
    """raises WorkUnknown, NotOwner, NotForSale, TermsRefused, LineageRefused, MessageRefused"""
    body: messages.TermsChanged = entry.body
    order = need_order(entry, "terms.change")
    asked: messages.TermsChange = order.body
    if (body.work, body.number, body.tags) != (asked.work, asked.number, asked.tags):
        raise refused(entry, "it says something else than its order")
    work = owned(asked.work, actor_of(order, rows), rows)
    check_change(work, asked, rows)
    key = terms_key(work.id, asked.number)
    rows.put(TermsVersion(key, work.id, asked.number, asked.tags, entry.id))
    rows.put(changed(work, terms_version=asked.number))


def work_withdrawn(entry: Entry, rows: Rows) -> None:
    """raises WorkUnknown, NotOwner, NotForSale, MessageRefused"""
    order = need_order(entry, "work.withdraw")
    if entry.body.work != order.body.work:
        raise refused(entry, "it says something else than its order")
    work = owned(order.body.work, actor_of(order, rows), rows)
    rows.put(changed(work, state=WorkState.WITHDRAWN.value))


def owned(name: str, account: str, rows: Rows) -> Work:
    """A live work of this account. raises WorkUnknown, NotOwner, NotForSale"""
    work = catalogue.work_of(name, rows)
    if work.owner != account:
        raise errors.NotOwner(f"{work.title} is not yours.", work=work.id, owner=work.owner)
    if work.state != WorkState.LIVE:
        message = f"{work.title} is {work.state}."
        raise errors.NotForSale(message, work=work.id, state=work.state)
    return work


def check_change(work: Work, asked: messages.TermsChange, rows: Rows) -> None:
    """That these are the next terms, and that all parents of the work let it have them.

    The parents' terms are those that the work was made under: later ones bind later children.
    raises TermsStale, TermsRefused, Passthrough, CommercialConflict
    """
    if asked.number != work.terms_version + 1:
        message = f"The terms of {work.title} that hold are number {work.terms_version}."
        raise errors.TermsStale(message, work=work.id, terms_version=work.terms_version)
    terms = read_own(asked.tags)
    for edge in rows.find(Edge, child=work.id):
        parent = catalogue.work_of(edge.parent, rows)
        then = catalogue.subject(changed(parent, terms_version=edge.terms_version), rows)
        business = check_terms(terms, parent, then, at_ms=work.registered_ms)
        if business.share_e8 > edge.rate_e8 and sells_business(terms):
            message = f"{parent.title} is due a share of business, and was promised less."
            raise errors.CommercialConflict(message, parent=parent.id)
