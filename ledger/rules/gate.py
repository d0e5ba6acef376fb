"""The one gate of the log: what no entry may be, whoever signed it and whatever its kind.

The door, `record`, replay and every auditor ask it, by the fold. So what a door accepts, a fresh
replay accepts too. What an entry means in its place is judged by the fold of its room.
"""

from assay import bounds, messages
from ledger.errors import LogTooLarge, MessageRefused, OriginRefused
from ledger.rules.entry import Entry

PERSON = "person"
MOST_FACT_BYTES = 60_000  # a bundle of tiles counts an entry's bytes in sixteen bits
MOST_ORDER_BYTES = 32_768  # a fact that repeats all of its order, or signs it again, still fits


def admit(entry: Entry, *, origin: str) -> None:
    """Refuse what the log never takes: orders for another one, odd tags, bytes, and values.

    origin  the log's own name
    raises OriginRefused, MessageRefused, LogTooLarge, BodyInvalid
    """
    is_order = messages.KINDS[entry.kind].signer == PERSON
    if is_order and entry.origin != origin:
        raise OriginRefused(entry.kind, entry.origin, origin)
    if not is_order and entry.origin:
        raise _refused(entry, "a fact names no log: it answers an order of it")
    if is_order and entry.cause:
        raise _refused(entry, "only a fact answers an order")
    if not is_order and entry.speaker:
        raise _refused(entry, "nobody is spoken for in a fact")
    most_bytes = MOST_ORDER_BYTES if is_order else MOST_FACT_BYTES
    if len(entry.raw) > most_bytes:
        raise LogTooLarge(entry.kind, len(entry.raw), most_bytes)
    bounds.check(entry.body)


def _refused(entry: Entry, reason: str) -> MessageRefused:
    return MessageRefused(
        f"{entry.kind} is refused: {reason}.", reason=reason, kind=entry.kind, entry=entry.id
    )
