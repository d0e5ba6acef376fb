"""The queue of scoring runs: what is put into it, and who takes the next one.

Turns and leases are no facts, so they are not logged: replay does not care who tried.
"""

from datetime import datetime, timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Greatest

from competitions import queries
from competitions.errors import StaleAttempt
from competitions.models import Cost, Evaluation, Turn
from competitions.rules.rows import Competition
from competitions.rules.turns import pause_s
from ledger.actions import ms

ALL = {"competition": "", "owner": ""}  # the turns of all competitions
KEPT = 8  # of a mean, that many parts are what was known, for one of what is new


class Run(NamedTuple):
    """What waits. submission: empty for the untouched base; number: which of its runs it is"""

    submission: str
    owner: str
    slice: str
    number: int = 0


def enqueue(contest: Competition, run: Run, *, now: datetime) -> None:
    """Let a run wait for its turn.

    Call it under the competition's lock, in the transaction that asks for the run.
    """
    theirs = {"competition": contest.id, "owner": ""}
    Turn.objects.get_or_create(competition="", owner="")
    _join(theirs, ALL, now)
    _join(theirs | {"owner": run.owner}, theirs, now)
    Evaluation.objects.create(
        competition=contest.id,
        **run._asdict(),
        least=contest.spec.min_sandbox_level,
        is_generic=queries.is_generic(contest.spec.manifest_sha256),
        cost_ms=queries.cost_ms(contest.spec.manifest_sha256, run.slice),
        created_at=now,
    )


@transaction.atomic
def claim(
    *, worker: str, levels: list[str], now: datetime, runs_generic: bool = True
) -> tuple[int, int] | None:
    """Take the work whose turn it is; the answer is its number and the fence to answer with.

    None when nothing is there that this worker may do. Two workers never take the same: on
    PostgreSQL each passes by what the other has locked, on SQLite they take turns.
    """
    found = queries.next_evaluation(now, worker=worker, levels=levels, runs_generic=runs_generic)
    return (found.pk, _take(found, worker, now)) if found else None


@transaction.atomic
def lease(*, evaluation: int, now: datetime, worker: str = "") -> int | None:
    """Take this work and return the fence to answer with; None: another has it, or it is done."""
    free = queries.evaluations_waiting(now, worker=worker).filter(pk=evaluation)
    found = free.select_for_update().first()
    return _take(found, worker, now) if found else None


def _take(work: Evaluation, worker: str, now: datetime) -> int:
    """Under its lock. Of work that was held before, whoever had it never came back."""
    if work.leased_until is not None:
        work.lost += 1
        work.losses = [*work.losses, {"worker": work.worker, "at_ms": work.begun_ms}]
    work.fence += 1
    work.attempts += 1
    work.worker, work.begun_ms = worker, ms(now)
    work.leased_until = now + timedelta(seconds=settings.LEASE_S)
    work.save()
    _serve(work)
    return work.fence


def extend_lease(*, evaluation: int, fence: int, now: datetime) -> None:
    """Make the lease of work that still runs as long as a fresh one, counted from now.

    raises StaleAttempt when another attempt counts
    """
    until = now + timedelta(seconds=settings.LEASE_S)
    if not Evaluation.objects.filter(pk=evaluation, fence=fence).update(leased_until=until):
        raise StaleAttempt("Another attempt counts.", work=str(evaluation), fence=fence)


def rest(work: Evaluation, reason: str, now: datetime) -> None:
    """Let nobody take work that failed by our fault for a while, longer each time.

    Other workers may take it after a quarter of that time, so that one where there is another does.
    """
    pause_ms, now_ms = 1000 * pause_s(work.attempts), ms(now)
    Evaluation.objects.filter(pk=work.pk).update(
        leased_until=None,
        not_before_ms=now_ms + pause_ms // 4,
        again_ms=now_ms + pause_ms,
        failed_by=work.worker,
        last_error=reason,
    )


def note_cost(manifest_sha256: str, slice_name: str, took_ms: int) -> None:
    """Remember how long a run took: an eighth of what is expected of the next one."""
    known = Cost.objects.filter(manifest_sha256=manifest_sha256, slice=slice_name)
    mean_ms = (F("mean_ms") * (KEPT - 1) + took_ms) / KEPT
    if not known.update(mean_ms=mean_ms):
        told = {"manifest_sha256": manifest_sha256, "slice": slice_name}
        Cost.objects.get_or_create(**told, defaults={"mean_ms": took_ms})


def _join(who: dict[str, str], above: dict[str, str], now: datetime) -> None:
    """Whoever had nothing waiting begins where the others are: time that passed saves up nothing.

    above  the turns that it is one of
    """
    clock_ms = Turn.objects.filter(**above).values_list("clock_ms", flat=True).first() or 0
    turn, is_new = Turn.objects.get_or_create(**who, defaults={"served_ms": clock_ms})
    mine = {"competition": who["competition"]} | ({"owner": who["owner"]} if who["owner"] else {})
    if not is_new and not queries.evaluations_waiting(now).filter(**mine).exists():
        Turn.objects.filter(pk=turn.pk).update(served_ms=Greatest(F("served_ms"), clock_ms))


def _serve(work: Evaluation) -> None:
    """It has its turn: the next one of its competition, and of its owner, begins when it is over.

    The clocks above go on to where this turn began, and never back.
    """
    theirs = Q(competition=work.competition, owner__in=["", work.owner])
    turns = {one.owner: one for one in Turn.objects.filter(theirs)}
    cost_ms, mine, contest = work.cost_ms, turns.get(work.owner), turns.get("")
    if contest:
        began_ms = contest.served_ms
        Turn.objects.filter(**ALL).update(clock_ms=Greatest(F("clock_ms"), began_ms))
        clock_ms = Greatest(F("clock_ms"), mine.served_ms if mine else 0)
        now_served = Turn.objects.filter(pk=contest.pk)
        now_served.update(clock_ms=clock_ms, served_ms=F("served_ms") + cost_ms)
    if mine and work.owner:
        Turn.objects.filter(pk=mine.pk).update(served_ms=F("served_ms") + cost_ms)
