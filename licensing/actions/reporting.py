"""Revenue share: holders report what they earned, and pay what they owe for it."""

from datetime import datetime

from django.db import transaction

from assay import messages
from assay.messages import Line
from ledger import log
from ledger.actions import ms
from ledger.rules.accounts import FEE, Account
from ledger.rules.entry import Entry
from licensing import queries
from licensing.actions.indexes import index_dues
from licensing.rules import pools, reporting
from licensing.rules.fold import licensing
from licensing.rules.rows import Report


@transaction.atomic
def report_usage(order: Entry, *, now: datetime) -> Report:
    """Take a `usage.report` order; what is owed is paid at once when the account holds as much.

    returns  the report; the same order again gives the same report
    raises   GrantUnknown, ReportStranger, ReportNeedless, ReportPeriod, ReportAmount
    """
    rows, at_ms = log.Tables(), ms(now)
    _lock(queries.grant(order.body.grant).work, order.actor, rows)
    if not log.find(order.id):
        made = reporting.owed(order, order.actor, rows, at_ms=at_ms)
        fact = reporting.reported(order, made, at_ms=at_ms)
        log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
        _index(made.lines)
    return queries.report(order.id)


@transaction.atomic
def pay_report(order: Entry, *, now: datetime) -> Report:
    """Pay what is owed by the report of a `usage.pay` order.

    returns  the report; the same order again pays nothing
    raises   ReportUnknown, ReportStranger, Overdrawn
    """
    rows = log.Tables()
    _lock(queries.report(order.body.report).work, order.actor, rows)
    if not log.find(order.id):
        found = reporting.unpaid(order.body.report, order.actor, rows)
        grant = reporting.grant_of(found, rows)
        lines = reporting.paying(found.id, grant, found.owed_nano, rows)
        fact = messages.UsagePaid(found.id, lines, ms(now))
        log.record([order, log.fact(fact, answers=order)], rooms=(licensing,))
        _index(lines)
    return queries.report(order.body.report)


def _lock(work: str, holder: str, rows: log.Tables) -> None:
    names = queries.pools_paid(work)
    rows.lock(Account, [holder, FEE, *names])


def _index(lines: tuple[Line, ...]) -> None:
    index_dues(list(pools.credits_of(lines)))
