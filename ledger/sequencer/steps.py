"""Gives every committed message its place: dense indexes, one holder at a time, a signed root.

    1  one transaction: take the lease, give indexes, move the right edge of the tree
    2  write the tiles and bundles of the new size, each once, each durable    (sequencer/tiles.py)
    3  one transaction: store the signed checkpoint, give the lease back

A crash between any two steps leaves a state from which the next holder goes on: what has no index
gets one, and a tree that is larger than its last checkpoint is written and signed again, with the
same bytes, because all of them follow from rows that are final. docs/ledger.md 2.4 has the table.
"""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q

from assay import merkle, notes
from ledger import queries
from ledger.errors import AnotherHistory
from ledger.log import log_key_at
from ledger.models import Checkpoint, Edge, Lease, Message
from ledger.sequencer import tiles

JOB = "sequencer"
LEASE_S = 10
ROTATION = "house.key_rotated"
MOST_AT_ONCE = 4096


@dataclass(frozen=True)
class _Turn:
    """What a holder has to publish. fence: the number of its lease; every write asks for it."""

    fence: int
    placed: int
    tiled_size: int
    size: int
    root: bytes


def sequence(*, holder: str, now: datetime, limit: int = MOST_AT_ONCE) -> int:
    """Give up to `limit` waiting messages the next indexes, and publish a checkpoint over them.

    returns  how many; 0 when nothing waits or the lease is another's. Whoever heard the bell asks
             until it is 0: the bell is not rung for a message while an earlier one waits
    raises   TilesOfAnotherLog: the tiles are ahead of the database, and a person must decide
             AnotherHistory: a witness proves that our key signed another log; the same
    """
    if not queries.waiting_messages() and not _is_unpublished():
        return 0
    with _hurried():
        turn = _place(holder=holder, now=now, limit=limit)
    if turn is None:
        return 0
    tiles.grow(turn.tiled_size, turn.size, queries.entries)
    with _hurried():
        _publish(turn)
    return turn.placed


def _hurried() -> AbstractContextManager[None]:
    """SQLite lets writers in by chance; our connections to it can ask the others to wait.

    docs/decisions/0046-the-sequencer-goes-first.md
    """
    hurried: AbstractContextManager[None] = getattr(connection, "hurried", nullcontext)()
    return hurried


def _is_unpublished() -> bool:
    """Whether the tree is larger than its tiles: a holder died after it gave the indexes."""
    return Edge.objects.filter(size__gt=F("tiled_size")).exists()


@transaction.atomic
def _place(*, holder: str, now: datetime, limit: int) -> _Turn | None:
    """Step 1. None: the lease is another's."""
    fence = _take_lease(holder=holder, now=now)
    if fence is None:
        return None
    _refuse_on_evidence()
    edge, _ = Edge.objects.get_or_create(pk=1)
    waiting = _waiting(edge, limit)
    hashes = [bytes.fromhex(one) for one in edge.hashes]
    if waiting:
        _give_indexes([name for name, _ in waiting], start=edge.size)
        for _, raw in waiting:
            hashes = merkle.grown(hashes, edge.size, merkle.leaf_hash(raw))
            edge.size += 1
        edge.hashes = [one.hex() for one in hashes]
        edge.save(update_fields=["size", "hashes"])
    return _Turn(fence, len(waiting), edge.tiled_size, edge.size, merkle.edge_root(hashes))


@transaction.atomic
def _publish(turn: _Turn) -> None:
    """Step 3. A holder that was paused past its time finds another fence, and leaves it there."""
    mine = Lease.objects.filter(job=JOB, fence=turn.fence)
    if not mine.update(until=None) or turn.size == turn.tiled_size:
        return
    _refuse_on_evidence()
    stated = notes.Checkpoint(settings.LOG_ORIGIN, turn.size, turn.root)
    note = notes.sign_checkpoint(stated, log_key_at(turn.size))
    told = {"root": turn.root.hex(), "note": note}
    Checkpoint.objects.get_or_create(size=turn.size, defaults=told)
    Edge.objects.filter(pk=1).update(tiled_size=turn.size)


def _waiting(edge: Edge, limit: int) -> list[tuple[int, bytes]]:
    """(row, bytes) of the messages that get a place now.

    A rotation is the last of its turn, so that there is a checkpoint which ends with it: that one
    the old key of the log signs, and the next one the new key (assay/succession.py).
    """
    is_unpublished, last = edge.size > edge.tiled_size, edge.size - 1
    if is_unpublished and Message.objects.filter(log_index=last, kind=ROTATION).exists():
        return []
    found = Message.objects.filter(log_index=None).order_by("id")
    rows = list(found.values_list("id", "raw", "kind")[:limit])
    ends = next((at for at, (*_, kind) in enumerate(rows, 1) if kind == ROTATION), len(rows))
    return [(name, bytes(raw)) for name, raw, _ in rows[:ends]]


def _refuse_on_evidence() -> None:
    """Asked while the lease's row is locked, as it is where evidence is stored: none slips by.

    raises AnotherHistory
    """
    if holders := queries.evidence_holders():
        raise AnotherHistory(holders)


def _take_lease(*, holder: str, now: datetime) -> int | None:
    """The fence of a lease that is ours now; its row stays locked to the end of the transaction."""
    Lease.objects.get_or_create(job=JOB)
    free = Q(until=None) | Q(until__lt=now) | Q(holder=holder)
    until = now + timedelta(seconds=LEASE_S)
    mine = Lease.objects.filter(free, job=JOB)
    if not mine.update(holder=holder, until=until, fence=F("fence") + 1):
        return None
    fence: int = Lease.objects.values_list("fence", flat=True).get(job=JOB)
    return fence


_GIVE_INDEXES = {
    "sqlite": "UPDATE ledger_message SET log_index = %s + place.key FROM json_each(%s) AS place"
    " WHERE ledger_message.id = place.value",
    "postgresql": "UPDATE ledger_message SET log_index = %s + place.nth - 1"
    " FROM json_array_elements_text(%s::json) WITH ORDINALITY AS place(id, nth)"
    " WHERE ledger_message.id = place.id::bigint",
}


def _give_indexes(ids: Sequence[int], *, start: int) -> None:
    """One statement for all of them: `bulk_update` takes ten times as long."""
    with connection.cursor() as cursor:
        cursor.execute(_GIVE_INDEXES[connection.vendor], [start, json.dumps(ids)])
        assert cursor.rowcount == len(ids), "a waiting message was placed by somebody else"
