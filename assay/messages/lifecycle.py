"""Messages about licences that end before their time, and works that are disputed."""

from dataclasses import dataclass
from typing import Annotated

from assay.bounds import Text
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


@dataclass(frozen=True)
class WorkDispute:
    """I say that this work is not its owner's to sell. why: for the operator, and for everybody."""

    work: str
    why: Annotated[str, Text(2000, is_needed=True, lines=True)]


@dataclass(frozen=True)
class DisputeRaised:
    """Somebody disputes a work; nothing changes before it is judged. dispute: the order."""

    dispute: str
    work: str
    claimant: str
    at_ms: int


@dataclass(frozen=True)
class DisputeJudged:
    """The operator's ruling.

    ruling     opened: the work sells nothing, and nobody draws from its pool;  cleared:
               it is as before;  upheld: it sells nothing for good, and what lies in its pool is the
               claimant's. Upheld may be said again, for what came since
    transfers  from the pool to the claimant, when it is upheld
    """

    dispute: str
    ruling: str
    why: Annotated[str, Text(2000, is_needed=True, lines=True)]
    transfers: tuple[Line, ...]
    at_ms: int
