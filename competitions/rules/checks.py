"""What the contest's rules ask of a fact, in one line each."""

from competitions.errors import FoldRefused
from ledger.rules.entry import Entry


def need(is_so: bool, entry: Entry, reason: str) -> None:  # noqa: FBT001 - a claim, not a switch
    """raises FoldRefused unless the claim holds"""
    if not is_so:
        message = f"{entry.kind} does not follow from the rules: {reason}."
        raise FoldRefused(message, reason=reason, kind=entry.kind, entry=entry.id)


def order_of(entry: Entry, kind: str) -> Entry:
    """The order that the fact answers, of this kind. raises FoldRefused"""
    order = entry.order
    need(order is not None and order.kind == kind, entry, f"it answers no {kind}")
    assert order is not None
    return order
