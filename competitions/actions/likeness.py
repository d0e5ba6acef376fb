"""What a worker writes down of how like adapters are: its normal form, and copies that are out."""

from datetime import datetime

from django.db import transaction

from competitions import queries
from competitions.actions import sealing
from competitions.actions.moment import contest_row, next_ms
from competitions.errors import Duplicate
from competitions.models import Evaluation, NormalForm
from competitions.rules.fold import fold
from competitions.rules.rows import State
from ledger import log

CAN_GO = (State.COMMITTED, State.SCORED)


def keep_form(*, adapter_sha256: str, form_sha256: str) -> None:
    """Remember which blob is the normal form of an adapter; the same again changes nothing."""
    told = {"sha256": form_sha256}
    NormalForm.objects.update_or_create(pk=adapter_sha256, defaults=told)


def note_adapter(*, submission: str, adapter_sha256: str) -> None:
    """Say which adapter is being run, so that whoever is measured meanwhile compares with it.

    Of two that are run at once each says it before it looks, so one of them sees the other.
    """
    work = Evaluation.objects.filter(submission=submission, slice=Evaluation.Slice.BOARD)
    work.update(adapter_sha256=adapter_sha256)


@transaction.atomic
def refuse_copy(*, submission: str, error: Duplicate, now: datetime) -> bool:
    """Put an entry out that an earlier one, measured later, shows to be a copy; False: it is not.

    Work on it that somebody has taken is over, and its fence is stale.
    """
    one = queries.entry_row(submission)
    assert one is not None, "a rival is an entry"
    contest = contest_row(one.competition)
    one = queries.entry_row(submission)
    if one is None or one.state not in CAN_GO:
        return False
    Evaluation.objects.filter(submission=submission).delete()
    body = sealing.refusal_of(submission, contest, error, at_ms=next_ms(contest, now))
    log.record([log.fact(body, idempotency=submission)], rooms=(fold,))
    return True
