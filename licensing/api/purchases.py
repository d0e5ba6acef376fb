"""Buying a licence with a token: no key signs, so the token must have been given a budget."""

from dataclasses import replace

from django.http import HttpRequest
from django.utils import timezone
from ninja import Field, Header, Router
from ninja.responses import Status

from assay.messages import LicenceBuy
from assay.messages.licensing import WORK_ID
from assay.money import MOST_NANO
from assay.wire import Nano
from ledger import log
from ledger.errors import AnchorTaken, Overdrawn
from licensing import actions
from licensing.api.shown import LicenceOut, licence_json
from licensing.errors import (
    AlreadyHeld,
    HolderKeyInvalid,
    MixedSchedules,
    NotForSale,
    QuoteStale,
    UseDenied,
    UsesInvalid,
    WorkUnknown,
)
from web import auth
from web.api import Body, TokenAuth
from web.errors import TokenBudgetSpent
from web.openapi import documented

REFUSALS = (
    *(WorkUnknown, NotForSale, UsesInvalid, UseDenied, MixedSchedules),
    *(QuoteStale, AlreadyHeld, HolderKeyInvalid, AnchorTaken, Overdrawn, TokenBudgetSpent),
)


class PurchaseIn(Body):
    """What a quote said: the work, the uses, the version of the terms and the price.

    beside: a licence that is held, and another one is wanted beside it
    holder_key: the Ed25519 key that the licence names, 64 hex digits
    """

    work: str = Field(pattern=f"^({WORK_ID})$")
    uses: list[str] = Field(min_length=1, max_length=12)
    terms_version: int = Field(ge=1, le=2**31 - 1)
    price_nano: str = Field(pattern="^(0|[1-9][0-9]{0,18})$")
    beside: str | None = Field(None, pattern=r"^[A-Za-z0-9_-]{43}$")
    holder_key: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")

    def order(self) -> LicenceBuy:
        """The same as a signed order says it."""
        price_nano = Nano(min(int(self.price_nano), MOST_NANO))
        told = (self.work, tuple(self.uses), self.terms_version, price_nano)
        return replace(LicenceBuy(*told), beside=self.beside, holder_key=self.holder_key)


def router() -> Router:
    """/v1/licences"""
    purchases = Router()
    says = documented(*REFUSALS, scope="pay")
    purchases.post("", response={200: LicenceOut}, auth=TokenAuth("pay"), openapi_extra=says)(_buy)
    return purchases


def _buy(
    request: HttpRequest,
    body: PurchaseIn,
    idempotency_key: str = Header(pattern="^[!-~]{16,64}$"),
) -> Status[dict[str, object]]:
    """Buy a licence within the budget of the token; the same Idempotency-Key, the same licence.

    The price is taken off the budget once. A key that was used for something else is refused.
    """
    caller: auth.Caller = request.auth  # type: ignore[attr-defined]
    now = timezone.now()
    order = log.order_for(caller.account, body.order(), idempotency=f"token/{idempotency_key}")
    grant = actions.buy_by_token(order, token=caller.token_prefix, now=now)
    return Status(200, licence_json(grant, now))
