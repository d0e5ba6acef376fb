"""What one account, one address and the whole site may cost in a while: the policy of a site.

Nothing here follows from the log, and no fold knows it. ASSAY_BUDGETS changes the figures, by name:

    ASSAY_BUDGETS="accounts@address=500,log_bytes=16777216"
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

AT_ONCE, QUARTER_S, DAY_S = 0, 900, 86_400
_PAIR = re.compile(r"([a-z_]+(?:@address)?)=([0-9]{1,15})")


@dataclass(frozen=True)
class Budget:
    """What is limited. window_s: after which it begins anew; AT_ONCE: what is held at one time.

    account  the most of one account, or of the whole site where `is_shared`; None: no limit
    address  the most of one address: of all accounts together that it speaks for
    """

    name: str
    meaning: str
    window_s: int
    account: int | None = None
    address: int | None = None
    is_shared: bool = False

    @property
    def most(self) -> int:
        """Of one account, or of the site."""
        assert self.account is not None, f"{self.name} is counted by address alone"
        return self.account


_USUAL = (
    Budget("accounts", "accounts opened", DAY_S, address=30),
    Budget("log_bytes", "bytes of orders and of the facts that answer them", DAY_S,
           account=8 << 20, address=32 << 20),
    Budget("upload_bytes", "bytes of files sent", DAY_S, account=2 << 30, address=4 << 30),
    Budget("dry_runs", "dry runs asked for", DAY_S, account=20, address=60),
    Budget("dry_runs_at_once", "dry runs that wait or run", AT_ONCE, account=2),
    Budget("readings", "readings of drafts' files", DAY_S, account=200, address=600),
    Budget("drafts", "drafts that are not published", AT_ONCE, account=50),
    Budget("openings", "openings handed in without an entry", AT_ONCE, account=50),
    Budget("tokens", "tokens that count", AT_ONCE, account=50),
    Budget("sign_ins", "attempts to sign in with a password", QUARTER_S, account=50, address=60),
    Budget("signatures", "signatures tried, to show whose key one has", QUARTER_S, address=120),
    Budget("key_sign_ins", "sign-ins with a key", QUARTER_S, account=60),
    Budget("passwords", "passwords that are hashed", AT_ONCE, account=2, is_shared=True),
)  # fmt: skip


class BudgetUnknown(ValueError):
    """A pair is none, or names no budget: the text says which."""


def budgets(listed: str) -> Mapping[str, Budget]:
    """Every budget by its name, with what the setting says over it. raises BudgetUnknown"""
    found = {one.name: one for one in _USUAL}
    for name, most in _pairs(listed):
        known, _, of_whom = name.partition("@")
        held = found.get(known)
        place = of_whom or "account"
        if held is None or getattr(held, place) is None:
            raise BudgetUnknown(f"there is no budget {name}")
        found[known] = replace(held, address=most) if of_whom else replace(held, account=most)
    return MappingProxyType(found)


def _pairs(listed: str) -> Iterator[tuple[str, int]]:
    for one in filter(None, (part.strip() for part in listed.split(","))):
        pair = _PAIR.fullmatch(one)
        if pair is None:
            raise BudgetUnknown(f"{one[:40]} is not NAME=NUMBER")
        yield pair[1], int(pair[2])
