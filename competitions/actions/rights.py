"""What the licensing room cannot see: whose adapters lie under commitments."""

from datetime import datetime

from django.db import transaction

from competitions import queries
from ledger import log
from ledger.rules.accounts import FEE, Account
from ledger.rules.entry import Entry
from licensing import actions
from licensing.errors import WorkTaken
from licensing.rules.rows import content_in


@transaction.atomic
def register_work(order: Entry, *, now: datetime) -> str:
    """Register a work, unless its bytes are the adapter of an entry, sealed or not.

    Of sealed ones no fold can know that. The lock is the one under which a score looks for works.
    raises as licensing.actions.register_work
    """
    log.Tables().lock(Account, [FEE])
    if owner := queries.owner_of_adapter(content_in(order.body.work)):
        message = "It is the adapter of an entry, which becomes a work when the entry wins."
        raise WorkTaken(message, work=order.body.work, owner=owner)
    return actions.register_work(order, now=now)
