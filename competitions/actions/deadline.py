"""What the clock does: every deadline that has passed moves its competition one step on.

Each step is a transaction of its own and may be asked for twice: it looks again under the lock.
Moves go on; an exit ends a competition whose time is over, whatever kept it from moving; what an
end owes is paid batch by batch, and so is opened what was sealed before the close.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from assay import messages
from assay.messages import FileRef
from assay.wire import Nano, from_json
from competitions import queries
from competitions.actions import queue, sealing
from competitions.actions.moment import contest_row, next_ms
from competitions.actions.queue import Run
from competitions.errors import Duplicate, OpeningMissing, Quarantined
from competitions.models import Evaluation
from competitions.rules import dues, exits, race, verdict
from competitions.rules.entries import BY_MARGIN
from competitions.rules.fold import fold
from competitions.rules.registry import rules_of
from competitions.rules.rows import ENDS, Competition, Phase, Submission
from competitions.rules.spec import reveal_until_ms, verify_until_ms
from competitions.rules.workers import NEEDED
from ledger import actions as ledger_actions
from ledger import blobs, log
from ledger.actions import ms

MOST_STEPS = 8
MOST_OPENINGS = 100  # entries that are opened in one step


def advance(competition: str, *, now: datetime) -> list[str]:
    """Take every step that is due; the answer is the phases that were reached.

    A move that breaks changes nothing, and is raised at the end; an exit whose time has come is
    taken all the same.
    raises CompetitionUnknown
    """
    queries.competition(competition)
    reached: list[str] = []
    broken: list[Exception] = []
    for _ in range(MOST_STEPS):
        step = _tried(_opening, competition, now, broken)
        if step is None:
            step = _tried(_step, competition, now, broken)
        if step is None:
            step = _exit(competition, now=now)
        if step is None:
            break
        reached.append(step)
    if broken:
        raise broken[-1]
    return [one for one in dict.fromkeys(reached) if one]


def _tried(
    step: Callable[..., str | None], competition: str, now: datetime, broken: list[Exception]
) -> str | None:
    """What a step answers; None when it breaks, which is told when the exit had its turn."""
    try:
        return step(competition, now=now)
    except Exception as error:  # noqa: BLE001 - raised by `advance`
        broken.append(error)
        return None


def _opening(competition: str, *, now: datetime) -> str | None:
    """Seals are opened before anything moves on from the close; what cannot be holds up nothing."""
    return "" if sealing.open_next(competition, now=now) else None


@transaction.atomic
def _step(competition: str, *, now: datetime) -> str | None:
    """The phase that was reached; "" after a step inside of one; None: nothing is due."""
    contest = contest_row(competition)
    if contest.phase in ENDS:
        return "" if pay_next(contest, now=now) else None
    rule = _MOVES.get(contest.phase)
    return rule(contest, now) if rule else None


@transaction.atomic
def _exit(competition: str, *, now: datetime) -> str | None:
    """Break off what its time is over for; nothing but the rows is looked at."""
    contest = contest_row(competition)
    at_ms = next_ms(contest, now)
    if not exits.is_due(contest, at_ms):
        return None
    Evaluation.objects.filter(competition=contest.id).delete()
    reason, fault = exits.EXITS[contest.phase].reason, exits.fault_of(contest)
    body = messages.CompetitionAborted(contest.id, fault, reason, at_ms)
    return _say(contest, [body], Phase.ABORTED)


def pay_next(contest: Competition, *, now: datetime) -> bool:
    """Pay the next batch that the end of a competition owes; False when nothing is owed.

    contest  under its lock, in a transaction
    """
    lines = dues.next_lines(contest, log.Tables())
    if not lines:
        return False
    body = messages.CompetitionPaid(contest.id, contest.paid_batches, lines, next_ms(contest, now))
    words = f"{contest.id}/{contest.paid_batches}"
    log.record([log.fact(body, idempotency=words)], rooms=(fold,))
    return True


def _open(contest: Competition, now: datetime) -> str | None:
    if ms(now) < contest.spec.opens_at_ms:
        return None
    body = messages.CompetitionOpened(contest.id, next_ms(contest, now))
    return _say(contest, [body], Phase.OPEN)


def _close(contest: Competition, now: datetime) -> str | None:
    if ms(now) < contest.spec.closes_at_ms:
        return None
    at_ms = next_ms(contest, now)
    until_ms = _put_off(contest, contest.spec.closes_at_ms, reveal_until_ms(contest.spec))
    body = messages.CompetitionClosed(contest.id, at_ms, until_ms)
    return _say(contest, [body], Phase.CLOSED)


def _verify(contest: Competition, now: datetime) -> str | None:
    """Set the final scoring of those that decide to work once no board score is missing.

    When nobody stands it is cancelled. Slice and entries stay sealed: what cannot be judged is
    never opened.
    """
    tally = queries.tally(contest.id)
    if tally.committed:
        return _quarantine(contest, Evaluation.Slice.BOARD, tally.scored, now)
    entries = queries.entry_rows(contest.id)  # once: who decides is ranked among all
    if inside := _inside_margin(contest, entries):
        return _resume(contest, inside, now)
    if not tally.standing:
        body = messages.CompetitionCancelled(contest.id, next_ms(contest, now))
        return _say(contest, [body], Phase.CANCELLED)
    if copies := verdict.copies(queries.with_adapters(entries)):
        return _refuse_copies(contest, copies, now)
    named = queries.nominations(contest.id)
    decide = rules_of(contest.spec).ranking(entries, named, contest.spec.finals)
    for name, owner in (("", contest.sponsor), *((one.id, one.owner) for one in decide)):
        for number in range(NEEDED):
            queue.enqueue(contest, Run(name, owner, Evaluation.Slice.FINAL, number), now=now)
    at_ms = next_ms(contest, now)
    until_ms = _put_off(contest, at_ms, verify_until_ms(contest.spec))
    begun = messages.CompetitionVerifying(contest.id, len(decide), at_ms, until_ms)
    return _say(contest, [begun], Phase.VERIFYING)


def _put_off(contest: Competition, from_ms: int, planned_ms: int) -> int | None:
    """When the runs that wait must be done; None: when the spec says, which is time enough."""
    needed_ms = queries.scored_until_ms(contest.id, from_ms)
    return needed_ms if needed_ms > planned_ms else None


def _refuse_copies(contest: Competition, copies: dict[str, str], now: datetime) -> str:
    """Before it is fixed who decides, so that nobody decides by a copy."""
    at_ms = next_ms(contest, now)
    bodies: list[object] = []
    for name, original in copies.items():
        error = Duplicate(f"The same adapter was entered earlier. It is {original}.", of=original)
        bodies.append(sealing.refusal_of(name, contest, error, at_ms=at_ms))
    return _say(contest, bodies, Phase.CLOSED)


def _quarantine(contest: Competition, part: str, passed: int, now: datetime) -> str | None:
    """Refuse the entries that brought down every worker, once all others have their scores.

    passed  how many have theirs: without any, it may be our side that is broken
    """
    works = queries.evaluations_of(contest.id, part)
    lost = {one.submission: one for one in queries.evaluations_lost(works, now)}
    others = works.exclude(submission__in=[*lost]).exists()
    if not lost or not passed or others or "" in lost:
        return None
    at_ms = next_ms(contest, now)
    bodies: list[object] = [
        sealing.refusal_of(name, contest, _evidence(one, passed), at_ms=at_ms)
        for name, one in sorted(lost.items())
    ]
    Evaluation.objects.filter(competition=contest.id, submission__in=[*lost]).delete()
    return _say(contest, bodies, Phase(contest.phase))


def _evidence(work: Evaluation, passed: int) -> Quarantined:
    attempts = [*work.losses, {"worker": work.worker, "at_ms": work.begun_ms}]
    told = "; ".join(
        f"at {one['at_ms']} ms, by the worker {one['worker'][:16] or 'of this site'}"
        for one in attempts
    )
    return Quarantined(
        f"Nobody came back from {len(attempts)} attempts to run it, the last when nothing else "
        f"ran, while {passed} others were scored. They began {told}."
    )


def _inside_margin(contest: Competition, entries: list[Submission]) -> list[Submission]:
    """The eliminated entries that whoever is last placed now would not have stopped."""
    stopped = race.eliminated(entries)
    if not stopped:
        return []
    evaluator = queries.evaluator_row(contest.spec.manifest_sha256)
    secret = bytes.fromhex(queries.sealed(contest.spec.manifest_sha256).salt)
    last = race.last_placed(entries, evaluator)
    orders = ((one, race.order_of(one, evaluator, secret)) for one in stopped)
    return [one for one, order in orders if race.is_inside_margin(one, last, evaluator, order)]


def _resume(contest: Competition, inside: list[Submission], now: datetime) -> str:
    """Run these in full before anything is opened; each can happen to an entry once."""
    at_ms = next_ms(contest, now)
    bodies: list[object] = []
    for place, one in enumerate(inside):
        queue.enqueue(contest, Run(one.id, one.owner, Evaluation.Slice.BOARD), now=now)
        bodies.append(messages.SubmissionResumed(one.id, contest.id, BY_MARGIN, (), at_ms + place))
    return _say(contest, bodies, Phase.CLOSED)


def _judge(contest: Competition, now: datetime) -> str | None:
    """Open slice and those that decide once every final score is there, a batch in each step."""
    tally = queries.tally(contest.id)
    if not verdict.is_verified(contest, tally):
        return _quarantine(contest, Evaluation.Slice.FINAL, tally.final_scored, now)
    bodies: list[object] = []
    at_ms = next_ms(contest, now)
    if not contest.slice_salt:
        bodies.append(_opened_slice(contest, at_ms, now))
    sealed = queries.rows_to_open(contest.id, limit=MOST_OPENINGS)
    bodies += [_revealed(one, at_ms, now) for one in sealed]
    if tally.final_scored > MOST_OPENINGS:
        _say(contest, bodies, Phase.VERIFYING)
        return ""
    until_ms = at_ms + 1 + 1000 * contest.spec.dispute_s
    bodies.append(messages.CompetitionProvisional(contest.id, until_ms, at_ms + 1))
    return _say(contest, bodies, Phase.PROVISIONAL)


def _opened_slice(contest: Competition, at_ms: int, now: datetime) -> messages.SliceOpened:
    sealed = queries.sealed(contest.spec.manifest_sha256)
    files = tuple(from_json(FileRef, one) for one in sealed.files)
    runs = [one for one in (contest.baseline, contest.board_baseline) if one]
    for name in (*(one.sha256 for one in files), *(one.results_sha256 for one in runs)):
        ledger_actions.publish_blob(name, now=now)
    return messages.SliceOpened(contest.id, sealed.salt, files, at_ms)


def _revealed(one: Submission, at_ms: int, now: datetime) -> messages.SubmissionRevealed:
    results = [found.results_sha256 for found in (one.result, one.final_result) if found]
    opening = queries.opening_of(one)
    if opening is None:
        raise OpeningMissing(f"Nothing opens the commitment of {one.id}.", submission=one.id)
    for name in (one.adapter_sha256, *results):
        ledger_actions.publish_blob(name, now=now)
    file = FileRef("adapter.blob", one.adapter_sha256, blobs.size(one.adapter_sha256))
    return messages.SubmissionRevealed(one.id, opening, file, at_ms)


def _settle(contest: Competition, now: datetime) -> str | None:
    at_ms = next_ms(contest, now)
    if at_ms < (contest.dispute_until_ms or 0):
        return None
    entries = verdict.concerned(contest.id, log.Tables())
    evaluator = queries.evaluator_row(contest.spec.manifest_sha256)
    result, lines = rules_of(contest.spec).payout(contest, entries, evaluator)
    body = messages.CompetitionSettled(
        competition=contest.id,
        draw=contest.draw,
        winners=len(result.prizes),
        fee_nano=Nano(result.fee_nano),
        pool_nano=Nano(result.pool_nano),
        to_sponsor_nano=Nano(result.to_sponsor_nano),
        burnt_nano=Nano(result.burnt_nano),
        payout_sha256=verdict.payout_sha256(result, lines),
        at_ms=at_ms,
    )
    return _say(contest, [body], Phase.SETTLED)


def _say(contest: Competition, bodies: list[object], phase: Phase) -> str:
    """Record facts of the clock; each can happen once to a competition."""
    subjects = [getattr(body, "submission", contest.id) for body in bodies]
    pairs = zip(bodies, subjects, strict=True)
    facts = [log.fact(body, idempotency=subject) for body, subject in pairs]
    log.record(facts, rooms=(fold,))
    return phase.value


_MOVES: dict[str, Callable[[Competition, datetime], str | None]] = {
    Phase.FUNDED: _open,
    Phase.OPEN: _close,
    Phase.CLOSED: _verify,
    Phase.VERIFYING: _judge,
    Phase.PROVISIONAL: _settle,
}
