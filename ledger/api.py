"""The record's part of the API: key sign-in, signed orders, blobs, accounts, the state.

config/urls.py hands in what the rooms above offer:

    routers(orders={kind: callable(entry, now) -> dict}, tables={name: row class})
"""

import csv
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Field, Query, Router, Schema

from assay import items, keys, merkle, notes, wire
from assay.errors import did_you_mean
from ledger import actions, blobs, log, queries
from ledger.errors import BlobMissing, MessageRefused
from ledger.rules.entry import Entry
from ledger.rules.rows import Row
from ledger.rules.statement import StatementLine, explain, page
from web import auth
from web.api import Page, Token, TokenAuth
from web.errors import Forbidden, NotFound, SignInError

Order = Callable[[Entry, datetime], dict[str, object]]
CLOCKS_MAY_DIFFER_MS = 5 * 60_000
STATE_ROWS = 1000
CHUNK_BYTES = 1 << 20
FOREVER = "public, max-age=31536000, immutable"
PAYING = ("licence.", "royalty.", "competition.")  # orders that move money need the scope `pay`


class KeySignIn(Schema):
    """A signature over `assay-session-v1 0x00 origin 0x00 account 0x00 at_ms`, made just now.

    signature_type is that of ANS-104: 1 RSA, 2 Ed25519, 3 Ethereum. `public` is the whole key.
    """

    account: str = Field(max_length=120)
    public: str = Field(pattern=r"^([0-9a-f]{2}){32,512}$")
    at_ms: int
    signature: str = Field(pattern=r"^([0-9a-f]{2}){64,512}$")
    signature_type: int = Field(items.ED25519, ge=items.RSA, le=items.ETHEREUM)


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


def routers(
    *, orders: Mapping[str, Order], tables: Mapping[str, type[Row]]
) -> list[tuple[str, Router]]:
    """(prefix, router) of everything that the record answers."""
    return [
        ("/sessions", _sign_in_router()),
        ("/log", _log_router()),
        ("/messages", _message_router(orders)),
        ("/blobs", _blob_router()),
        ("/accounts", _account_router()),
        ("/state", _state_router(tables)),
    ]


def _open_account(entry: Entry, now: datetime) -> dict[str, object]:
    return {"account": actions.open_account(entry, now=now)}


ORDERS: Mapping[str, Order] = MappingProxyType({"account.open": _open_account})


def _sign_in_router() -> Router:
    router = Router()
    router.post("", response=Token)(_sign_in)
    return router


def _sign_in(request: HttpRequest, body: KeySignIn) -> dict[str, object]:  # noqa: ARG001
    """Sign in with the key of an account; get a token for a program."""
    now = timezone.now()
    _check_signature(body, actions.ms(now))
    # The site's own record of who signs in: without a password, since the key is the way in.
    blank = {"password": make_password(None)}
    get_user_model().objects.get_or_create(username=body.account, defaults=blank)
    raw = auth.issue(body.account, now)
    return {"token": raw, "account": body.account, "expires_at": now + auth.TOKEN_LIFETIME}


def _check_signature(body: KeySignIn, now_ms: int) -> None:
    """raises AccountUnknown, SignInError"""
    queries.account(body.account)
    public = bytes.fromhex(body.public)
    if queries.key_account(items.key_name(body.signature_type, public)) != body.account:
        raise SignInError(
            f"This key does not sign for {body.account}.",
            next_step="Use the key that opened the account, or choose another account name.",
            reason="key",
            account=body.account,
        )
    if abs(now_ms - body.at_ms) > CLOCKS_MAY_DIFFER_MS:
        raise SignInError(
            "The clock of your machine and ours differ by more than five minutes.",
            next_step="Set your clock, and sign in again.",
            reason="clock",
            server_ms=now_ms,
        )
    words = f"assay-session-v1\0{settings.LOG_ORIGIN}\0{body.account}\0{body.at_ms}"
    signature = bytes.fromhex(body.signature)
    if not items.verifies(body.signature_type, public, signature, words.encode()):
        raise SignInError("The signature is not of these words.", reason="signature")


def _log_router() -> Router:
    router = Router()
    router.get("")(_log)
    return router


