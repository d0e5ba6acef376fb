"""Reading royalties: what is due to an account, and why."""

from dataclasses import dataclass

from ledger import log
from ledger.queries import statement
from ledger.rules.accounts import FEE
from licensing.models import Grant, PoolShare, Work
from licensing.queries.works import works_of
from licensing.rules import sale
from licensing.rules.rows import Grant as GrantRow
from licensing.rules.rows import pool_of
from licensing.rules.statement import RoyaltyLine, Sales, lines_of


@dataclass(frozen=True)
class Due:
    """What an account can draw from the pool of one work."""

    work: Work
    weight: int
    drawn_nano: int
    due_nano: int


def royalties(account: str) -> list[Due]:
    """What an account can draw, work by work; the largest amount first."""
    rows = log.Tables()
    shares = PoolShare.objects.filter(payee=account).order_by("work")
    found = works_of([share.work for share in shares])
    dues = [
        Due(
            work=found[share.work],
            weight=share.weight,
            drawn_nano=share.drawn_nano,
            due_nano=sale.due_from_pool(share.work, rows)[account],
        )
        for share in shares
    ]
    return sorted(dues, key=lambda one: (-one.due_nano, -one.drawn_nano, one.work.title))


def royalty_lines(account: str) -> list[RoyaltyLine]:
    """Every sale and every draw behind the royalties of an account, newest first."""
    lines: list[RoyaltyLine] = []
    for work in PoolShare.objects.filter(payee=account).values_list("work", flat=True):
        weights = dict(PoolShare.objects.filter(work=work).values_list("payee", "weight"))
        movements = list(statement(pool_of(work)).order_by("at_ms", "id"))
        sales = _sales([one.message for one in movements])
        lines += lines_of(work, account, weights, movements, sales)
    return sorted(lines, key=lambda line: line.at_ms, reverse=True)


def _sales(messages: list[str]) -> Sales:
    """The grants and fees behind these messages."""
    rows = Grant.objects.filter(message__in=messages).values()
    grants = [log.row_of(GrantRow, dict(values)) for values in rows]
    fees = statement(FEE).filter(message__in=messages).values_list("message", "amount_nano")
    return Sales({one.message: one for one in grants}, dict(fees))
