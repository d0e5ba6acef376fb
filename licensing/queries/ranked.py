"""What is due to an account from all its pools: in order, and in all, from an index of the shares.

The index says which works a page shows. What stands there is then reckoned by `rules.royalty`.
"""

from dataclasses import dataclass

from django.db.models import CharField, F, QuerySet, Sum, Value
from django.db.models.functions import Concat

from licensing.models import PoolShare, ShareDue

_PARTS = 10**9  # what was drawn over a lifetime may pass 64 bits: it is summed in two parts


@dataclass(frozen=True)
class Ranked:
    """Works of a payee, the largest due first, and what is due and was drawn in all."""

    works: list[str]
    due_nano: int
    drawn_nano: int


def rank(account: str, *, start: int, limit: int) -> Ranked:
    """The works from place `start` on."""
    mine = ShareDue.objects.filter(payee=account)
    order = mine.order_by("-due_nano", "-drawn_nano", "work").values_list("work", flat=True)
    sums = mine.aggregate(
        due_nano=Sum("due_nano", default=0),
        high=Sum(F("drawn_nano") / _PARTS, default=0),
        low=Sum(F("drawn_nano") % _PARTS, default=0),
    )
    drawn_nano = int(sums["high"]) * _PARTS + int(sums["low"])
    return Ranked(list(order[start : start + limit]), int(sums["due_nano"]), drawn_nano)


def pools_of(account: str) -> QuerySet[PoolShare, str]:
    """The accounts of the pools that a payee has a part in, for a query within another."""
    pool = Concat(Value("pool:"), F("work"), output_field=CharField())
    mine = PoolShare.objects.filter(payee=account).annotate(pool=pool)
    return mine.values_list("pool", flat=True)
