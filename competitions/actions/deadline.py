"""What the clock does: every deadline that has passed moves its competition one step on.

Each step is a transaction of its own and may be asked for twice: it looks again under the lock.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from assay import messages
from assay.messages import FileRef
from assay.wire import from_json
from competitions import queries
from competitions.actions.moment import contest_row, next_ms
from competitions.errors import Duplicate
from competitions.models import Evaluation
from competitions.rules import escrow, race, verdict
from competitions.rules.entries import BY_MARGIN
from competitions.rules.fold import fold
from competitions.rules.results import interval_e9
from competitions.rules.rows import Competition, Phase, Submission
from competitions.rules.spec import reveal_until_ms, verify_until_ms
from ledger import actions as ledger_actions
from ledger import blobs, log
from ledger.actions import ms
from ledger.rules.entry import Entry
from licensing import actions as licensing_actions
from licensing import queries as rights
from licensing.rules.fold import licensing
from licensing.rules.search import Measured

MOST_STEPS = 8


def advance(competition: str, *, now: datetime) -> list[str]:
    """Take every step that is due; the answer is the phases that were reached.

    raises CompetitionUnknown
    """
    reached = []
    for _ in range(MOST_STEPS):
        step = _step(competition, now=now)
        if step is None:
            break
        reached.append(step)
    return reached


@transaction.atomic
def _step(competition: str, *, now: datetime) -> str | None:
    contest = contest_row(competition)
    rule = _STEPS.get(contest.phase)
    return rule(contest, now) if rule else None


def _open(contest: Competition, now: datetime) -> str | None:
    if ms(now) < contest.spec.opens_at_ms:
        return None
    body = messages.CompetitionOpened(contest.id, next_ms(contest, now))
    return _say(contest, [body], Phase.OPEN)


def _close(contest: Competition, now: datetime) -> str | None:
    if ms(now) < contest.spec.closes_at_ms:
        return None
    body = messages.CompetitionClosed(contest.id, next_ms(contest, now))
    return _say(contest, [body], Phase.CLOSED)


def _reveal(contest: Competition, now: datetime) -> str | None:
    """Open the slice and every entry, and set the final scoring to work; nobody stands: cancel."""
    entries = queries.entry_rows(contest.id)
    standing = verdict.standing(entries)
    if not verdict.is_scored(entries):
        return _abort(contest, now, reveal_until_ms(contest.spec), "a public score is missing")
    if inside := _inside_margin(contest, entries):
        return _resume(contest, inside, now)
    if not all(blobs.has(one.adapter_sha256) for one in standing):
        return _abort(contest, now, reveal_until_ms(contest.spec), "an adapter is missing")
    if not standing:
        lines = escrow.giving_back(contest, entries)
        body = messages.CompetitionCancelled(contest.id, lines, next_ms(contest, now))
        return _say(contest, [body], Phase.CANCELLED)
    copies = verdict.copies(entries)
    for name in ("", *(one.id for one in standing if one.id not in copies)):
        Evaluation.objects.create(
            competition=contest.id, submission=name, slice=Evaluation.Slice.FINAL, created_at=now
        )
    return _say(contest, _openings(contest, standing, copies, now), Phase.VERIFYING)


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
    """Run these in full before the slice is opened; each can happen to an entry once."""
    at_ms = next_ms(contest, now)
    bodies: list[object] = []
    for place, one in enumerate(inside):
        Evaluation.objects.create(
            competition=contest.id,
            submission=one.id,
            slice=Evaluation.Slice.PUBLIC,
            created_at=now,
        )
        bodies.append(messages.SubmissionResumed(one.id, contest.id, BY_MARGIN, (), at_ms + place))
    return _say(contest, bodies, Phase.CLOSED)


def _openings(
    contest: Competition, standing: list[Submission], copies: dict[str, str], now: datetime
) -> list[object]:
    """The sealed slice and every adapter, public from now on; copies go out at once."""
    at_ms = next_ms(contest, now)
    sealed = queries.sealed(contest.spec.manifest_sha256)
    inputs, labels = (from_json(FileRef, one) for one in (sealed.inputs, sealed.labels))
    bodies: list[object] = [messages.SliceOpened(contest.id, sealed.salt, inputs, labels, at_ms)]
    for one in standing:
        name = one.adapter_sha256
        file = FileRef("adapter.blob", name, blobs.size(name))
        bodies.append(messages.SubmissionRevealed(one.id, file, at_ms))
        assert one.result is not None, "an entry that stands at the close has its score"
        for public in (name, one.result.results_sha256):
            ledger_actions.publish_blob(public, now=now)
    for name, original in copies.items():
        error = Duplicate("The same adapter was entered earlier.", of=original)
        told = (error.code, f"{error} It is {original}.", error.next_step)
        bodies.append(messages.SubmissionRefused(name, *told, at_ms))
    for file in (inputs, labels):
        ledger_actions.publish_blob(file.sha256, now=now)
    return [*bodies, messages.CompetitionVerifying(contest.id, at_ms + 1)]


def _verify(contest: Competition, now: datetime) -> str | None:
    entries = queries.entry_rows(contest.id)
    if not verdict.is_verified(contest, entries):
        return _abort(contest, now, verify_until_ms(contest.spec), "a final score is missing")
    results = [contest.baseline, *(one.final_result for one in verdict.standing(entries))]
    for result in filter(None, results):
        ledger_actions.publish_blob(result.results_sha256, now=now)
    at_ms = next_ms(contest, now)
    until_ms = at_ms + 1000 * contest.spec.dispute_s
    body = messages.CompetitionProvisional(contest.id, until_ms, at_ms)
    return _say(contest, [body], Phase.PROVISIONAL)


def _settle(contest: Competition, now: datetime) -> str | None:
    at_ms = next_ms(contest, now)
    if at_ms < (contest.dispute_until_ms or 0):
        return None
    entries = queries.entry_rows(contest.id)
    evaluator = queries.evaluator_row(contest.spec.manifest_sha256)
    result, lines = verdict.payout(contest, entries, evaluator)
    body = messages.CompetitionSettled(contest.id, contest.draw, result.groups, lines, at_ms)
    return _say(contest, [body], Phase.SETTLED)


def _abort(contest: Competition, now: datetime, limit_ms: int, reason: str) -> str | None:
    at_ms = next_ms(contest, now)
    if at_ms < limit_ms:
        return None
    Evaluation.objects.filter(competition=contest.id).delete()
    lines = escrow.giving_back(contest, queries.entry_rows(contest.id))
    body = messages.CompetitionAborted(contest.id, reason, lines, at_ms)
    return _say(contest, [body], Phase.ABORTED)


def _say(contest: Competition, bodies: list[object], phase: Phase) -> str:
    """Record facts of the clock; each can happen once to a competition."""
    subjects = [getattr(body, "submission", contest.id) for body in bodies]
    pairs = zip(bodies, subjects, strict=True)
    facts = [log.fact(body, idempotency=subject) for body, subject in pairs]
    log.record(facts, rooms=(fold,))
    return phase.value


_STEPS: dict[str, Callable[[Competition, datetime], str | None]] = {
    Phase.FUNDED: _open,
    Phase.OPEN: _close,
    Phase.CLOSED: _reveal,
    Phase.VERIFYING: _verify,
    Phase.PROVISIONAL: _settle,
}


def license_winners(competition: str, *, now: datetime) -> list[str]:
    """Make every winning adapter a licensed work, linked to what it was made from.

    Apart from the payout, so that no question of rights can hold up the money. May run twice.
    """
    contest = queries.competition_row(competition)
    winners = [one for one in queries.entry_rows(competition) if one.prize_nano]
    return [made for one in winners if (made := _license(contest, one, now=now))]


@transaction.atomic
def _license(contest: Competition, entry: Submission, *, now: datetime) -> str | None:
    contest_row(contest.id)
    if rights.has_work(entry.adapter_sha256):
        return None
    order = log.find(entry.id)
    assert isinstance(order, Entry), "an entry's id is the id of its order"
    registration = licensing_actions.Registration(
        work=entry.adapter_sha256,
        kind="adapter",
        owner=entry.owner,
        title=entry.title or f"{contest.spec.title}: {entry.owner}",
        tags=entry.tags,
        shares=(messages.Share(entry.owner, 1),),
        parents=(contest.spec.base_work, contest.spec.data_work, *entry.parents),
    )
    facts = licensing_actions.registration_facts(registration, answers=order, now=now)
    log.record(facts, rooms=(licensing,))
    licensing_actions.index_work(entry.adapter_sha256, _measured(contest, entry))
    return entry.adapter_sha256


def _measured(contest: Competition, entry: Submission) -> Measured:
    """The final figures of a winner, for whoever looks for models."""
    assert entry.final_result is not None, "it won"
    assert entry.final_score_e9 is not None, "it won"
    assert contest.baseline_e9 is not None, "it was better than the baseline"
    evaluator = queries.evaluator_row(contest.spec.manifest_sha256)
    low_e9, high_e9 = interval_e9(entry.final_result, evaluator.metric) or (None, None)
    return Measured(
        competition=contest.id,
        entry=entry.id,
        title=contest.spec.title,
        manifest=contest.spec.manifest_sha256,
        base=contest.spec.base,
        evaluator=evaluator.evaluator,
        metric=evaluator.metric,
        score_e9=entry.final_score_e9,
        low_e9=low_e9,
        high_e9=high_e9,
        baseline_e9=contest.baseline_e9,
    )
