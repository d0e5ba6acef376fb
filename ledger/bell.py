"""The one signal of the house: there may be work. It carries no facts; who hears it looks."""

from django.db import transaction
from django.dispatch import Signal

rung = Signal()


def ring_after_commit() -> None:
    """Ring once the transaction is committed. A bell that fails costs time, never a message."""
    transaction.on_commit(lambda: rung.send(sender=None), robust=True)
