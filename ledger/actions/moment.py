"""The time of the log, and taking turns."""

from datetime import datetime

from ledger.models import Lease


def ms(now: datetime) -> int:
    """The log's time: whole milliseconds since 1970, UTC."""
    return int(now.timestamp() * 1000)


def only_one_at_a_time(job: str) -> None:
    """Take turns with everybody who does the same job, until the transaction ends."""
    Lease.objects.get_or_create(job=job)
    Lease.objects.select_for_update().get(job=job)
