"""Reading what holders reported to have earned."""

from dataclasses import dataclass

from ledger import log
from licensing import errors
from licensing.models import Grant, Report
from licensing.queries.sales import grant
from licensing.rules import rows
from licensing.rules.overdue import GRACE_MS


@dataclass(frozen=True)
class Reports:
    """What was reported on a licence. next_ms: where the next report begins; 0 when it is whole

    due_ms  until when the last one is due
    """

    grant: Grant
    found: list[rows.Report]
    next_ms: int
    due_ms: int

    @property
    def owed_nano(self) -> int:
        """What is not paid yet."""
        return sum(one.owed_nano for one in self.found if not one.is_paid)


def report(name: str) -> rows.Report:
    """raises ReportUnknown"""
    found = Report.objects.filter(pk=name).values().first()
    if found is None:
        raise errors.ReportUnknown(f"No report {name[:16]} was made.", report=name)
    return log.row_of(rows.Report, dict(found))


def reports(grant_id: str) -> Reports:
    """raises GrantUnknown, ReportNeedless"""
    about = grant(grant_id)
    if not about.share_e8:
        raise errors.ReportNeedless("This licence asks for no share.", grant=grant_id)
    listed = Report.objects.filter(grant=grant_id).order_by("since_ms").values()
    found = [log.row_of(rows.Report, dict(one)) for one in listed]
    end_ms = found[-1].until_ms if found else about.from_ms
    next_ms = end_ms if end_ms < about.until_ms else 0
    return Reports(about, found, next_ms, about.until_ms + GRACE_MS)
