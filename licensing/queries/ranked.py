"""What is due to an account from all its pools: added up and put in order by the database.

The rule is `rules.royalty.targets`; a law holds the two to each other. A page of the order is then
reckoned by the rule itself.
"""

from dataclasses import dataclass

from django.db import connection
from django.db.models import BigIntegerField, CharField, F, OuterRef, QuerySet, Subquery, Sum, Value
from django.db.models.functions import Cast, Concat

from ledger.queries import available_of
from licensing.models import PoolShare

_PARTS = 10**9  # what was drawn over a lifetime may pass 64 bits: it is summed in two parts

# floor(came * weight / whole) without a number over 64 bits: a weight is at most 10^9 and whole at
# most 64 * 10^9, so came is taken as times * whole + rest, and weight as high * 2^15 + low.
_RANKED = """
WITH held AS MATERIALIZED ({held}),
parts AS MATERIALIZED (
    SELECT work, weight, drawn_nano, whole, came_nano / whole AS times, came_nano %% whole AS rest,
           weight / 32768 AS high, weight %% 32768 AS low
    FROM held
),
due AS MATERIALIZED (
    SELECT work, drawn_nano, times * weight + rest * high / whole * 32768
           + (rest * high %% whole * 32768 + rest * low) / whole - drawn_nano AS due_nano
    FROM parts
)
SELECT '' AS work, SUM(due_nano), SUM(drawn_nano / {parts}), SUM(drawn_nano %% {parts}) FROM due
UNION ALL
SELECT * FROM (
    SELECT work, due_nano, drawn_nano, 0 FROM due
    ORDER BY due_nano DESC, drawn_nano DESC, work LIMIT %s OFFSET %s
) AS shown
"""


@dataclass(frozen=True)
class Ranked:
    """Works of a payee, the largest due first, and what is due and was drawn in all."""

    works: list[str]
    due_nano: int
    drawn_nano: int


def rank(account: str, *, start: int, limit: int) -> Ranked:
    """The works from place `start` on. What came into one pool is below 2^63 nano-tokens."""
    query, values = _held(account).query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_RANKED.format(held=query, parts=_PARTS), [*values, limit, start])
        [(_, due_nano, high, low), *shown] = cursor.fetchall()
    shown.sort(key=lambda one: (-one[1], -one[2], one[0]))
    drawn_nano = int(high or 0) * _PARTS + int(low or 0)
    return Ranked([one[0] for one in shown], int(due_nano or 0), drawn_nano)


def pools_of(account: str) -> QuerySet[PoolShare, str]:
    """The accounts of the pools that a payee has a part in, for a query within another."""
    mine = PoolShare.objects.filter(payee=account).annotate(pool=_pool(F("work")))
    return mine.values_list("pool", flat=True)


def _held(account: str) -> QuerySet[PoolShare, tuple[object, ...]]:
    """work, weight, drawn_nano, whole: of all weights, came_nano: all that ever came in."""
    pool = PoolShare.objects.filter(work=OuterRef("work")).order_by().values("work")
    drawn_nano = Subquery(pool.annotate(sum=_sum("drawn_nano")).values("sum"))
    mine = PoolShare.objects.filter(payee=account).annotate(
        whole=Subquery(pool.annotate(sum=_sum("weight")).values("sum")),
        came_nano=Subquery(available_of(_pool(OuterRef("work")))) + drawn_nano,
    )
    return mine.values_list("work", "weight", "drawn_nano", "whole", "came_nano")


def _sum(column: str) -> Cast:
    return Cast(Sum(column), BigIntegerField())


def _pool(work: F) -> Concat:
    return Concat(Value("pool:"), work, output_field=CharField())
