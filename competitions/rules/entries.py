"""Facts about submissions."""

import re
from typing import Any

from assay.commitment import commitment_of
from assay.messages import Opening
from assay.wire import changed
from competitions.errors import FoldRefused
from competitions.rules import escrow, quota, race, seals, verdict, workers
from competitions.rules.checks import need, order_of
from competitions.rules.results import final_slice, is_hash, judged, of_this_task
from competitions.rules.rows import (
    ENDS,
    STATES,
    Competition,
    Deposit,
    Evaluator,
    Held,
    Nomination,
    Phase,
    State,
    Submission,
)
from competitions.rules.spec import deposit_nano
from competitions.rules.tally import put_entry
from competitions.rules.visibility import SECRET_PHASES
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from licensing.rules.meets import shortfalls
from licensing.rules.reading import parse

ON_DEPOSIT, BY_MARGIN = "deposit", "margin"
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,390}")


def committed(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """An entry takes its slot; its place among equals is the time of its commit."""
    body, order = entry.body, order_of(entry, "submission.commit")
    spec, asked = contest.spec, order.body
    need(contest.phase == Phase.OPEN, entry, f"it is {contest.phase}")
    need(body.at_ms < spec.closes_at_ms, entry, "it came after the close")
    need((body.submission, body.owner) == (order.id, order.actor), entry, "the order differs")
    need(asked.competition == contest.id, entry, "the order names another competition")
    need(body.owner != contest.sponsor, entry, "the sponsor enters his own competition")
    need(rows.get(Submission, body.submission) is None, entry, "it is entered already")
    need(is_hash(asked.commitment), entry, "the commitment is no hash")
    is_new = not rows.find(Submission, commitment=asked.commitment)
    need(is_new, entry, "the commitment is another entry's")
    window = quota.window_of(body.at_ms, opens_at_ms=spec.opens_at_ms, window_s=spec.window_s)
    need(body.window == window and 0 <= body.slot < spec.quota, entry, "there is no such slot")
    mine = rows.find(Submission, competition=contest.id, owner=body.owner)
    taken = {(one.window, one.slot) for one in mine}
    need((body.window, body.slot) not in taken, entry, "the slot is taken")
    short = shortfalls(parse(asked.tags), parse(spec.required_tags))
    need(not short, entry, "its licence gives less than is required")
    made = Submission(
        id=body.submission,
        competition=contest.id,
        owner=body.owner,
        title=asked.title,
        commitment=asked.commitment,
        tags=asked.tags,
        parents=asked.parents,
        state=State.COMMITTED.value,
        committed_ms=body.at_ms,
        since_ms=body.at_ms,
        window=body.window,
        slot=body.slot,
    )
    put_entry(made, None, rows)
    return contest


def scored(entry: Entry, rows: Rows) -> None:
    """Judged. What the board shows is open, the result is sealed (rules/seals.py)."""
    submission, contest = _both(entry, rows)
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    body = entry.body
    of_this_task(entry, contest)
    mine = rows.find(Submission, competition=contest.id, owner=submission.owner)
    best = seals.best_shown(mine, submission.id)
    seals.sealed(entry, submission, Held.RESULT, rows, rival=best.id if best else "")
    told = {"score_e9": int(body.shown.score_e9), "merit": body.shown.merit} if body.shown else {}
    made = _moved(entry, submission, State.SCORED, **told)
    _check_shown(entry, made, best)
    put_entry(made, submission, rows)
    if made.deposit:
        others = rows.find(Submission, competition=contest.id)
        is_placed = race.has_placed(made, others, evaluator)
        rows.put(changed(made, deposit=(Deposit.EARNED if is_placed else Deposit.FORFEITED).value))


def eliminated(entry: Entry, rows: Rows) -> None:
    """Judged as far as it can be while the stop is sealed, and then the order of its examples.

    `seals.opened` and `contests.slice_opened` do the rest. The rival may have lost its place since
    the run began, but never have stood higher than that.
    """
    submission, contest = _both(entry, rows)
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    body = entry.body
    of_this_task(entry, contest)
    need(not submission.resumed, entry, "it is run in full")
    rival = rows.get(Submission, body.rival)
    last = race.last_placed(rows.find(Submission, competition=contest.id), evaluator)
    need(last is not None, entry, "a place is still free")
    is_finisher = rival is not None and rival.competition == contest.id and bool(rival.merit)
    need(is_finisher, entry, "its rival has no score here")
    assert rival is not None
    assert last is not None
    is_fair = race.rank_key(rival) >= race.rank_key(last)
    need(is_fair, entry, "its rival stands above the last place")
    seals.sealed(entry, submission, Held.STOP, rows, rival=rival.id)
    put_entry(_moved(entry, submission, State.ELIMINATED), submission, rows)


def resumed(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """Run in full: against a deposit while it is open, or by the margin at the close."""
    body, submission = entry.body, rows.get(Submission, entry.body.submission)
    if submission is None or submission.competition != contest.id:
        raise FoldRefused(f"{entry.kind}: there is no such submission.", reason="unknown")
    if body.reason == ON_DEPOSIT:
        order = order_of(entry, "submission.resume")
        named = (order.body.submission, order.body.deposit_nano, order.actor)
        wanted = (submission.id, deposit_nano(contest.spec), submission.owner)
        need(named == wanted, entry, "the order differs")
        is_open = contest.phase == Phase.OPEN and body.at_ms < contest.spec.closes_at_ms
        need(is_open, entry, "the competition is not open")
        lines: tuple[object, ...] = (escrow.deposit(contest, submission),)
    else:
        need((body.reason, entry.order) == (BY_MARGIN, None), entry, "there is no such reason")
        is_closed = contest.phase == Phase.CLOSED and not contest.slice_salt
        need(is_closed, entry, "it is not the close")
        lines = ()
    need(body.transfers == lines, entry, "the transfers differ")
    deposit = Deposit.HELD.value if lines else ""
    put_entry(
        _moved(entry, submission, State.COMMITTED, resumed=body.reason, deposit=deposit),
        submission,
        rows,
    )
    return contest


def nominated(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """An owner names the entries that decide for him; the last word before the close counts."""
    body, order = entry.body, order_of(entry, "submission.nominate")
    named = (order.body.competition, order.body.submissions, order.actor)
    need(named == (contest.id, body.submissions, body.owner), entry, "the order differs")
    is_open = contest.phase == Phase.OPEN and body.at_ms < contest.spec.closes_at_ms
    need(is_open, entry, "the competition is not open")
    names = body.submissions
    is_few = len(set(names)) == len(names) <= contest.spec.finals
    need(is_few, entry, "they are too many, or one is there twice")
    of_his = (contest.id, body.owner)
    mine = [one for one in rows.some(Submission, names) if (one.competition, one.owner) == of_his]
    stood = verdict.standing(mine)
    need(len(stood) == len(names), entry, "one is not his, or does not stand")
    said = Nomination(
        id=Nomination.key(contest.id, body.owner),
        competition=contest.id,
        owner=body.owner,
        submissions=names,
        order=order.id,
        at_ms=body.at_ms,
    )
    rows.get(Nomination, said.id)  # what is read is replaced
    rows.put(said)
    return contest


def refused(entry: Entry, rows: Rows) -> None:
    """Out. The run is given back three times a competition; then a refusal costs it.

    Why it is out is sealed.
    """
    submission, contest = _both(entry, rows)
    seals.sealed(entry, submission, Held.REFUSAL, rows)
    mine = rows.find(Submission, competition=contest.id, owner=submission.owner)
    is_free = quota.given_back(mine) < quota.FREE_REFUSALS
    deposit = Deposit.FORFEITED.value if submission.deposit else ""
    slot = None if is_free else submission.slot
    put_entry(
        _moved(entry, submission, State.REFUSED, slot=slot, deposit=deposit), submission, rows
    )


def revealed(entry: Entry, rows: Rows) -> None:
    """Its commitment is opened, to the owner's files, and its adapter is public."""
    submission, contest = _both(entry, rows)
    opening = entry.body.opening
    need(contest.phase == Phase.VERIFYING, entry, f"it is {contest.phase}")
    need(bool(contest.slice_salt), entry, "the slice is sealed")
    need(entry.body.adapter.sha256 == submission.adapter_sha256, entry, "another adapter")
    need(opens(submission, opening), entry, "that does not open its commitment")
    put_entry(_moved(entry, submission, State.REVEALED, opening=opening), submission, rows)


def opened(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """By its owner, once nobody can enter any more: it needs nothing of the site's but the log."""
    body, order = entry.body, order_of(entry, "submission.open")
    submission = rows.get(Submission, body.submission)
    if submission is None or submission.competition != contest.id:
        raise FoldRefused(f"{entry.kind}: there is no such submission.", reason="unknown")
    named = (order.body.submission, order.body.opening, order.actor)
    need(named == (submission.id, body.opening, submission.owner), entry, "the order differs")
    need(contest.phase not in SECRET_PHASES, entry, f"it is {contest.phase}")
    need(submission.opening is None, entry, "it is open already")
    need(opens(submission, body.opening), entry, "that does not open its commitment")
    rows.put(changed(submission, opening=body.opening))
    return contest


def final_scored(entry: Entry, rows: Rows) -> None:
    submission, contest = _both(entry, rows)
    body = entry.body
    need(contest.phase == Phase.VERIFYING, entry, f"it is {contest.phase}")
    need(submission.is_nominated, entry, "it does not decide")
    need(is_hash(body.adapter_sha256), entry, "the adapter is no hash")
    same = rows.find(Submission, competition=contest.id, adapter_sha256=body.adapter_sha256)
    is_own = all(one.owner == submission.owner for one in same)
    need(is_own, entry, "another owner's entry with this adapter decides")
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    of_this_task(entry, contest)
    workers.attested(
        entry, contest, rows, submission=submission.id, adapter_sha256=body.adapter_sha256
    )
    mark = judged(entry, body.result, final_slice(evaluator))
    made = _moved(
        entry,
        submission,
        State.FINAL_SCORED,
        adapter_sha256=body.adapter_sha256,
        final_score_e9=body.result.score_e9,
        final_merit=str(mark.merit),
        final_result=body.result,
    )
    put_entry(made, submission, rows)


def opens(submission: Submission, opening: Opening) -> bool:
    """Whether salt and files are those that the entry was committed with."""
    is_whole = all(map(is_hash, (opening.salt, opening.config_sha256, opening.tensors_sha256)))
    told = (submission.owner, submission.competition, opening)
    return is_whole and commitment_of(*told) == submission.commitment


def _check_shown(entry: Entry, made: Submission, best: Submission | None) -> None:
    """What is told must be better than what the board shows of the owner; the first always is.

    Whether it is clearly better is judged when the seals are open.

    raises FoldRefused
    """
    if made.merit:
        need(bool(_WHOLE.fullmatch(made.merit)), entry, "the merit is no whole number")
        is_best = best is None or race.rank_key(made) < race.rank_key(best)
        need(is_best, entry, "a better entry of its owner is on the board")
    else:
        need(best is not None, entry, "the board has no other entry of its owner")


def _both(entry: Entry, rows: Rows) -> tuple[Submission, Competition]:
    """The entry that a fact is about, and its competition, which has not ended.

    raises FoldRefused
    """
    submission = rows.get(Submission, entry.body.submission)
    if submission is None:
        raise FoldRefused(f"{entry.kind}: there is no such submission.", reason="unknown")
    contest = rows.get(Competition, submission.competition)
    assert contest is not None
    need(contest.phase not in ENDS, entry, f"it is {contest.phase}")
    return submission, contest


def _moved(entry: Entry, submission: Submission, state: State, **told: Any) -> Submission:
    need(state in STATES[submission.state], entry, f"it is {submission.state}")
    return changed(submission, state=state.value, since_ms=entry.body.at_ms, **told)
