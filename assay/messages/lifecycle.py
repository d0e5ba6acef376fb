"""Messages about licences that end before their time."""

from dataclasses import dataclass

from assay.messages.parts import Line
from assay.wire import Nano


@dataclass(frozen=True)
class LicenceRefund:
    """Take my licence back, and give me what I paid for it."""

    grant: str


@dataclass(frozen=True)
class LicenceRevoked:
    """The licence gives nothing from now on.

    reason      refund: its holder asked for it;  breach: the operator judged so, and nothing is
                paid back
    refund_nano the whole price, or nothing;  transfers: those of the sale, backwards, each behind
                what the house lends to a pool that has spent it
    """

    grant: str
    reason: str
    refund_nano: Nano
    transfers: tuple[Line, ...]
    at_ms: int
