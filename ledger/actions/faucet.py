"""The bridge that is built in: play money, which comes from nowhere and leads nowhere."""

from collections.abc import Iterable

from django.conf import settings
from django.utils.module_loading import import_string

from ledger import queries
from ledger.rules.bridge import Bridge, Deposit, Payment


class Faucet:
    """Nothing comes in by itself: an account draws its play money (accounts.mint)."""

    name = "faucet"

    def check(self, to: str, amount_nano: int) -> str:  # noqa: ARG002 - whatever is asked
        return "play money is worth nothing outside this site"

    def deposits(self) -> Iterable[Deposit]:
        return ()

    def minted(self, deposit: Deposit, message: str) -> None:
        """Nothing came in."""

    def pay(self, to: str, amount_nano: int, *, once: str) -> Payment:  # noqa: ARG002 - as above
        return Payment(refused=self.check(to, amount_nano))


def bridge() -> Bridge:
    """The site's bridge: settings.BRIDGE is one, or the dotted name of its class."""
    found = settings.BRIDGE
    made: Bridge = import_string(found)() if isinstance(found, str) else found
    return made


def play_money_nano(account: str) -> int:
    """What an account may still draw; nothing where money comes in by another bridge."""
    if bridge().name != Faucet.name:
        return 0
    return max(int(settings.FAUCET_NANO) - queries.minted_nano(account), 0)
