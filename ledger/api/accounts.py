"""Accounts: what they hold, and their statements."""

import csv
import io
from dataclasses import asdict

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema

from ledger import queries
from ledger.rules.statement import StatementLine, explain, page
from web.api import Page


class AccountOut(Schema):
    """An account as everybody sees it; amounts are nano-tokens as text."""

    account: str
    kind: str
    available_nano: str
    pending_out_nano: str
    pending_in_nano: str
    keys: list[str]


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


def router() -> Router:
    router = Router()
    router.get("/{name}", response=AccountOut)(_account)
    router.get("/{name}/statement", response=Page[StatementLineOut])(_statement)
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
    }


def _statement(
    request: HttpRequest,  # noqa: ARG001
    name: str,
    format: str = Query("json", pattern="^(json|csv)$"),
    after: str = "",
    limit: int = Query(200, ge=1, le=1000),
) -> object:
    """Every transfer of an account, newest first, with the balance after it; CSV has all of it."""
    available_nano = queries.balance_nano(name)
    lines = explain(name, available_nano, queries.statement(name))
    if format == "csv":
        headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
        return HttpResponse(_as_csv(lines), content_type="text/csv; charset=utf-8", headers=headers)
    shown, following = page(lines, after=after, limit=limit)
    return {"items": [_as_text(line) for line in shown], "next": following}


def _as_text(line: StatementLine) -> dict[str, object]:
    """Amounts as text: they may pass what JSON readers keep exactly."""
    return {
        name: str(value) if name.endswith("_nano") else value
        for name, value in asdict(line).items()
    }


def _as_csv(lines: list[StatementLine]) -> str:
    out = io.StringIO()
    table = csv.DictWriter(out, list(StatementLineOut.model_fields), lineterminator="\r\n")
    table.writeheader()
    table.writerows(asdict(line) for line in lines)
    return out.getvalue()
