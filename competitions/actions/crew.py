"""The workers: registered by the operator, and retired."""

from datetime import datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import F

from assay import messages
from competitions import queries
from competitions.models import Evaluation
from competitions.rules.fold import fold
from ledger import log
from ledger.actions import ms


class Applicant(NamedTuple):
    """A worker that wants to sign. signature: by its key, of `assay.runs.worker_words`"""

    key: str
    name: str
    device: str
    sandbox_level: str
    signature: str


@transaction.atomic
def register(one: Applicant, *, now: datetime) -> None:
    """Let a worker's key sign final scores; harmless when it does.

    raises FoldRefused
    """
    if queries.worker(one.key) is None:
        body = messages.WorkerRegistered(*one, ms(now))
        log.record([log.fact(body, idempotency=one.key)], rooms=(fold,))


@transaction.atomic
def retire(key: str, *, reason: str, now: datetime) -> None:
    """Let nothing that this key signs count from here on; harmless when it is retired.

    What it ran alone is run again, and what it runs now is another's.
    raises FoldRefused when there is no such worker
    """
    known = queries.worker(key)
    if known is not None and known.retired_ms is not None:
        return
    fact = log.fact(messages.WorkerRetired(key, reason, ms(now)), idempotency=key)
    log.record([fact], rooms=(fold,))
    Evaluation.objects.filter(worker=key).update(
        found=None, worker="", leased_until=None, fence=F("fence") + 1
    )