def _log(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001
    """What the log is: its name, size and root, and the keys that sign in it."""
    newest = queries.latest_checkpoint()
    log_public = log.signing_key("log").public_key().public_bytes_raw()
    return {
        "origin": settings.LOG_ORIGIN,
        "size": newest.size if newest else 0,
        "root": newest.root if newest else merkle.EMPTY_ROOT.hex(),
        "log_key": notes.verifier_key(settings.LOG_ORIGIN, notes.LOG_KEY, log_public),
        "operator_key": keys.public_hex(log.signing_key("operator")),
        "evaluator_key": keys.public_hex(log.signing_key("evaluator")),
    }


def _message_router(orders: Mapping[str, Order]) -> Router:
    router = Router()

    @router.post("")
    def take_order(request: HttpRequest) -> dict[str, object]:
        """Take one signed order (the raw bytes of an ANS-104 item); the same again is harmless."""
        entry = log.read_order(request.body)
        order = orders.get(entry.kind)
        if order is None:
            raise MessageRefused(
                f"This site takes no {entry.kind}.",
                next_step=did_you_mean(entry.kind, sorted(orders)),
                reason="kind_not_taken",
                kind=entry.kind,
            )
        if entry.kind != "account.open":
            _need_token(request, entry)
        return {"id": entry.id, "kind": entry.kind, "result": order(entry, timezone.now())}

    return router


def _need_token(request: HttpRequest, entry: Entry) -> None:
    """raises SignInNeeded, TokenUnknown, TokenExpired, ScopeMissing, Forbidden"""
    caller = TokenAuth()(request)
    caller.require("pay" if entry.kind.startswith(PAYING) else "submit")
    if caller.account != entry.actor:
        raise Forbidden(
            f"The order is signed by {entry.actor}, the token is of {caller.account}.",
            next_step="Sign in with the account whose key signs: `assay auth login`.",
            path=request.path,
        )


def _blob_router() -> Router:
    router = Router()
    router.put("/{sha256}", auth=TokenAuth())(_put_blob)
    router.api_operation(["HEAD"], "/{sha256}", auth=TokenAuth())(_has_blob)
    router.get("/{sha256}")(_get_blob)
    return router


def _put_blob(request: HttpRequest, sha256: str) -> dict[str, object]:
    """Store bytes under their SHA-256; sent twice they are stored once."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    caller.require("submit")
    name, size_bytes = actions.store(
        _chunks(request),
        owner=caller.account,
        limit_bytes=settings.BLOB_LIMIT_BYTES,
        expected=sha256,
        now=timezone.now(),
    )
    return {"sha256": name, "size_bytes": size_bytes}


def _has_blob(request: HttpRequest, sha256: str) -> HttpResponse:
    """Whether you have stored these bytes already; 404 when not, or when they are another's."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    found = queries.blob(sha256)
    is_known = found is not None and (found.is_public or found.owner == caller.account)
    return HttpResponse(status=200 if is_known else 404)


def _get_blob(request: HttpRequest, sha256: str) -> HttpResponse:  # noqa: ARG001
    """The bytes of a public file, verified against their name."""
    found = queries.blob(sha256)
    if found is None or not found.is_public:
        raise BlobMissing(
            "There is no public file of this name.",
            next_step="Check the name; files of entries are public once their competition closed.",
            sha256=sha256,
        )
    raw = blobs.read(sha256, limit_bytes=settings.BLOB_LIMIT_BYTES)
    headers = {"ETag": f'"{sha256}"', "Cache-Control": FOREVER}
    return HttpResponse(raw, content_type="application/octet-stream", headers=headers)


def _chunks(request: HttpRequest) -> Iterator[bytes]:
    while chunk := request.read(CHUNK_BYTES):
        yield chunk


def _account_router() -> Router:
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


def _state_router(tables: Mapping[str, type[Row]]) -> Router:
    router = Router()

    @router.get("")
    def list_tables(request: HttpRequest) -> dict[str, object]:  # noqa: ARG001
        """Which tables follow from the log, and how long it is."""
        return {"size": queries.log_size(), "tables": sorted(tables)}

    @router.get("/{table}")
    def read_table(
        request: HttpRequest,
        table: str,
        after: str = "",
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
