"""Statements of royalties as CSV and as JSON, sent line by line; the pages send the same bytes."""

from types import MappingProxyType

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema

from licensing import queries
from licensing.errors import DaysInvalid
from licensing.rules.statement import period
from licensing.rules.statement_files import KINDS, as_file
from web import auth
from web.answers import sent_as
from web.api import TokenAuth
from web.openapi import documented

A_TABLE = MappingProxyType({(200, "text/csv"): "The same lines with format=csv."})
DAY = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})?$"


class LineOut(Schema):
    """A sale that reached a pool of the payee, its refund, or a draw. log_index: null at first.

    what: sale, usage, refund or draw; state: credited, returned, drawn or waiting
    edge: the edges that lead from the sold work to this one, each with its rate_e8

    share_nano: the payee's part; due_nano: what could be drawn from that pool just after
    """

    log_index: int | None
    at_ms: int
    what: str
    state: str
    work: str
    title: str
    sold: str
    edge: str
    grant: str
    gross_nano: str
    fee_nano: str
    pool_nano: str
    share_nano: str
    drawn_nano: str
    due_nano: str
    message: str


class StatementOut(Schema):
    """opening + the shares - the draws = closing. The period ends before until_ms."""

    account: str
    since_ms: int
    until_ms: int
    opening_nano: str
    lines: list[LineOut]
    closing_nano: str


def add_to(royalties: Router) -> None:
    """The addresses below /royalties."""
    says = documented(DaysInvalid, gives=A_TABLE)
    royalties.get("/statement", response=StatementOut, auth=TokenAuth("read"), openapi_extra=says)(
        _statement
    )


def _statement(
    request: HttpRequest,
    since: str = Query("", pattern=DAY),
    until: str = Query("", pattern=DAY),
    format: str = Query("json", pattern="^(json|csv)$"),
) -> StreamingHttpResponse:
    """The royalties of the caller in a period, in the order of the log; the days are UTC.

    since: the first day; until: the first day behind it. Without one, everything on that side.
    CSV has the same lines, between one for the opening and one for the closing.
    """
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    asked = period(since, until)
    made = queries.royalty_statement(caller.account, asked)
    pieces = as_file(format, caller.account, asked, made.opening_nano, made.lines)
    return sent_as(request, pieces, f"{made.name}.{format}", KINDS[format])
