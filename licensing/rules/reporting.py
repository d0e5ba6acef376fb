"""Revenue share: what a holder reports to have earned, and what is owed for it.

A licence that asks for a share runs for a month. Its holder reports on all of it, in one piece or
in several; until when, says rules/overdue.py.
"""

from dataclasses import dataclass

from assay import messages
from assay.messages import Line
from assay.wire import Nano, changed
from ledger.rules.accounts import Account
from ledger.rules.checks import need_order, refused
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from ledger.rules.speakers import actor_of
from licensing import errors
from licensing.rules import catalogue, pools
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.overdue import reported_ms
from licensing.rules.rows import Grant, Report, Usage
from licensing.rules.royalty import share_sale
from licensing.rules.sale import SALE_FEE_E8, payment


@dataclass(frozen=True)
class Owed:
    """What a report says, and what it makes its holder owe. lines: of the payment, if any"""

    grant: Grant
    since_ms: int
    owed_nano: int
    is_paid: bool
    lines: tuple[Line, ...]


def owed(order: Entry, holder: str, rows: Rows, *, at_ms: int) -> Owed:
    """What a `usage.report` order makes its holder owe: paid at once when the account holds it.

    raises GrantUnknown, ReportStranger, ReportNeedless, ReportPeriod, ReportAmount
    """
    asked: messages.UsageReport = order.body
    grant = rows.get(Grant, asked.grant)
    if grant is None:
        message = f"No licence {asked.grant[:16]} was granted."
        raise errors.GrantUnknown(message, grant=asked.grant)
    if grant.holder != holder:
        message = "Only its holder reports on a licence."
        raise errors.ReportStranger(message, grant=grant.id, holder=grant.holder)
    if not grant.share_e8:
        raise errors.ReportNeedless("This licence asks for no share.", grant=grant.id)
    since_ms = reported_ms(grant, rows)
    if not since_ms < asked.until_ms <= min(grant.until_ms, at_ms):
        raise errors.ReportPeriod(
            "The next report is about another period.",
            grant=grant.id,
            since_ms=since_ms,
            until_ms=grant.until_ms,
        )
    if asked.gross_nano < 0:
        raise errors.ReportAmount("No report has such an amount.", grant=grant.id)
    owed_nano = asked.gross_nano * grant.share_e8 // WHOLE_E8
    purse = rows.get(Account, holder)
    is_paid = purse is not None and purse.available_nano >= owed_nano
    lines = paying(order.id, grant, owed_nano, rows) if is_paid else ()
    return Owed(grant, since_ms, owed_nano, is_paid, lines)


def paying(report: str, grant: Grant, owed_nano: int, rows: Rows) -> tuple[Line, ...]:
    """The share that a report makes owed, divided as the price of a sale."""
    if not owed_nano:
        return ()
    dues = catalogue.dues(grant.work, rows)
    shares = share_sale(grant.work, owed_nano, dues, fee_e8=SALE_FEE_E8, payment_id=report)
    lines = payment(report, grant.holder, grant.work, shares)
    return lines + pools.repayments(report, pools.credits_of(lines), rows)


def unpaid(name: str, holder: str, rows: Rows) -> Report:
    """A report of this holder's that is still owed. raises ReportUnknown, ReportStranger"""
    found = rows.get(Report, name)
    if found is None or found.is_paid:
        raise errors.ReportUnknown("Nothing is owed by this report.", report=name)
    if found.holder != holder:
        message = "Somebody else owes this."
        raise errors.ReportStranger(message, grant=found.grant, holder=found.holder)
    return found


def grant_of(report: Report, rows: Rows) -> Grant:
    """The licence that a report is about."""
    grant = rows.get(Grant, report.grant)
    assert grant is not None, f"{report.id} reports on no licence"
    return grant


def usage_reported(entry: Entry, rows: Rows) -> None:
    """raises GrantUnknown, ReportStranger, ReportNeedless, ReportPeriod, ReportAmount"""
    body: messages.UsageReported = entry.body
    order = need_order(entry, "usage.report")
    holder = actor_of(order, rows)
    made = owed(order, holder, rows, at_ms=body.at_ms)
    if rows.get(Report, order.id) or body != reported(order, made, at_ms=body.at_ms):
        raise refused(entry, "it is not what its order gives")
    rows.put(
        Report(
            id=order.id,
            grant=made.grant.id,
            work=made.grant.work,
            holder=holder,
            since_ms=made.since_ms,
            until_ms=body.until_ms,
            gross_nano=body.gross_nano,
            owed_nano=made.owed_nano,
            is_paid=made.is_paid,
            at_ms=body.at_ms,
            message=entry.id,
        )
    )
    _book(body.transfers, made.grant, order.id, entry, rows)


def usage_paid(entry: Entry, rows: Rows) -> None:
    """raises ReportUnknown, ReportStranger, MessageRefused"""
    body: messages.UsagePaid = entry.body
    order = need_order(entry, "usage.pay")
    found = unpaid(order.body.report, actor_of(order, rows), rows)
    grant = grant_of(found, rows)
    lines = paying(found.id, grant, found.owed_nano, rows)
    if (body.report, body.transfers) != (found.id, lines):
        raise refused(entry, "it pays something else than what is owed")
    rows.put(changed(found, is_paid=True))
    _book(lines, grant, found.id, entry, rows)


def reported(order: Entry, made: Owed, *, at_ms: int) -> messages.UsageReported:
    """The fact that answers a report."""
    return messages.UsageReported(
        report=order.id,
        grant=made.grant.id,
        since_ms=made.since_ms,
        until_ms=order.body.until_ms,
        gross_nano=order.body.gross_nano,
        owed_nano=Nano(made.owed_nano),
        is_paid=made.is_paid,
        transfers=made.lines,
        at_ms=at_ms,
    )


def _book(lines: tuple[Line, ...], grant: Grant, report: str, entry: Entry, rows: Rows) -> None:
    pools.book(lines, rows)
    if lines:
        row = rows.get(Report, report)
        assert row is not None, "what is paid was reported"
        told = (grant.id, grant.work, grant.holder, row.owed_nano, entry.body.at_ms, entry.id)
        rows.put(Usage(report, *told))
