"""The log in a sentence, and what the site says its tables hold."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router, Schema

from assay import keys, merkle, notes, wire
from assay.errors import did_you_mean
from ledger import log, queries
from ledger.rules.accounts import Role
from ledger.rules.rows import Row
from web.api import Cursor
from web.errors import NotFound
from web.openapi import documented

STATE_ROWS = 1000


class HouseKeyOut(Schema):
    """A key that signs for the house, or did: a verifier key for role log, else 64 hex digits.

    first, last: the messages that began and ended it, by their place; null: none began it, and none
    ended it.
    """

    role: str
    key: str
    first: int | None
    last: int | None


class LogOut(Schema):
    """What the log is. Keys: the log's and the witnesses' as verifier keys, the others in hex."""

    origin: str
    size: int
    root: str
    log_key: str
    operator_key: str
    evaluator_key: str
    witnesses: list[str]
    keys: list[HouseKeyOut]


class Tables(Schema):
    """Names of the tables that follow from the log, at this size of it."""

    size: int
    tables: list[str]


class TablePage(Schema):
    """Rows of a table, in order of id, at this size of the log; no rows are the end."""

    size: int
    rows: list[dict[str, Any]]


def log_router() -> Router:
    """/log"""
    router = Router()
    router.get("", response=LogOut)(_log)
    return router


def _log(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001
    """What the log is: its name, size and root, and the keys that sign in it."""
    newest = queries.latest_checkpoint()
    return {
        "origin": settings.LOG_ORIGIN,
        "size": newest.size if newest else 0,
        "root": newest.root if newest else merkle.EMPTY_ROOT.hex(),
        "log_key": log.log_vkey_at(newest.size if newest else 0),
        "operator_key": keys.public_hex(log.signing_key("operator")),
        "evaluator_key": keys.public_hex(log.signing_key("evaluator")),
        "witnesses": [vkey for vkey, _ in settings.WITNESSES],
        "keys": [_key(one) for one in log.house_keys()],
    }


def _key(one: log.HouseKey) -> dict[str, object]:
    """What it signed stays good between its two messages, whichever key signs now."""
    public = one.public
    if one.role == Role.LOG:
        public = notes.verifier_key(settings.LOG_ORIGIN, notes.LOG_KEY, bytes.fromhex(public))
    return {"role": one.role, "key": public, "first": one.first, "last": one.last}


def router(tables: Mapping[str, type[Row]]) -> Router:
    router = Router()

    @router.get("", response=Tables)
    def list_tables(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001
        """Which tables follow from the log, and how long it is."""
        return {"size": queries.log_size(), "tables": sorted(tables)}

    @router.get("/{table}", response=TablePage, openapi_extra=documented(NotFound))
    def read_table(
        request: HttpRequest,
        table: str,
        after: str = Cursor,
        limit: int = Query(STATE_ROWS, ge=1, le=STATE_ROWS),
    ) -> dict[str, object]:
        """Rows of one table in order of id: what this site claims, for auditors to derive again."""
        if table not in tables:
            hint = did_you_mean(table, sorted(tables))
            raise NotFound(f"No table {table!r}.", next_step=hint, path=request.path)
        shape = tables[table]
        size = queries.log_size()
        found = queries.table_page(shape, after=after, limit=limit)
        return {"size": size, "rows": [wire.to_json(log.row_of(shape, one)) for one in found]}

    return router
