"""What a worker may write down of work that it has leased, with the fence of its lease."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from assay import messages
from assay.bounds import fitting
from assay.errors import AssayError
from assay.messages import Result, Stop
from assay.messages.competitions import FAULT
from assay.wire import changed, to_json
from competitions import queries
from competitions.actions import queue, sealing, verification
from competitions.actions.moment import contest_row, next_ms
from competitions.actions.opening import keep_adapter
from competitions.errors import Duplicate, StaleAttempt
from competitions.models import Evaluation
from competitions.rules import race, seals
from competitions.rules.checks import need
from competitions.rules.exits import FAULTS_PROVE
from competitions.rules.fold import fold
from competitions.rules.rows import Competition
from ledger import log
from ledger.actions import ms
from ledger.rules.accounts import FEE, Account
from ledger.rules.entry import Entry
from licensing import queries as rights
from licensing.rules.rows import ENTRY


@dataclass(frozen=True)
class Measured:
    """What a run in the sandbox gave. adapter_sha256: of the canonical blob, empty for the base.

    signature  of a run on the final slice, by its worker
    """

    adapter_sha256: str
    result: Result
    signature: str = ""


@dataclass(frozen=True)
class Stopped:
    """What a run came to that its race stopped."""

    adapter_sha256: str
    stop: Stop
    sandbox_level: str
    policy_sha256: str


@transaction.atomic
def record_score(*, evaluation: int, fence: int, measured: Measured, now: datetime) -> None:
    """Write a score down, once, by the worker that holds the newest fence.

    On the final slice it is kept until another worker has come to the same.
    The same adapter entered earlier by somebody else makes this entry a refused duplicate.
    raises StaleAttempt when the work was leased again, or done, in between
    """
    work, contest = _take(evaluation, fence, keeps=Evaluation.Slice.FINAL)
    queue.note_cost(contest.spec.manifest_sha256, work.slice, ms(now) - work.begun_ms)
    if _is_copy(work, contest, measured.adapter_sha256, now=now):
        return
    if work.slice == Evaluation.Slice.FINAL:
        told = {"adapter_sha256": measured.adapter_sha256, "signature": measured.signature}
        verification.note(work, contest, told | {"result": to_json(measured.result)}, now)
        return
    fact = _board_score(work, contest, measured, at_ms=next_ms(contest, now))
    log.record([fact], rooms=(fold,))


@transaction.atomic
def record_elimination(*, evaluation: int, fence: int, stopped: Stopped, now: datetime) -> None:
    """Write down that a race stopped the entry, once, by the worker that holds the newest fence.

    raises StaleAttempt
    """
    work, contest = _take(evaluation, fence)
    if _is_copy(work, contest, stopped.adapter_sha256, now=now):
        return
    stop = stopped.stop
    body = messages.SubmissionEliminated(
        submission=work.submission,
        manifest_sha256=contest.spec.manifest_sha256,
        rival=stop.rival,
        seal=sealing.seal(work.submission, contest, stop),
        sandbox_level=stopped.sandbox_level,
        policy_sha256=stopped.policy_sha256,
        at_ms=next_ms(contest, now),
    )
    fact, rival = log.fact(body, idempotency=work.submission), queries.entry_row(stop.rival)
    evaluator = queries.evaluator_row(contest.spec.manifest_sha256)
    wrong = race.misform(stop, queries.with_result(rival), evaluator) if rival else ""
    need(not wrong, fact, wrong)
    log.record([fact], rooms=(fold,))


@transaction.atomic
def record_refusal(*, evaluation: int, fence: int, error: AssayError, now: datetime) -> None:
    """The adapter itself is at fault: it is out. On the final slice two workers must say so.

    raises StaleAttempt
    """
    work, contest = _take(evaluation, fence, keeps=Evaluation.Slice.FINAL)
    if work.slice == Evaluation.Slice.FINAL:
        verification.note(work, contest, verification.refusal_of(error), now)
        return
    _refuse(work.submission, error, contest, now=now)


@transaction.atomic
def record_failure(*, evaluation: int, fence: int, reason: str, now: datetime) -> None:
    """Our side failed: the work waits, longer each time, and keeps its place; it is never given up.

    raises StaleAttempt
    """
    work, _ = _take(evaluation, fence, is_kept=True)
    queue.rest(work, reason, now)


@transaction.atomic
def record_fault(*, evaluation: int, fence: int, error: AssayError, now: datetime) -> None:
    """The sponsor's own code or data could not score what our side had computed.

    On the final slice that is told to everybody: a competition that ends for it costs the bond
    (rules/exits.py). On the board slice, the second time, it refuses the entry.
    raises StaleAttempt
    """
    work, contest = _take(evaluation, fence, is_kept=True)
    is_again = work.last_error == str(error)
    if work.slice == Evaluation.Slice.BOARD and is_again:
        Evaluation.objects.filter(pk=evaluation).delete()
        _refuse(work.submission, error, contest, now=now)
        return
    queue.rest(work, str(error), now)
    if work.slice == Evaluation.Slice.FINAL and contest.faults < FAULTS_PROVE:
        told = (contest.id, work.submission, fitting(str(error), FAULT), next_ms(contest, now))
        fact = log.fact(messages.TaskFaulted(*told), idempotency=f"{evaluation}/{fence}")
        log.record([fact], rooms=(fold,))


def _take(
    evaluation: int, fence: int, *, is_kept: bool = False, keeps: str = ""
) -> tuple[Evaluation, Competition]:
    """Lock the competition, then spend the fence, or keep it under a lock. raises StaleAttempt

    keeps  the slice whose work is kept
    """
    work = Evaluation.objects.filter(pk=evaluation, fence=fence).first()
    contest = contest_row(work.competition) if work else None
    mine = Evaluation.objects.filter(pk=evaluation, fence=fence)
    is_kept = is_kept or (work is not None and work.slice == keeps)
    mine = mine.filter(found__isnull=True)
    still_mine = bool(mine.select_for_update()) if is_kept else mine.delete()[0]
    if work is None or contest is None or not still_mine:
        raise StaleAttempt("Another attempt counts.", work=str(evaluation), fence=fence)
    return work, contest


def _is_copy(work: Evaluation, contest: Competition, adapter_sha256: str, *, now: datetime) -> bool:
    """True for an adapter that somebody else entered earlier: the entry is then refused.

    So is one whose bytes are a work outside of contests, which may owe its base nothing.
    The lock is that of a registration, so that of the two the one sees the other.
    """
    if not work.submission:
        return False
    keep_adapter(work.submission, adapter_sha256)
    if work.slice != Evaluation.Slice.BOARD:
        return False
    log.Tables().lock(Account, [FEE])
    earlier = queries.earlier_entry(work.submission, adapter_sha256)
    claimed = rights.works().filter(content=adapter_sha256).exclude(pk__startswith=ENTRY).exists()
    if earlier is None and not claimed:
        return False
    error = Duplicate("The same adapter is there already.", of=earlier or adapter_sha256)
    _refuse(work.submission, error, contest, now=now)
    return True


def _refuse(submission: str, error: AssayError, contest: Competition, *, now: datetime) -> None:
    body = sealing.refusal_of(submission, contest, error, at_ms=next_ms(contest, now))
    log.record([log.fact(body, idempotency=submission)], rooms=(fold,))


def _board_score(
    work: Evaluation, contest: Competition, measured: Measured, *, at_ms: int
) -> Entry:
    """The result is sealed; its score is told when it is a clear improvement.

    raises FoldRefused for what could not be opened later
    """
    body = messages.SubmissionScored(
        submission=work.submission,
        manifest_sha256=contest.spec.manifest_sha256,
        seal=sealing.seal(work.submission, contest, measured.result),
        at_ms=at_ms,
    )
    bare = log.fact(body, idempotency=work.submission)
    best = seals.best_shown(queries.entry_rows_of(contest.id, _owner(work)), work.submission)
    known = queries.with_result(best) if best else None
    told = seals.shown(bare, measured.result, known, log.Tables())
    return log.fact(changed(body, shown=told), idempotency=work.submission) if told else bare


def _owner(work: Evaluation) -> str:
    entry = queries.entry_row(work.submission)
    assert entry is not None, "work is done for an entry"
    return entry.owner
