"""What becomes of licences after the story: one goes back, one is reported on, one serves calls."""

from datetime import UTC, datetime, timedelta

from assay import messages, vouchers
from assay.money import parse_tokens
from assay.wire import Nano
from ledger import log
from ledger.actions import mint, ms
from licensing import actions, queries
from licensing.rules.terms import OUR_LICENCE

NOW = datetime(2030, 1, 1, 0, 5, tzinfo=UTC)
SHARED = (("License", OUR_LICENCE), ("Currency", "ASSAY"),
          ("Commercial-Use", "Allowed-With-RevenueShare-5%"))  # fmt: skip
HELD, SERVED_PICO = 10**6, 500_000_999


def tell(sold, shared):
    """Of two works on sale, ada's and bob's: cyd holds licences for both, the buyer calls hers."""
    for name in ("cyd", "fee"):
        mint(account=name, amount_nano=parse_tokens("1000"), idempotency="more", now=NOW)
    give_back(sold)
    change = messages.TermsChange(shared, 2, SHARED)
    actions.change_terms(log.order_for("bob", change, idempotency="terms"), now=NOW)
    grant = bought(shared)
    report(grant)
    serve(shared)
    doubt = messages.WorkDispute(shared, "It is mine.")
    actions.raise_dispute(log.order_for("author", doubt, idempotency="doubt"), now=NOW)


def bought(work):
    quote = queries.quote(work, ("commercial",), account="cyd", now=NOW)
    return actions.buy_licence(log.order_for("cyd", quote.order(), idempotency=work), now=NOW)


def give_back(work):
    """A licence, whose price ada draws before its holder wants it back: the house lends."""
    grant = bought(work)
    draw = log.order_for("ada", messages.RoyaltyDraw(work), idempotency="draw again")
    actions.draw_royalty(draw, now=NOW)
    back = log.order_for("cyd", messages.LicenceRefund(grant.id), idempotency="back")
    actions.refund_licence(back, now=NOW)


def report(grant):
    """What cyd earned in the first minute."""
    until = NOW + timedelta(minutes=1)
    body = messages.UsageReport(grant.id, ms(until), Nano(1_000_001))
    actions.report_usage(log.order_for("cyd", body, idempotency="report"), now=until)


def serve(work):
    """The buyer pays cyd by the call: money held once, one voucher redeemed."""
    key = vouchers.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    signer = key.public_key().public_bytes_raw().hex()
    asked = messages.ChannelOpen(work, "cyd", signer, Nano(HELD), 3600)
    channel = actions.open_channel(log.order_for("buyer", asked, idempotency="open"), now=NOW)
    signed = vouchers.sign(key, channel.id, SERVED_PICO)
    told = (Nano(SERVED_PICO), Nano(9), Nano(SERVED_PICO), signed.signature)
    body = messages.UsageSettle(channel.id, *told, is_last=False)
    actions.settle_usage(log.order_for("cyd", body, idempotency="settle"), now=NOW)
