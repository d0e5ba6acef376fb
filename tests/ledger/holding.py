"""What is held and must go back, by the plain words of docs/ledger.md 1.2: every transfer read."""

from ledger.rules import books
from ledger.rules.accounts import Transfer


def expiries(rows, at_ms):
    """The lines that give back each pending transfer whose time is over, in order of its id."""
    held = [one for one in rows.find(Transfer, kind="pending") if one.timeout_s]
    over = [one for one in held if at_ms >= one.at_ms + 1000 * one.timeout_s]
    return [books.expiry(one.id) for one in over if not rows.find(Transfer, pending_id=one.id)]
