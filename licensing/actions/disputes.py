"""Disputes about works: raised by anybody who signs for it, judged by the operator."""

from datetime import datetime

from django.db import transaction

from assay import messages
from assay.canonical import sha256_hex
from ledger import log
from ledger.actions import ms
from ledger.rules.accounts import Account
from ledger.rules.entry import Entry
from licensing import queries
from licensing.actions.indexes import index_dues
from licensing.models import Dispute
from licensing.rules import disputes
from licensing.rules.fold import licensing
from licensing.rules.rows import pool_of


@transaction.atomic
def raise_dispute(order: Entry, *, now: datetime) -> Dispute:
    """Take down what a `work.dispute` order says; the operator is to judge it.

    returns  the dispute; the same order again gives the same one
    raises   WorkUnknown, DisputeTwice
    """
    asked: messages.WorkDispute = order.body
    log.Tables().lock(Account, [pool_of(asked.work)])
    if not log.find(order.id):
        body = messages.DisputeRaised(order.id, asked.work, order.actor, ms(now))
        log.record([order, log.fact(body, answers=order)], rooms=(licensing,))
    return queries.dispute(order.id)


@transaction.atomic
def judge_dispute(name: str, *, ruling: str, why: str, now: datetime) -> Dispute:
    """Record the operator's ruling: opened, cleared or upheld.

    Upheld again pays the claimant what came into the pool since.
    raises DisputeUnknown, DisputeOver
    """
    rows, found = log.Tables(), queries.dispute(name)
    rows.lock(Account, [found.claimant, pool_of(found.work)])
    before = disputes.judged(name, ruling, rows)
    words = f"{name}/{before.state}/{ruling}/{ms(now)}"
    kind = messages.KIND_OF[messages.DisputeJudged]
    anchor = sha256_hex(f"/{kind}/{words}".encode())
    lines = disputes.owed_to_claimant(before, ruling, anchor, rows)
    body = messages.DisputeJudged(name, ruling, why, lines, ms(now))
    log.record([log.fact(body, idempotency=words)], rooms=(licensing,))
    index_dues([found.work])
    return queries.dispute(name)
