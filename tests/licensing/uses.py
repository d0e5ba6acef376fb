"""Orders about metered and reported use, each with what has to be there before it."""

from assay import keys, messages, vouchers
from assay.wire import Nano
from ledger import actions, log
from licensing import actions as rights
from tests import factories
from tests.licensing import market

ME = "keyholder"
SIGNER = keys.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
SHARED = (*market.ASSAY, ("Commercial-Use", "Allowed-With-RevenueShare-5%"))


def open_channel(_settings, _folder):
    market.people()
    market.scene()
    public = keys.public_hex(SIGNER)
    return messages.ChannelOpen(market.WORK, "operator", public, Nano(2 * 10**13), 3600)


def opened(account, body):
    """The channel of such an order."""
    order = log.order_for(account, body, idempotency="open")
    return rights.open_channel(order, now=factories.at(10)).id


def close_channel(_settings, _folder):
    return messages.ChannelClose(opened(ME, open_channel(_settings, _folder)))


def settle_usage(_settings, _folder):
    market.people()
    work = market.register(ME, "data:" + "c0" * 32, "data", market.DATA_TAGS)
    asked = messages.ChannelOpen(work, ME, keys.public_hex(SIGNER), Nano(1000), 3600)
    voucher = vouchers.sign(SIGNER, opened("buyer", asked), 5000)
    told = (voucher.channel, Nano(5000), Nano(1), Nano(5000), voucher.signature)
    return messages.UsageSettle(*told, is_last=True)


def report_usage(_settings, _folder, gross_nano=1000):
    market.people()
    work = market.register("author", "data:" + "c0" * 32, "data", SHARED)
    quote = market.queries.quote(work, ("commercial",), account=ME, now=factories.at(10))
    grant = market.buy_quoted(ME, quote, now=factories.at(10)).id
    return messages.UsageReport(grant, actions.ms(factories.at(20)), Nano(gross_nano))


def pay_report(_settings, _folder):
    asked = report_usage(_settings, _folder, gross_nano=10**14)
    work = "data:" + "c0" * 32
    held = messages.ChannelOpen(work, "operator", keys.public_hex(SIGNER), Nano(2 * 10**13), 3600)
    channel = opened(ME, held)  # so that the account does not hold what is owed
    order = log.order_for(ME, asked, idempotency="report")
    report = rights.report_usage(order, now=factories.at(20))
    close = log.order_for(ME, messages.ChannelClose(channel), idempotency="close")
    rights.close_channel(close, now=factories.at(25))
    return messages.UsagePay(report.id)


def dispute_work(_settings, _folder):
    market.people()
    market.scene()
    return messages.WorkDispute(market.WORK, "It was trained by us.")
