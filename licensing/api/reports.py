"""What holders reported to have earned, and owe for it."""

from datetime import datetime

from django.http import HttpRequest
from ninja import Router, Schema

from ledger.rules.entry import Entry
from licensing import actions, queries
from licensing.errors import GrantUnknown, ReportNeedless
from licensing.rules.rows import Report
from web.openapi import documented

_TOLD = ("grant", "work", "holder", "since_ms", "until_ms", "is_paid", "at_ms", "message")


class ReportOut(Schema):
    """What a holder said to have earned in a period, and the share of it that is owed."""

    report: str
    grant: str
    work: str
    holder: str
    since_ms: int
    until_ms: int
    gross_nano: str
    owed_nano: str
    is_paid: bool
    at_ms: int
    message: str


class ReportsOut(Schema):
    """The reports on a licence, the oldest first.

    next_ms: where the next one begins, 0 when there is none; due_ms: when all have to be there
    """

    grant: str
    share_e8: int
    next_ms: int
    due_ms: int
    owed_nano: str
    items: list[ReportOut]


def add_to(licences: Router) -> None:
    """The address below /licences/{grant}."""
    says = documented(GrantUnknown, ReportNeedless)
    licences.get("/{grant}/reports", response=ReportsOut, openapi_extra=says)(_reports)


def report(entry: Entry, now: datetime) -> dict[str, object]:
    return report_json(actions.report_usage(entry, now=now))


def pay(entry: Entry, now: datetime) -> dict[str, object]:
    return report_json(actions.pay_report(entry, now=now))


def report_json(one: Report) -> dict[str, object]:
    """A report for the API."""
    told = {name: getattr(one, name) for name in _TOLD}
    amounts = {name: str(getattr(one, name)) for name in ("gross_nano", "owed_nano")}
    return {"report": one.id, **told, **amounts}


def _reports(request: HttpRequest, grant: str) -> dict[str, object]:  # noqa: ARG001
    """What the holder of a licence reported, what is owed, and what has to be reported next."""
    found = queries.reports(grant)
    return {
        "grant": grant,
        "share_e8": found.grant.share_e8,
        "next_ms": found.next_ms,
        "due_ms": found.due_ms,
        "owed_nano": str(found.owed_nano),
        "items": [report_json(one) for one in found.found],
    }
