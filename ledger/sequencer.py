"""Gives every committed message its place: dense indexes, one holder at a time, a signed root."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from assay import merkle, notes
from ledger.log import signing_key
from ledger.models import Checkpoint, Edge, Lease, Message

LEASE_S = 30
MOST_AT_ONCE = 4096


@transaction.atomic
def sequence(*, holder: str, now: datetime, limit: int = MOST_AT_ONCE) -> int:
    """Give up to `limit` waiting messages the next indexes and sign a checkpoint over them.

    returns  how many; 0 when nothing waits or the lease is another's

    The row of the lease stays locked to the end of the transaction, so two that both believe they
    hold it take turns; a holder that was paused past its time finds the row changed.
    """
    if not Message.objects.filter(log_index=None).exists() or not _holds(holder=holder, now=now):
        return 0
    waiting = list(Message.objects.filter(log_index=None).order_by("id")[:limit])
    if not waiting:  # whoever held the lease before us has given them their places
        return 0
    edge, _ = Edge.objects.get_or_create(pk=1)
    for message in waiting:
        message.log_index = edge.size
        hashes = [bytes.fromhex(one) for one in edge.hashes]
        grown = merkle.grown(hashes, edge.size, merkle.leaf_hash(bytes(message.raw)))
        edge.size, edge.hashes = edge.size + 1, [one.hex() for one in grown]
    Message.objects.bulk_update(waiting, ["log_index"])
    edge.save()
    _sign(edge)
    return len(waiting)


def _sign(edge: Edge) -> None:
    root = merkle.edge_root([bytes.fromhex(one) for one in edge.hashes])
    note = notes.sign_checkpoint(
        notes.Checkpoint(settings.LOG_ORIGIN, edge.size, root), signing_key("log")
    )
    Checkpoint.objects.create(size=edge.size, root=root.hex(), note=note)


def _holds(*, holder: str, now: datetime) -> bool:
    Lease.objects.get_or_create(job="sequencer")
    free = Q(until=None) | Q(until__lt=now) | Q(holder=holder)
    until = now + timedelta(seconds=LEASE_S)
    return bool(Lease.objects.filter(free, job="sequencer").update(holder=holder, until=until))
