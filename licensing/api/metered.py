"""What is paid by the call: many look-ups at once, by HTTP 402; and the channels that pay."""

from datetime import datetime
from hashlib import sha256

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from ninja import Field, Router, Schema
from x402.schemas import PaymentRequirements

from assay import paywall
from assay.vouchers import (
    ExceedsPending,
    IdentifierUsed,
    PaymentMalformed,
    PaymentUnsupported,
    PendingExpired,
    VoucherChannel,
    VoucherSigner,
    VoucherStale,
)
from ledger import log
from ledger.errors import Overdrawn
from ledger.rules.accounts import OPERATOR
from ledger.rules.entry import Entry
from licensing import actions, queries
from licensing.errors import (
    ChannelInvalid,
    ChannelTaken,
    ChannelUnknown,
    NotForSale,
    PaymentNeeded,
    WorkUnknown,
)
from licensing.rules.metering import LOOKUP_PICO
from licensing.rules.rows import Channel
from web import budgets
from web.api import Body
from web.openapi import documented

MOST_HASHES = 1000
ABOUT = "Whether outputs are recorded as made with a work, many at once."
REFUSALS = (
    *(PaymentNeeded, PaymentMalformed, PaymentUnsupported, VoucherChannel, VoucherSigner),
    *(VoucherStale, IdentifierUsed, ExceedsPending, PendingExpired),
)


class LookupsIn(Body):
    """Outputs by their SHA-256, each once."""

    work: str = Field(max_length=72)
    hashes: list[str] = Field(min_length=1, max_length=MOST_HASHES)


class FoundOut(Schema):
    """How often an output is recorded as made with the work, and when first; never: 0."""

    hash: str
    records: int
    first_ms: int


class ShareOfCallOut(Schema):
    """What a work gets of what is paid, parts per 10^8 of what the fee leaves."""

    work: str
    part_e8: int


class RoyaltyOut(Schema):
    """Who is paid for a call. amount: of this one, in pico-tokens: 1,000 are one nano-token."""

    amount: str
    unit: str
    splits: list[ShareOfCallOut]


class UsageOut(Schema):
    """What the call cost, and what was charged to its channel so far, in pico-tokens."""

    channel: str
    calls: str
    price_pico: str
    charged_pico: str
    royalty: RoyaltyOut


class LookupsOut(Schema):
    """The answers, in the order of the hashes."""

    work: str
    items: list[FoundOut]
    usage: UsageOut


class ChannelOut(Schema):
    """A channel of metered use, as the log knows it. charged_pico: as of the last redemption."""

    channel: str
    work: str
    payer: str
    receiver: str
    signer: str
    grant: str
    rate_e8: int
    opened_ms: int
    expires_ms: int
    held_nano: str
    settled_nano: str
    charged_pico: str
    calls: str
    is_closed: bool


def router() -> Router:
    """/v1/channels"""
    channels = Router()
    says = documented(ChannelUnknown)
    channels.get("/{channel}", response=ChannelOut, openapi_extra=says)(_channel)
    return channels


def add_to(rail: Router) -> None:
    """The address below /v1/rail."""
    opening = (WorkUnknown, NotForSale, ChannelInvalid, ChannelTaken, Overdrawn)
    says = documented(*REFUSALS, *opening)
    rail.post("/lookups", response=LookupsOut, openapi_extra=says)(_look_up)


def open_channel(entry: Entry, now: datetime) -> dict[str, object]:
    return channel_json(actions.open_channel(entry, now=now))


def close_channel(entry: Entry, now: datetime) -> dict[str, object]:
    return channel_json(actions.close_channel(entry, now=now))


def settle(entry: Entry, now: datetime) -> dict[str, object]:
    return channel_json(actions.settle_usage(entry, now=now))


def channel_json(one: Channel) -> dict[str, object]:
    """A channel for the API."""
    as_text = ("held_nano", "settled_nano", "charged_pico", "calls")
    told = {name: str(value) if name in as_text else value for name, value in vars(one).items()}
    return {"channel": one.id, **told}


def _channel(request: HttpRequest, channel: str) -> dict[str, object]:  # noqa: ARG001
    """What a channel holds, and what was paid of it."""
    return channel_json(queries.channel(channel))


def _look_up(
    request: HttpRequest, body: LookupsIn, response: HttpResponse
) -> dict[str, object] | HttpResponse:
    """Which of these outputs are recorded as made with a work; paid by the call through x402.

    Each hash costs a quarter of a nano-token, which goes to the work and to all that it was made
    from. Without a payment the answer is 402, and the header PAYMENT-REQUIRED says how to pay. A
    look-up of a single output costs nothing: `/api/v1/rail/lookup`.
    """
    price_pico, origin = LOOKUP_PICO * len(body.hashes), settings.LOG_ORIGIN
    parts = queries.parts_of_work(body.work)
    wanted = paywall.asked_for(price_pico, work=body.work, receiver=OPERATOR, origin=origin)
    header = request.headers.get(paywall.PAYMENT)
    if header is None:
        return _payment_needed(request, wanted, price_pico)
    payment = paywall.read(header, wanted)
    now = timezone.now()
    if payment.order:
        _open(payment.order, now)
    words = sha256(f"{request.method} {request.path}\0".encode() + request.body).hexdigest()
    with transaction.atomic():  # an answer that fails costs nothing
        asked = actions.Asked(payment.identifier, words)
        charge = actions.charge(payment.voucher, price_pico, asked, work=body.work, now=now)
        items = queries.recorded(body.work, body.hashes)
    cost_pico = 0 if charge.is_again else price_pico
    response.headers[paywall.PAID] = paywall.paid(
        charge.tally, payment.voucher, charged_pico=cost_pico, payer=charge.payer, origin=origin
    )
    splits = [{"work": work, "part_e8": part_e8} for work, part_e8 in parts.items()]
    usage = {
        "channel": payment.voucher.channel,
        "calls": str(charge.tally.calls),
        "price_pico": str(cost_pico),
        "charged_pico": str(charge.tally.charged_pico),
        "royalty": {"amount": str(cost_pico), "unit": paywall.ASSET, "splits": splits},
    }
    return {"work": body.work, "items": items, "usage": usage}


def _open(raw: bytes, now: datetime) -> None:
    """Open the channel of a deposit: the key that signed it is enough, as its word moves money."""
    order = log.read_order(raw)
    if order.kind != "channel.open":
        raise PaymentUnsupported(
            "The deposit is another order.", name="order", given=order.kind, wanted="channel.open"
        )
    if not log.is_recorded(order.id):
        budgets.order(len(raw), account=order.actor)
    actions.open_channel(order, now=now)


def _payment_needed(
    request: HttpRequest, wanted: PaymentRequirements, price_pico: int
) -> HttpResponse:
    error = PaymentNeeded(
        f"This costs {price_pico} pico-tokens.", price_pico=str(price_pico), payee=wanted.pay_to
    )
    answer = JsonResponse(error.as_dict(), status=error.status)
    url = request.build_absolute_uri(request.path)
    answer.headers[paywall.REQUIRED] = paywall.required(wanted, url, ABOUT)
    return answer
