"""Reading channels of metered use."""

from django.db.models import QuerySet

from ledger import log
from licensing import errors
from licensing.models import Channel, Meter
from licensing.queries.works import due_above
from licensing.queries.works import work as work_of
from licensing.rules import rows
from licensing.rules.lineage import WHOLE_E8

REDEEMED_EVERY_MS = 3_600_000
BEFORE_THE_END_MS = 900_000  # a channel is redeemed this long before its money goes back


def channel(name: str) -> rows.Channel:
    """raises ChannelUnknown"""
    found = Channel.objects.filter(pk=name).values().first()
    if found is None:
        raise errors.ChannelUnknown(f"No channel {name[:16]} was opened.", channel=name)
    return log.row_of(rows.Channel, dict(found))


def parts_of_work(work: str) -> dict[str, int]:
    """work -> its part of what is paid for this one, parts per 10^8. raises WorkUnknown"""
    above = due_above(work_of(work).pk)
    return {work: WHOLE_E8 - sum(above.values()), **above}


def channels_of(payer: str) -> QuerySet[Channel]:
    """Channels that an account pays, the newest first."""
    return Channel.objects.filter(payer=payer).order_by("-opened_ms", "id")


def channels_to_settle(at_ms: int, *, limit: int) -> list[str]:
    """Channels of this site that were not redeemed for an hour, or end soon; those first."""
    ending = Channel.objects.filter(is_closed=False, expires_ms__lt=at_ms + BEFORE_THE_END_MS)
    waiting = Meter.objects.filter(settled_ms__lte=at_ms - REDEEMED_EVERY_MS)
    names = [
        *Meter.objects.filter(pk__in=ending.values("pk")).values_list("pk", flat=True)[:limit],
        *waiting.order_by("settled_ms").values_list("pk", flat=True)[:limit],
    ]
    return list(dict.fromkeys(names))[:limit]
