"""Accounts: what they hold, and their statements."""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from types import MappingProxyType

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router, Schema

from ledger import queries
from ledger.errors import AccountUnknown
from ledger.rules.statement import StatementLine
from web.answers import streamed
from web.api import Cursor, Page
from web.openapi import documented


class AccountOut(Schema):
    """An account as everybody sees it; amounts are nano-tokens as text."""

    account: str
    kind: str
    available_nano: str
    pending_out_nano: str
    pending_in_nano: str
    keys: list[str]
    is_closed: bool


class StatementLineOut(Schema):
    """One line of a statement; amounts are nano-tokens as text."""

    transfer: str
    at_ms: int
    kind: str
    code: str
    debit: str
    credit: str
    amount_nano: str
    change_nano: str
    balance_nano: str
    says: str
    message: str


A_TABLE = MappingProxyType({(200, "text/csv"): "A page; all of it with format=csv."})


def router() -> Router:
    router = Router()
    says = documented(AccountUnknown)
    router.get("/{name}", response=AccountOut, openapi_extra=says)(_account)
    says = documented(AccountUnknown, gives=A_TABLE)
    router.get("/{name}/statement", response=Page[StatementLineOut], openapi_extra=says)(_statement)
    return router


def _account(request: HttpRequest, name: str) -> dict[str, object]:  # noqa: ARG001
    """What an account holds, and which keys sign for it."""
    found = queries.account(name)
    return {
        "account": name,
        "kind": found.kind,
        "available_nano": str(found.available_nano),
        "pending_out_nano": str(found.pending_out_nano),
        "pending_in_nano": str(found.pending_in_nano),
        "keys": queries.keys_of(name),
        "is_closed": found.is_closed,
    }


def _statement(
    request: HttpRequest,
    name: str,
    format: str = Query("json", pattern="^(json|csv)$"),
    after: str = Cursor,
    limit: int = Query(200, ge=1, le=1000),
) -> object:
    """Every transfer of an account, newest first, with the balance after it; CSV has all of it."""
    if format == "csv":
        queries.account(name)
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        pieces = streamed(request, _as_csv(queries.statement_lines(name)))
        return StreamingHttpResponse(
            pieces, content_type="text/csv; charset=utf-8", headers=headers
        )
    found = queries.statement_page(name, after=after, limit=limit)
    return {"items": [_as_text(line) for line in found.lines], "next": found.next}


def _as_text(line: StatementLine) -> dict[str, object]:
    """Amounts as text: they may pass what JSON readers keep exactly."""
    return {
        name: str(value) if name.endswith("_nano") else value
        for name, value in asdict(line).items()
    }


def _as_csv(lines: Iterable[StatementLine]) -> Iterator[bytes]:
    """A line of names, then one per transfer."""
    out = io.StringIO()
    table = csv.DictWriter(out, list(StatementLineOut.model_fields), lineterminator="\r\n")
    table.writeheader()
    for line in lines:
        table.writerow(asdict(line))
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()
