"""A million metered calls: counted beside the log, and redeemed by the last voucher.

The part of `make bench-royalties` that is about use. A payer signs a voucher for a thousand calls,
and whoever counts checks its signature once. What the site writes for each call is measured apart.
"""

import time

from assay import messages, vouchers
from assay.wire import Nano
from ledger import log
from ledger.actions import mint, open_account_for
from ledger.models import Message
from ledger.rules.accounts import OPERATOR
from licensing import actions
from licensing.models import Usage
from licensing.rules.metering import LOOKUP_PICO, terms_of
from tests.licensing import market

CALLS, BY_VOUCHER, BY_REDEMPTION, ON_THE_SITE = 1_000_000, 1000, 100_000, 1000
HELD = 10**9
KEY = vouchers.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SECTION = """
# Metered use

{calls:,} calls at {price} pico-tokens each, by {vouchers:,} vouchers on one channel, redeemed
{redemptions} times. The payer signs, and whoever counts checks each voucher once, in the same
process.

| what | processor time |
|---|---|
| all calls, with signing and checking | {cpu_s} s |
| of it, one redemption | {redeem_ms} ms |
| one call that the site counts in its tables | {site_ms} ms |

They put {messages} messages of {message_bytes:,} bytes in all on the log, and paid
{paid_nano:,} nano-tokens, to the last one.
"""


def measured():
    """Count and redeem; the market of the tests stands, with a work of `miner` on sale."""
    open_account_for("caller", now=market.NOW)
    mint(account="caller", amount_nano=3 * HELD, idempotency="funds", now=market.NOW)
    channel, before = _open("miner"), Message.objects.count()
    began, redeeming, tally = time.process_time(), 0.0, vouchers.Tally()
    for first in range(0, CALLS, BY_VOUCHER):
        voucher = vouchers.sign(KEY, channel.id, (first + BY_VOUCHER) * LOOKUP_PICO)
        terms = terms_of(channel)
        for _ in range(BY_VOUCHER):
            tally = vouchers.charged(terms, tally, voucher, LOOKUP_PICO, now_ms=channel.opened_ms)
        if tally.calls % BY_REDEMPTION == 0:
            at = time.process_time()
            channel = _redeem(channel, tally)
            redeeming += time.process_time() - at
    cpu_s = time.process_time() - began
    count = CALLS // BY_REDEMPTION
    made = Message.objects.order_by("id")[before:]
    paid_nano = sum(Usage.objects.filter(source=channel.id).values_list("gross_nano", flat=True))
    assert paid_nano == CALLS * LOOKUP_PICO // vouchers.PICO == channel.settled_nano
    return {
        "calls": CALLS,
        "price": LOOKUP_PICO,
        "vouchers": CALLS // BY_VOUCHER,
        "redemptions": count,
        "cpu_s": round(cpu_s, 2),
        "redeem_ms": round(redeeming / count * 1000, 1),
        "site_ms": _on_the_site(),
        "messages": len(made),
        "message_bytes": sum(len(bytes(one.raw)) for one in made),
        "paid_nano": paid_nano,
    }


def section(told):
    """The part of the page."""
    return SECTION.format(**told)


def _open(receiver):
    signer = KEY.public_key().public_bytes_raw().hex()
    body = messages.ChannelOpen(market.WORK, receiver, signer, Nano(HELD), 86_400)
    order = log.order_for("caller", body, idempotency=receiver)
    return actions.open_channel(order, now=market.NOW)


def _redeem(channel, tally):
    told = (Nano(tally.charged_pico), Nano(tally.calls), Nano(tally.signed_pico), tally.signature)
    body = messages.UsageSettle(channel.id, *told, is_last=tally.calls == CALLS)
    order = log.order_for("miner", body, idempotency=str(tally.calls))
    return actions.settle_usage(order, now=market.NOW)


def _on_the_site():
    """Processor time of one call that is counted in the tables, in ms."""
    channel = _open(OPERATOR)
    asked = actions.Asked("", "0" * 64)
    began = time.process_time()
    for number in range(1, ON_THE_SITE + 1):
        voucher = vouchers.sign(KEY, channel.id, number * LOOKUP_PICO)
        actions.charge(voucher, LOOKUP_PICO, asked, work=market.WORK, now=market.NOW)
    return round((time.process_time() - began) / ON_THE_SITE * 1000, 2)
