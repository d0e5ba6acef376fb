"""A payer with a key, a work whose calls are paid, and what a test changes of a payment."""

import json
from base64 import b64encode

from django.conf import settings
from django.utils import timezone
from x402 import x402ClientSync
from x402.http import x402HTTPClientSync

from assay import messages, vouchers
from assay.payer import BatchSettlement
from ledger.actions import mint
from licensing import models
from tests.hostile.orders import Stranger
from tests.licensing.market import WORK, people, scene

HELD = 1_000_000
HASHES = [f"{number:064x}" for number in range(2)]
CALL = 250 * len(HASHES)  # pico-tokens
PATH = "/api/v1/rail/lookups"


def opened(client):
    """Eve, with money, and a work of two parents on sale."""
    eve = Stranger(client)
    people()
    scene()
    mint(account="eve", amount_nano=10 * HELD, idempotency="funds", now=timezone.now())
    return eve


def payer(eve, deposit_nano=HELD, **told):
    """The public client of x402, with the scheme of this house."""
    scheme = BatchSettlement(eve.key, origin=settings.LOG_ORIGIN, deposit_nano=deposit_nano, **told)
    client = x402ClientSync()
    client.set_spend_controls({"allowed_assets": [{"network": scheme.network, "asset": "pico"}]})
    client.register(scheme.network, scheme)
    return scheme, x402HTTPClientSync(client)


def ask(http, work=WORK, hashes=HASHES, **headers):
    """One request. http: a Django test client"""
    body = json.dumps({"work": work, "hashes": hashes})
    return http.post(PATH, body, content_type="application/json", headers=headers)


def payment(eve, answer, change=None):
    """The payment for an answer 402, as its header; change: what a test does to it before."""
    _, client = payer(eve) if isinstance(eve, Stranger) else eve
    _headers, payload = client.handle_402_response(dict(answer.headers), answer.content, PATH)
    told = json.loads(payload.model_dump_json(by_alias=True, exclude_none=True))
    if change:
        change(told)
    return b64encode(json.dumps(told).encode()).decode(), payload


def pay(both, http, *, change=None, hashes=HASHES):
    """Ask, be told the price, pay, and tell the client what came of it."""
    asked = ask(http, hashes=hashes)
    assert asked.status_code == 402, asked.content
    header, payload = payment(both, asked, change)
    answer = ask(http, hashes=hashes, **{"payment-signature": header})
    both[1].process_payment_result(payload, answer.headers.get, answer.status_code)
    return answer


def channel():
    return models.Channel.objects.get()


def settle_order(key, charged_pico, *, signed_pico=None, is_last=False, calls=1, channel_id=None):
    """A `usage.settle` with a voucher of this key."""
    name = channel_id or channel().pk
    signed = charged_pico if signed_pico is None else signed_pico
    voucher = vouchers.sign(key, name, signed)
    return messages.UsageSettle(name, charged_pico, calls, signed, voucher.signature, is_last)
