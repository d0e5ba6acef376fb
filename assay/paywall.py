"""HTTP 402 in the words of x402 version 2: what is asked for, what was paid, what came of it.

The scheme is `batch-settlement`: a deposit opens a channel, each call comes with a voucher for the
sum so far, and only the last one is redeemed. The shapes are those of the package x402; the
deposit is a signed order of this log instead of a token transfer of a chain, and the voucher that
of assay/vouchers.py.
"""

import json
import re
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from x402.schemas import (
    PaymentPayload,
    PaymentRequired,
    PaymentRequirements,
    ResourceInfo,
    SettleResponse,
)

from assay.vouchers import PaymentMalformed, PaymentUnsupported, Tally, Voucher

REQUIRED, PAYMENT, PAID = "PAYMENT-REQUIRED", "PAYMENT-SIGNATURE", "PAYMENT-RESPONSE"
SCHEME, ASSET = "batch-settlement", "pico"
IDENTIFIER = "payment-identifier"
MOST_BYTES = 8192
MOST_S = 86_400  # how long a channel is held, as the site proposes
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_CHANNEL = re.compile(r"[A-Za-z0-9_-]{43}")
_AMOUNT = re.compile(r"0|[1-9][0-9]{0,17}")
_ID = re.compile(r"[A-Za-z0-9_-]{16,128}")


@dataclass(frozen=True)
class Payment:
    """What came with a request. order: the signed `channel.open`, when it opens its channel."""

    voucher: Voucher
    order: bytes
    identifier: str


def network_of(origin: str) -> str:
    """The network of x402 (CAIP-2) that a log is."""
    return f"assay:{sha256(origin.encode()).hexdigest()[:32]}"


def asked_for(price_pico: int, *, work: str, receiver: str, origin: str) -> PaymentRequirements:
    """What one call costs. receiver: the account that counts the calls on the channel"""
    return PaymentRequirements(
        scheme=SCHEME,
        network=network_of(origin),
        asset=ASSET,
        amount=str(price_pico),
        pay_to=f"pool:{work}",
        max_timeout_seconds=MOST_S,
        extra={"work": work, "receiver": receiver, "logOrigin": origin, "decimals": 12},
    )


def required(wanted: PaymentRequirements, url: str, about: str) -> str:
    """The header of an answer 402. about: the resource, in a sentence"""
    info = {"required": False}
    schema = {
        "type": "object",
        "properties": {
            "required": {"type": "boolean"},
            "id": {"type": "string", "minLength": 16, "maxLength": 128},
        },
        "required": ["required"],
    }
    told = PaymentRequired(
        resource=ResourceInfo(url=url, description=about, mime_type="application/json"),
        accepts=[wanted],
        extensions={IDENTIFIER: {"info": info, "schema": schema}},
    )
    return _header(told.model_dump(by_alias=True, exclude_none=True))


def read(header: str, wanted: PaymentRequirements) -> Payment:
    """The payment in a request's header. raises PaymentMalformed, PaymentUnsupported"""
    payload = _payload(header)
    for name in ("scheme", "network", "asset", "pay_to", "amount"):
        given, right = getattr(payload.accepted, name), getattr(wanted, name)
        if given != right:
            message = f"The payment's {name} is not what is asked for here."
            raise PaymentUnsupported(message, name=name, given=given[:100], wanted=right)
    kind = payload.payload.get("type")
    if kind not in ("deposit", "voucher"):
        message = "Only deposits and vouchers are taken."
        raise PaymentUnsupported(message, name="type", given=str(kind)[:100], wanted="voucher")
    voucher = _voucher(payload.payload.get("voucher"))
    order = _order(payload.payload.get("deposit")) if kind == "deposit" else b""
    return Payment(voucher, order, _identifier(payload.extensions))


def paid(tally: Tally, voucher: Voucher, *, charged_pico: int, payer: str, origin: str) -> str:
    """The header of an answer that was paid for. charged_pico: for this one"""
    state = {"channelId": voucher.channel, "chargedCumulativeAmount": str(tally.charged_pico)}
    told = SettleResponse(
        success=True,
        payer=payer,
        transaction=voucher.channel,
        network=network_of(origin),
        amount=str(charged_pico),
        extra={"chargedAmount": str(charged_pico), "channelState": state},
    )
    return _header(told.model_dump(by_alias=True, exclude_none=True))


def voucher_json(voucher: Voucher) -> dict[str, Any]:
    """As `VoucherFields` of x402."""
    return {
        "channelId": voucher.channel,
        "maxClaimableAmount": str(voucher.signed_pico),
        "signature": voucher.signature,
    }


def deposit_json(order: bytes, held_nano: int) -> dict[str, Any]:
    """As `DepositFields` of x402, authorised by an order of this log. The amount is in ASSET."""
    raw = urlsafe_b64encode(order).rstrip(b"=").decode()
    return {"amount": str(held_nano * 1000), "authorization": {"order": raw}}


def _payload(header: str) -> PaymentPayload:
    if len(header) > MOST_BYTES:
        raise _malformed(f"it is over {MOST_BYTES} bytes")
    try:
        told = json.loads(b64decode(header, validate=True))
    except (ValueError, RecursionError) as error:
        raise _malformed("it is not base64 of JSON") from error
    if not isinstance(told, dict) or told.get("x402Version") != 2:  # True is no 2
        raise _malformed("it is no payment of x402 version 2")
    try:
        return PaymentPayload.model_validate(told)
    except (ValidationError, RecursionError) as error:
        raise _malformed("it lacks a field, or has one of another kind") from error


def _voucher(told: Any) -> Voucher:
    if not isinstance(told, dict):
        raise _malformed("it has no voucher")
    shapes = {"channelId": _CHANNEL, "maxClaimableAmount": _AMOUNT, "signature": _SIGNATURE}
    for name, shape in shapes.items():
        if not isinstance(told.get(name), str) or not shape.fullmatch(told[name]):
            raise _malformed(f"{name} of its voucher has another form")
    return Voucher(told["channelId"], int(told["maxClaimableAmount"]), told["signature"])


def _order(told: Any) -> bytes:
    allowed = told.get("authorization") if isinstance(told, dict) else None
    raw = allowed.get("order") if isinstance(allowed, dict) else None
    if not isinstance(raw, str) or not raw.isascii():
        raise _malformed("its deposit has no order")
    try:
        return urlsafe_b64decode(raw + "=" * (-len(raw) % 4))
    except ValueError as error:
        raise _malformed("the order of its deposit is not base64url") from error


def _identifier(extensions: dict[str, Any] | None) -> str:
    """The client's id of this payment; empty without one."""
    extension = (extensions or {}).get(IDENTIFIER)
    info = extension.get("info") if isinstance(extension, dict) else None
    given = info.get("id") if isinstance(info, dict) else None
    if given is None:
        return ""
    if not isinstance(given, str) or not _ID.fullmatch(given):
        raise _malformed("its id is not 16 to 128 letters, digits, - and _")
    return given


def _malformed(reason: str) -> PaymentMalformed:
    return PaymentMalformed(f"This is no payment: {reason}.", reason=reason)


def _header(told: dict[str, Any]) -> str:
    return b64encode(json.dumps(told, separators=(",", ":")).encode()).decode()
