"""Licences and royalties of whoever asks, and the orders about them and about works."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType

from django.http import HttpRequest
from django.utils import timezone
from ninja import Query, Router

from ledger.api import Order
from ledger.rules.entry import Entry
from licensing import actions, queries
from licensing.api import metered, provenance, reports, statements
from licensing.api.shown import DueOut, LicenceOut, licence_json
from licensing.errors import GrantUnknown
from web import auth
from web.api import Page, TokenAuth
from web.openapi import documented


def router() -> Router:
    """/licences"""
    licences = Router()
    licences.get("", response=Page[LicenceOut], auth=TokenAuth("read"))(_licences)
    says = documented(GrantUnknown)
    licences.get("/{grant}", response=LicenceOut, openapi_extra=says)(_licence)
    reports.add_to(licences)
    return licences


def royalty_router() -> Router:
    """/royalties"""
    royalties = Router()
    royalties.get("", response=list[DueOut], auth=TokenAuth("read"))(_royalties)
    statements.add_to(royalties)
    return royalties


def _buy(entry: Entry, now: datetime) -> dict[str, object]:
    return licence_json(actions.buy_licence(entry, now=now), now)


def _refund(entry: Entry, now: datetime) -> dict[str, object]:
    return licence_json(actions.refund_licence(entry, now=now), now)


def _draw(entry: Entry, now: datetime) -> dict[str, object]:
    amount_nano = actions.draw_royalty(entry, now=now)
    return {"work": entry.body.work, "payee": entry.actor, "amount_nano": str(amount_nano)}


def _change(entry: Entry, now: datetime) -> dict[str, object]:
    number = actions.change_terms(entry, now=now)
    return {"work": entry.body.work, "terms_version": number}


def _withdraw(entry: Entry, now: datetime) -> dict[str, object]:
    return {"work": actions.withdraw_work(entry, now=now), "state": "withdrawn"}


def _dispute(entry: Entry, now: datetime) -> dict[str, object]:
    found = actions.raise_dispute(entry, now=now)
    return {"dispute": found.id, "work": found.work, "state": found.state}


def _register(entry: Entry, now: datetime) -> dict[str, object]:
    return {"work": actions.register_work(entry, now=now), "owner": entry.actor}


ORDERS: Mapping[str, Order] = MappingProxyType(
    {
        "channel.close": metered.close_channel,
        "channel.open": metered.open_channel,
        "usage.pay": reports.pay,
        "usage.report": reports.report,
        "usage.settle": metered.settle,
        "licence.buy": _buy,
        "licence.refund": _refund,
        "provenance.record": provenance.record,
        "royalty.draw": _draw,
        "work.dispute": _dispute,
        "terms.change": _change,
        "work.withdraw": _withdraw,
        "work.register": _register,
    }
)


def _licences(
    request: HttpRequest,
    after: str = Query("", max_length=120),
    limit: int = Query(50, ge=1, le=200),
) -> dict[str, object]:
    """The licences of the caller, newest first; `after` is the `next` of the page before."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    found, now = queries.grants_of(caller.account, after=after, limit=limit), timezone.now()
    return {"items": [licence_json(one, now) for one in found.rows], "next": found.next}


def _licence(request: HttpRequest, grant: str) -> dict[str, object]:  # noqa: ARG001
    """What a licence allows, to whom, until when, and its signed text."""
    return licence_json(queries.grant(grant), timezone.now())


def _royalties(request: HttpRequest) -> list[dict[str, object]]:
    """What is due to the caller, work by work, the largest amount first."""
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    return [
        {
            "work": one.work.id,
            "title": one.work.title,
            "weight": one.weight,
            "drawn_nano": str(one.drawn_nano),
            "due_nano": str(one.due_nano),
        }
        for one in queries.royalties(caller.account)
    ]
