"""Many at once, and what must hold after them: shared by the laws of the contest."""

import threading

from django.db import connection
from django.db.models import Sum

from ledger.models import Account, Message


def together(crowd):
    """A crowd, each with its connection open before all go through a second gate.

    Else the first is done before the last is connected, and a missing lock is not seen.
    """

    def run(job, size=8):
        gate = threading.Barrier(size)

        def one(number):
            connection.ensure_connection()
            gate.wait(30)
            job(number)

        return crowd(one, size=size)

    return run


def count(kind):
    """How many messages of a kind the log has."""
    return Message.objects.filter(kind=kind).count()


def nothing_is_made_or_lost():
    sums = Account.objects.aggregate(Sum("available_nano"), Sum("pending_out_nano"))
    return sum(sums.values()) == 0
