"""Many at once, and what must hold after them: shared by the laws of the contest."""

import threading

from django.db import connection
from django.db.models import Sum

from assay import merkle, notes
from assay.keys import public_hex
from ledger import log
from ledger.models import Account, Checkpoint, Edge, Message


def together(crowd):
    """A crowd, each with its connection open before all go through a second gate.

    Else the first is done before the last is connected, and a missing lock is not seen.
    """

    def run(job, size=8):
        gate = threading.Barrier(size)

        def one(number):
            connection.ensure_connection()
            gate.wait(600)
            job(number)

        return crowd(one, size=size)

    return run


def count(kind):
    """How many messages of a kind the log has."""
    return Message.objects.filter(kind=kind).count()


def nothing_is_made_or_lost():
    sums = Account.objects.aggregate(Sum("available_nano"), Sum("pending_out_nano"))
    return sum(sums.values()) == 0


def assert_the_tree_is_that_of_the_log():
    """Indexes 0, 1, 2 ...; each checkpoint's root and signature are those of its entries."""
    rows = list(Message.objects.order_by("log_index"))
    assert [row.log_index for row in rows] == [*range(len(rows))]
    leaves = [merkle.leaf_hash(bytes(row.raw)) for row in rows]
    public = bytes.fromhex(public_hex(log.signing_key("log")))
    for one in Checkpoint.objects.order_by("size"):
        origin = one.note.split("\n", 1)[0]
        vkey = notes.verifier_key(origin, notes.LOG_KEY, public)
        signed = notes.read_checkpoint(one.note, vkey)
        assert signed.size == one.size
        assert signed.root == merkle.root(leaves[: one.size]) == bytes.fromhex(one.root)
    assert Checkpoint.objects.order_by("size").last().size == Edge.objects.get().size == len(rows)
