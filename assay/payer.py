"""The payer's side of metered use: a scheme that any client of x402 pays with.

    from x402 import x402ClientSync
    from assay.payer import BatchSettlement

    scheme = BatchSettlement(key, origin="assay.example/log", deposit_nano=10**9)
    client = x402ClientSync()
    client.register(scheme.network, scheme)
    client.set_spend_controls({"allowed_assets": [{"network": scheme.network, "asset": "pico"}]})

The first payment opens a channel for a work, and every further one is a voucher for the sum so far.
No more than the deposit can ever be taken, and no more than was signed.
"""

import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from x402.schemas import PaymentRequirements

from assay import messages, paywall, vouchers
from assay.keys import public_hex
from assay.signing import sign_order
from assay.wire import Nano

A_DAY_S = 86_400


@dataclass
class Opened:
    """A channel as its payer knows it. order: until the site has it, and then no more"""

    id: str
    order: bytes
    charged_pico: int = 0


class BatchSettlement:
    """Pays for calls by channels of one log.

    key           of an account of that log: it signs the deposit and the vouchers
    origin        the log's name, which nobody on the way may change
    deposit_nano  how much to hold for each work;  timeout_s: for how long
    channels      by payee: whoever keeps them goes on after a restart
    """

    scheme = paywall.SCHEME

    def __init__(
        self,
        key: Ed25519PrivateKey,
        *,
        origin: str,
        deposit_nano: int,
        timeout_s: int = A_DAY_S,
        channels: dict[str, Opened] | None = None,
    ) -> None:
        self.key, self.origin = key, origin
        self.deposit_nano, self.timeout_s = deposit_nano, timeout_s
        self.channels = {} if channels is None else channels
        self.scheme_hooks = SimpleNamespace(on_payment_response=self._was_answered)

    @property
    def network(self) -> str:
        """What to register this scheme for."""
        return paywall.network_of(self.origin)

    def create_payment_payload(self, requirements: PaymentRequirements) -> dict[str, Any]:
        """A voucher for one more call, with the deposit until the site knows the channel."""
        channel = self.channels.get(requirements.pay_to) or self._open(requirements)
        signed_pico = channel.charged_pico + int(requirements.amount)
        voucher = vouchers.sign(self.key, channel.id, signed_pico)
        told: dict[str, Any] = {"type": "voucher", "voucher": paywall.voucher_json(voucher)}
        if channel.order:
            deposit = paywall.deposit_json(channel.order, self.deposit_nano)
            told |= {"type": "deposit", "deposit": deposit}
        return told

    def _open(self, requirements: PaymentRequirements) -> Opened:
        asked = messages.ChannelOpen(
            work=requirements.pay_to.removeprefix("pool:"),
            receiver=str(requirements.extra["receiver"]),
            signer=public_hex(self.key),
            held_nano=Nano(self.deposit_nano),
            timeout_s=self.timeout_s,
        )
        words = f"channel/{asked.work}/{asked.receiver}/{time.time_ns()}"
        item = sign_order(asked, self.key, origin=self.origin, idempotency=words)
        opened = Opened(item.id, item.encode())
        self.channels[requirements.pay_to] = opened
        return opened

    def _was_answered(self, context: Any) -> None:
        """The site says what it charged in all: the next voucher goes on from there."""
        answer = context.settle_response
        channel = self.channels.get(context.requirements.pay_to)
        if answer is None or not answer.success or channel is None:
            return
        state = (answer.extra or {}).get("channelState", {})
        charged = state.get("chargedCumulativeAmount", "")
        if state.get("channelId") != channel.id or not charged.isdecimal():
            return
        most_pico = channel.charged_pico + int(context.requirements.amount)
        channel.charged_pico = max(channel.charged_pico, min(int(charged), most_pico))
        channel.order = b""
