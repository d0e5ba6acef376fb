"""What stands against channels of metered use: payment.*

What stands against a single voucher is in assay/vouchers.py: a licensee's own endpoint knows it.
"""

from assay.errors import AssayError


class ChannelRefused(AssayError):
    """Channels of metered use. Facts: as each error names them."""

    status = 409


class PaymentNeeded(ChannelRefused):
    """What is asked is paid by the call, and no payment came. Facts: price_pico, payee."""

    code, status = "payment.needed", 402
    next_step = "Pay as the header PAYMENT-REQUIRED says, with any client of x402 version 2."


class ChannelUnknown(ChannelRefused):
    """No channel of this id was opened. Facts: channel."""

    code, status = "payment.channel_unknown", 404
    next_step = "Check the id: it is that of the order `channel.open`."


class ChannelInvalid(ChannelRefused):
    """A channel cannot have this value. Facts: field."""

    code, status = "payment.channel_invalid", 422
    next_step = "Hold 1 nano to a million tokens, for a minute to 30 days, for another account."


class ChannelTaken(ChannelRefused):
    """The payer has an open channel for this work and receiver. Facts: channel, work."""

    code = "payment.channel_open"
    next_step = "Use that channel, or close it first: `channel.close`."


class ReceiverUnlicensed(ChannelRefused):
    """Who would be paid may not serve the work. Facts: work, receiver."""

    code, status = "payment.receiver_unlicensed", 403
    next_step = "Ask the receiver to buy a licence for commercial use of the work."


class NotReceiver(ChannelRefused):
    """Somebody else counts and closes this channel. Facts: channel, receiver."""

    code, status = "payment.not_receiver", 403
    next_step = "Ask the receiver to redeem and close it, or wait until its time is over."
