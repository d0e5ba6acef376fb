"""Vouchers: how much of a channel may be taken so far, signed by whoever pays.

Money is held once for a channel. From then on each voucher names a higher sum than the one before,
and only the last is redeemed: a million calls are one signature on the log. Sums are whole
pico-tokens, so a call may cost a fraction of a nano-token; what is paid is the sum, rounded down to
nano-tokens, less what was paid before.
"""

from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay.errors import AssayError
from assay.keys import verifies

PICO = 1000  # pico-tokens in one nano-token
MOST_NANO = 10**15  # held at once; in pico-tokens it still fits 64 bits
WORDS = "assay-voucher-v1"


class PaymentRefused(AssayError):
    """Payments of metered use. Facts: as each error names them."""

    status = 409


class PaymentMalformed(PaymentRefused):
    """The payment is not base64 of a payment of x402, or is over 8 KiB. Facts: reason."""

    code, status = "payment.malformed", 400
    next_step = "Make it with a client of x402 version 2."


class PaymentUnsupported(PaymentRefused):
    """The payment has another scheme, network, asset or payee. Facts: name, given, wanted."""

    code, status = "payment.unsupported", 400
    next_step = "Pay as one of the ways in the header PAYMENT-REQUIRED says."


class VoucherStale(PaymentRefused):
    """The voucher names less than one before, or too little. Facts: channel, charged, signed."""

    code = "payment.voucher_stale"
    next_step = "Sign the sum that was charged and the price of this call together."


class VoucherSigner(PaymentRefused):
    """Another key than the channel's signed the voucher. Facts: channel, signer."""

    code, status = "payment.voucher_signer", 403
    next_step = "Sign with the key that the channel was opened for."


class VoucherChannel(PaymentRefused):
    """The voucher is of a channel that is not there, is closed, or is for something else.

    Facts: channel
    """

    code = "payment.voucher_channel"
    next_step = "Open a channel for this work with this site."


class IdentifierUsed(PaymentRefused):
    """A payment's id comes with another request than the first time. Facts: identifier."""

    code = "payment.identifier_used"
    next_step = "Give each request an id of its own; only the very same request is served again."


class ExceedsPending(PaymentRefused):
    """More is asked for than the channel holds. Facts: channel, held_nano."""

    code = "ledger.exceeds_pending_amount"
    next_step = "Close the channel, and open one that holds more."


class PendingExpired(PaymentRefused):
    """The channel's time is over, and what it held went back. Facts: channel, expires_ms."""

    code = "ledger.pending_expired"
    next_step = "Open another channel."


@dataclass(frozen=True)
class Terms:
    """What a voucher is checked against.

    id         that of the order that opened it;  receiver: who redeems;  signer: whose vouchers
    most_pico  what may be taken in all;  expires_ms: the first moment at which nothing may
    """

    id: str
    work: str
    receiver: str
    signer: str
    most_pico: int
    expires_ms: int
    is_closed: bool = False


@dataclass(frozen=True)
class Voucher:
    """Up to `signed_pico` of a channel may be taken, in all. signature: 128 lower hex digits"""

    channel: str
    signed_pico: int
    signature: str


@dataclass(frozen=True)
class Tally:
    """What was charged to a channel so far, and the last voucher that allows it."""

    charged_pico: int = 0
    calls: int = 0
    signed_pico: int = 0
    signature: str = ""

    @property
    def voucher_of(self) -> tuple[int, str]:
        return self.signed_pico, self.signature


def sign(key: Ed25519PrivateKey, channel: str, signed_pico: int) -> Voucher:
    """No other site can redeem it: the channel is an order that names its log."""
    return Voucher(channel, signed_pico, key.sign(_words(channel, signed_pico)).hex())


def is_signed(voucher: Voucher, signer: str) -> bool:
    """Whether this key, 64 hex digits, signed the voucher."""
    words = _words(voucher.channel, voucher.signed_pico)
    try:
        return verifies(bytes.fromhex(signer), bytes.fromhex(voucher.signature), words)
    except ValueError:
        return False


def charged(
    channel: Terms, tally: Tally, voucher: Voucher, price_pico: int, *, now_ms: int
) -> Tally:
    """The tally after one more call at this price, when the voucher pays for it.

    A voucher that was checked before is not checked again: it may name enough for many calls.
    raises VoucherChannel, PendingExpired, ExceedsPending, VoucherStale, VoucherSigner
    """
    if voucher.channel != channel.id or channel.is_closed:
        raise VoucherChannel("This channel takes no such voucher.", channel=voucher.channel)
    if now_ms >= channel.expires_ms:
        message = "The time of the channel is over."
        raise PendingExpired(message, channel=channel.id, expires_ms=channel.expires_ms)
    if voucher.signed_pico > channel.most_pico:
        message = "The voucher names more than the channel holds."
        raise ExceedsPending(message, channel=channel.id, held_nano=channel.most_pico // PICO)
    total_pico = tally.charged_pico + price_pico
    if voucher.signed_pico < max(total_pico, tally.signed_pico):
        raise VoucherStale(
            f"{price_pico} pico-tokens more are needed than were charged so far.",
            channel=channel.id,
            charged=tally.charged_pico,
            signed=tally.signed_pico,
        )
    is_known = (voucher.signed_pico, voucher.signature) == tally.voucher_of
    if not is_known and not is_signed(voucher, channel.signer):
        message = "The key of the channel did not sign this voucher."
        raise VoucherSigner(message, channel=channel.id, signer=channel.signer)
    return Tally(total_pico, tally.calls + 1, voucher.signed_pico, voucher.signature)


def _words(channel: str, signed_pico: int) -> bytes:
    return "\0".join((WORDS, channel, str(signed_pico))).encode()
