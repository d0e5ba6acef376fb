"""The one signal of the house: there may be work. It carries no facts; who hears it looks."""

from django.db import transaction
from django.dispatch import Signal

rung = Signal()


def ring() -> None:
    """Ring, after a commit. A bell that fails costs time, never a message: the sweep looks too."""
    rung.send(sender=None)


def ring_after_commit() -> None:
    """Ring once the transaction is committed."""
    transaction.on_commit(ring, robust=True)
