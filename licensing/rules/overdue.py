"""Who is late with a report on what was earned, or with its payment, buys no further licence.

Both have two weeks: the report from the end of the licence on, the payment from the report on.
"""

from collections.abc import Iterable

from ledger.rules.rows import Rows
from licensing import errors
from licensing.rules.may import MONTH_MS
from licensing.rules.offer import Offer
from licensing.rules.rows import Grant, GrantState, Report

GRACE_MS = 14 * 86_400_000


def check(offer: Offer, held: Iterable[Grant], rows: Rows, *, at_ms: int) -> None:
    """That nothing is overdue, and that nobody buys months of a share ahead of their reports.

    held    all licences of the work that the buyer ever had
    raises  ReportOverdue, AlreadyHeld
    """
    for grant in held:
        if grant.share_e8 and grant.state != GrantState.REFUNDED and _is_late(grant, rows, at_ms):
            message = "What was earned under an earlier licence is not reported, or not paid."
            raise errors.ReportOverdue(message, work=grant.work, grant=grant.id)
        if offer.share_e8 and offer.from_ms > at_ms + MONTH_MS:
            raise errors.AlreadyHeld(
                "The licence of the next month is held already.",
                work=grant.work,
                uses=list(offer.uses),
                grant=grant.id,
                until_ms=offer.from_ms,
            )


def reported_ms(grant: Grant, rows: Rows) -> int:
    """Up to when a licence was reported on."""
    ends = [one.until_ms for one in rows.find(Report, grant=grant.id)]
    return max(ends, default=grant.from_ms)


def _is_late(grant: Grant, rows: Rows, at_ms: int) -> bool:
    if at_ms >= grant.until_ms + GRACE_MS and reported_ms(grant, rows) < grant.until_ms:
        return True
    found = rows.find(Report, grant=grant.id)
    return any(not one.is_paid and at_ms >= one.at_ms + GRACE_MS for one in found)
