"""What a run came to is sealed as it is recorded, and opened after the close."""

import logging
import secrets
from datetime import datetime

from django.db import transaction

from assay import messages
from assay.bounds import fitting
from assay.errors import AssayError
from assay.messages import Opened, Refusal, Result, Stop
from assay.messages.parts import WORDS
from assay.wire import to_json
from competitions import queries
from competitions.actions.moment import contest_row, next_ms
from competitions.models import Unopened
from competitions.rules import likeness, seals
from competitions.rules.fold import fold
from competitions.rules.rows import Competition, Held
from competitions.rules.visibility import SECRET_PHASES
from ledger import log

_LOG = logging.getLogger(__name__)


def seal(submission: str, contest: Competition, content: Result | Stop | Refusal) -> str:
    """Keep what a fact tells by a hash alone, until it is opened; the answer is the hash."""
    salt = secrets.token_hex(32)
    made = seals.seal_of(salt, content)
    Unopened.objects.create(
        seal=made,
        competition=contest.id,
        submission=submission,
        held=seals.HOLDS[type(content)],
        salt=salt,
        content=to_json(content),
    )
    return made


def keep_base(contest: Competition) -> None:
    """The base's result on the board slice lies under its seal until the close, as entries' do."""
    manifest_sha256 = contest.spec.manifest_sha256
    base = queries.sealed(manifest_sha256).base
    Unopened.objects.create(
        seal=queries.evaluator_row(manifest_sha256).board_seal,
        competition=contest.id,
        submission="",
        held=Held.RESULT,
        salt=base["salt"],
        content=base["result"],
    )


def refusal_of(
    submission: str, contest: Competition, error: AssayError, *, at_ms: int
) -> messages.SubmissionRefused:
    """The fact that an entry is out, with the reason under its seal."""
    cause, advice = (fitting(text, WORDS) for text in (str(error), error.next_step))
    held = Refusal(error.code, cause, advice, likeness.likeness_of(error))
    return messages.SubmissionRefused(submission, seal(submission, contest, held), at_ms)


@transaction.atomic
def open_next(competition: str, *, now: datetime) -> bool:
    """Open the next batch of seals of a competition that is closed; False when none can be opened.

    One that does not hold what is kept for it any more stays closed, and holds up no other.
    """
    contest = contest_row(competition)
    if contest.phase in SECRET_PHASES:
        return False
    lines = seals.batch(_sound(queries.to_open(contest.id, limit=seals.MOST_OPENED)))
    if not lines:
        return False
    body = messages.ResultsOpened(
        contest.id, contest.opened_batches, tuple(lines), next_ms(contest, now)
    )
    Unopened.objects.filter(seal__in=[one.seal for one in lines]).delete()
    words = f"{contest.id}/{contest.opened_batches}"
    log.record([log.fact(body, idempotency=words)], rooms=(fold,))
    return True


def _sound(lines: list[Opened]) -> list[Opened]:
    """Those that open their seals; the others are lost, which is said aloud once."""
    lost = [one.seal for one in lines if not seals.fits(one)]
    if lost:
        Unopened.objects.filter(seal__in=lost).update(is_lost=True)
        _LOG.error("Seals that cannot be opened any more: %s", ", ".join(lost))
    return [one for one in lines if one.seal not in lost]
