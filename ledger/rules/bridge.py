"""Where money comes in from outside and goes out again: what every bridge is asked.

The play-money faucet is the one that is built in (ledger/actions/faucet.py). Another one, such as
an escrow contract on a chain, is a class with these methods, named by settings.BRIDGE.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Deposit:
    """Money that came in outside. id: the outside's own name for it, the same at every look."""

    id: str
    account: str
    amount_nano: int


@dataclass(frozen=True)
class Payment:
    """What became of money that shall go out.

    receipt  the outside's name of the payment, once it is made
    refused  why it will never be made; empty else. Neither: it is on its way, ask again
    """

    receipt: str = ""
    refused: str = ""


class Bridge(Protocol):
    """One way in and out. Its methods may speak to a network, so no transaction calls them."""

    name: str

    def check(self, to: str, amount_nano: int) -> str:
        """Why this cannot go out; empty when it can. Asked before anything is held."""

    def deposits(self) -> Iterable[Deposit]:
        """What came in and may not be minted yet; what was seen before may come again."""

    def minted(self, deposit: Deposit, message: str) -> None:
        """A deposit is in the books, by this message; it need not come again."""

    def pay(self, to: str, amount_nano: int, *, once: str) -> Payment:
        """Pay out, once for each `once`, however often it is asked."""
