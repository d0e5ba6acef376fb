"""What every fold asks of a fact: the order that it answers, or a refusal with the reason."""

from ledger.errors import MessageRefused
from ledger.rules.entry import Entry


def need_order(entry: Entry, *kinds: str) -> Entry:
    """The order that a fact answers, which must be of one of these kinds.

    raises MessageRefused
    """
    if entry.order is None or entry.order.kind not in kinds:
        raise refused(entry, f"it answers no {' or '.join(kinds)}")
    return entry.order


def refused(entry: Entry, reason: str) -> MessageRefused:
    return MessageRefused(
        f"{entry.kind} is refused: {reason}.", reason=reason, kind=entry.kind, entry=entry.id
    )
