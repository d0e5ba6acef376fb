"""The door for signed orders."""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from ninja import Router, Schema

from assay.errors import did_you_mean
from assay.items import BadItem
from assay.wire import BodyInvalid
from ledger import actions, log
from ledger.errors import AnchorTaken, LogTooLarge, MessageRefused, SignerRefused
from ledger.rules.entry import Entry
from web import budgets
from web.api import TokenAuth
from web.errors import Forbidden, SignInNeeded
from web.openapi import documented
from web.receipts import receipt_url

Order = Callable[[Entry, datetime], dict[str, object]]
PAYING = (
    "licence.",
    "royalty.",
    "channel.",
    "usage.",
    "competition.",
    "money.",
)  # orders that move money need the scope `pay`

OF_KEYS = ("account.", "key.")  # the key's word alone: a token may be lost, or the thief's


def _open_account(entry: Entry, now: datetime) -> dict[str, object]:
    return {"account": actions.open_account(entry, now=now)}


def _withdraw(entry: Entry, now: datetime) -> dict[str, object]:
    return {"withdrawal": actions.withdraw(entry, now=now)}


def _close_account(entry: Entry, now: datetime) -> dict[str, object]:
    return {"account": actions.close_account(entry, now=now)}


def _add_key(entry: Entry, now: datetime) -> dict[str, object]:
    return {"key": actions.add_key(entry, now=now)}


def _replace_key(entry: Entry, now: datetime) -> dict[str, object]:
    return {"key": actions.replace_key(entry, now=now)}


def _revoke_key(entry: Entry, now: datetime) -> dict[str, object]:
    return {"revoked": actions.revoke_key(entry, now=now)}


ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "account.open": _open_account,
        "account.close": _close_account,
        "key.add": _add_key,
        "key.rotate": _replace_key,
        "key.revoke": _revoke_key,
        "money.withdraw": _withdraw,
    }
)


# What the rooms above answer to an order that they do not take.
OF_ORDERS = (402, 403, 404, 409, 410, 413, 422, 429, 503)


class Accepted(Schema):
    """An order that is accepted. receipt: where its proof will be, as soon as it has its place."""

    id: str
    kind: str
    receipt: str
    result: dict[str, Any]


def router(orders: Mapping[str, Order]) -> Router:
    router = Router()

    says = documented(
        *(SignInNeeded, Forbidden, BadItem, BodyInvalid, MessageRefused, SignerRefused),
        *(AnchorTaken, LogTooLarge),
        statuses=OF_ORDERS,
        sends="A signed order: one ANS-104 data item.",
        scope="submit",
    )

    @router.post("", response=Accepted, openapi_extra=says)
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
        if not entry.kind.startswith(OF_KEYS):
            _need_token(request, entry)
        if not log.is_recorded(entry.id):  # the log is public: anybody may send it again
            budgets.order(len(entry.raw), account=entry.actor)
        result = order(entry, timezone.now())
        answer = {"id": entry.id, "kind": entry.kind, "receipt": receipt_url(entry.id)}
        return {**answer, "result": result}

    return router


def _need_token(request: HttpRequest, entry: Entry) -> None:
    """raises SignInNeeded, TokenUnknown, TokenExpired, ScopeMissing, Forbidden"""
    caller = TokenAuth("pay" if entry.kind.startswith(PAYING) else "submit")(request)
    if caller.account != entry.actor:
        raise Forbidden(
            f"The order is signed by {entry.actor}, the token is of {caller.account}.",
            next_step="Sign in with the account whose key signs: `assay auth login`.",
            path=request.path,
        )
