"""Budgets: what is permanent or heavy is counted, by account and by address, before it is done.

Each account and each address has a row of its own for each budget and window, which one statement
adds to, or refuses: no row is everybody's, and no lock is held between two of them. What is held at
one time is counted where it lies, while `turn` keeps others of the same account out.
"""

import ipaddress
import math
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from contextvars import ContextVar, Token
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.http import HttpRequest
from django.utils import timezone

from web import errors
from web.allowances import AT_ONCE, DAY_S, Budget
from web.models import Spending

STEP_BYTES = 4 << 20  # of a file that comes in, between two looks at the budget
ORDER_COST_BYTES = 1024  # what an order adds to the log besides its own bytes, twice: see `order`
_ADD = (
    "INSERT INTO web_spending (budget, who, since, spent) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT (budget, who, since) DO UPDATE SET spent = web_spending.spent + excluded.spent"
    " WHERE web_spending.spent + excluded.spent <= %s RETURNING spent"
)
_REFUSALS: dict[str, type[errors.BudgetSpent]] = {
    one.code.removeprefix("budget."): one
    for one in (
        errors.AccountsSpent, errors.LogBytesSpent, errors.UploadBytesSpent, errors.DryRunsSpent,
        errors.DryRunsHeld, errors.ReadingsSpent, errors.DraftsHeld, errors.OpeningsHeld,
        errors.TokensHeld,
        errors.SignInsSpent, errors.SignaturesSpent, errors.KeySignInsSpent, errors.PasswordsBusy,
    )
}  # fmt: skip
_asker: ContextVar[str] = ContextVar("who asks", default="")


@dataclass(frozen=True)
class Left:
    """What an account has left of a budget. again_at: when it begins anew; None: at no time"""

    budget: Budget
    spent: int
    again_at: datetime | None

    @property
    def most(self) -> int:
        assert self.budget.account is not None
        return self.budget.account


def address_of(request: HttpRequest) -> str:
    """Where a request comes from, as config/asgi.py found it behind trusted proxies.

    Of an IPv6 address the first of its 64 bits' network, which one subscriber has as a whole.
    """
    return ip_of(request) or "unknown"


def ip_of(request: HttpRequest) -> str | None:
    """The same; None where it is no address, such as behind a socket of the file system."""
    try:
        found = ipaddress.ip_address(str(request.META.get("REMOTE_ADDR") or ""))
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found.packed, 64), strict=False).network_address)


def begin(request: HttpRequest) -> Token[str]:
    """From here on what is spent is spent by this address too; `end` takes what this answers."""
    return _asker.set(address_of(request))


def end(begun: Token[str]) -> None:
    """The request is answered."""
    _asker.reset(begun)


def spend(name: str, amount: int = 1, *, account: str = "") -> None:
    """Add to what an account, and the address of this request, have spent; or refuse and add none.

    Nobody pays where nobody asks: in a worker, or in a command of the operator.
    raises the BudgetSpent of this budget
    """
    budget, now, address = settings.BUDGETS[name], timezone.now(), _asker.get()
    if not address:
        return
    payers = list(_payers(budget, account, address))
    with transaction.atomic() if len(payers) > 1 else nullcontext():
        for who, most in payers:
            if not _add(budget, who, amount, most, now):
                raise _refusal(budget, who, most, now)


def order(raw_bytes: int, *, account: str) -> None:
    """Spend what an order adds to the log: itself, and facts that repeat it once at most."""
    spend("log_bytes", 2 * raw_bytes + ORDER_COST_BYTES, account=account)


def counted(chunks: Iterable[bytes], *, account: str) -> Iterator[bytes]:
    """The same bytes, spent while they come; whoever takes them takes none when it is refused.

    raises UploadBytesSpent
    """
    owed_bytes = 0
    for chunk in chunks:
        owed_bytes += len(chunk)
        if owed_bytes >= STEP_BYTES:
            spend("upload_bytes", owed_bytes, account=account)
            owed_bytes = 0
        yield chunk
    if owed_bytes:
        spend("upload_bytes", owed_bytes, account=account)


def turn(name: str, *, account: str) -> None:
    """Take turns with whoever adds to the same thing of this account, until the transaction ends.

    Call it inside a transaction, then count, then `need_room`.
    """
    assert connection.in_atomic_block
    budget = settings.BUDGETS[name]
    _add(budget, f"account/{account}", 0, 1, timezone.now())


def need_room(name: str, held: int) -> None:
    """Refuse one more of what is held at one time. raises the BudgetSpent of this budget"""
    budget = settings.BUDGETS[name]
    if held >= budget.most:
        raise _refusal(budget, "", budget.most, timezone.now())


def left(account: str) -> list[Left]:
    """What an account has spent of each budget that begins anew."""
    now = timezone.now()
    timed = [one for one in settings.BUDGETS.values() if one.window_s and one.account is not None]
    mine = Spending.objects.filter(who=f"account/{account}", since__gt=now.timestamp() - DAY_S)
    spent = {(one.budget, one.since): one.spent for one in mine}
    return [
        Left(one, spent.get((one.name, _since(one, now)), 0), _again(one, now)) for one in timed
    ]


def forget() -> int:
    """Delete what was spent in windows that are over for days. returns how many rows"""
    before = int((timezone.now() - timedelta(days=3)).timestamp())
    return Spending.objects.filter(since__lt=before).delete()[0]


def _payers(budget: Budget, account: str, address: str) -> Iterator[tuple[str, int]]:
    """Who pays, with the most that it may spend: the address first, always in this order."""
    if budget.address is not None:
        yield f"address/{address}", budget.address
    if account and budget.account is not None:
        yield f"account/{account[:120]}", budget.account


def _add(budget: Budget, who: str, amount: int, most: int, now: datetime) -> bool:
    if amount > most:
        return False
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [budget.name, who, _since(budget, now), amount, most])
        return bool(cursor.fetchall())


def _since(budget: Budget, now: datetime) -> int:
    """When the window began, in seconds since 1970; what is held at one time has one row a day."""
    window_s = budget.window_s or DAY_S
    return int(now.timestamp()) // window_s * window_s


def _again(budget: Budget, now: datetime) -> datetime | None:
    if budget.window_s == AT_ONCE:
        return None
    return now + timedelta(seconds=_since(budget, now) + budget.window_s - now.timestamp())


def _refusal(budget: Budget, who: str, most: int, now: datetime) -> errors.BudgetSpent:
    again_at = _again(budget, now)
    wait_s = math.ceil((again_at - now).total_seconds()) if again_at else errors.BUSY_S
    of_whom = "address" if who.startswith("address/") else "account"
    return _REFUSALS[budget.name](budget, of_whom, most, wait_s)
