"""The preview of a draft's files: asked for with each change, done by a worker, then shown.

It only looks: the dry run reads the files again, in a jail of its own.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from assay.errors import AssayError
from assay.wire import to_json
from competitions import queries
from competitions.errors import StaleAttempt
from competitions.models import Draft, Preview
from competitions.rules.preview import DraftRead
from ledger import bell
from web import budgets

LEASE_S = 300


def ask(draft: Draft, asked: Mapping[str, object], *, now: datetime) -> None:
    """Ask for a preview, unless these very files were read, or wait, in this very way.

    Call inside the transaction that saves the draft. asked: what the reader is to be given
    raises ReadingsSpent
    """
    assert transaction.get_connection().in_atomic_block
    found = queries.preview(draft.pk)
    if found is not None and found.asked == asked and not found.problem:
        return
    budgets.spend("readings", account=draft.sponsor)
    fence = found.fence if found else 0
    Preview(draft=draft.pk, asked=dict(asked), asked_at=now, fence=fence).save()
    bell.ring_after_commit()


def forget(draft: str) -> None:
    """A draft is thrown away, and what was read of its files."""
    Preview.objects.filter(pk=draft).delete()


@transaction.atomic
def lease(*, draft: str, now: datetime) -> int | None:
    """Take the work and return the fence to answer with; None: another has it, or it is done."""
    until = now + timedelta(seconds=LEASE_S)
    free = queries.previews_waiting(now).filter(pk=draft)
    if not free.update(leased_until=until, fence=F("fence") + 1, attempts=F("attempts") + 1):
        return None
    return int(Preview.objects.values_list("fence", flat=True).get(pk=draft))


def record(*, draft: str, fence: int, found: DraftRead) -> None:
    """Keep what was read. raises StaleAttempt"""
    _end(draft, fence, found=to_json(found))


def record_failure(*, draft: str, fence: int, error: AssayError) -> None:
    """The files could not be read at all: tell the sponsor why. raises StaleAttempt"""
    _end(draft, fence, problem=error.as_dict())


def _end(draft: str, fence: int, **told: object) -> None:
    mine = Preview.objects.filter(pk=draft, fence=fence, is_read=False)
    if not mine.update(is_read=True, leased_until=None, **told):
        raise StaleAttempt("Another attempt counts.", work=draft, fence=fence)
