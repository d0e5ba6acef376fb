"""Facts about a competition: each rule checks one and gives the competition's new row."""

from assay.wire import changed
from competitions.rules import dues, escrow, exits, race, verdict, workers
from competitions.rules.capacity import MOST_PUT_OFF_S
from competitions.rules.checks import need, order_of
from competitions.rules.registry import rules_of, rules_problems
from competitions.rules.results import final_slice, judged, of_this_task
from competitions.rules.rows import (
    ENDS,
    PHASES,
    Competition,
    Evaluator,
    Held,
    Nomination,
    Phase,
    Seal,
    State,
    Submission,
    Tally,
)
from competitions.rules.spec import SEALED_FILES, extension_problems, last_call_ms, problems
from competitions.rules.tally import put_entry, tally_of
from competitions.rules.task import CODE_FILE
from evaluator.score import racing
from ledger.rules.accounts import AccountKind
from ledger.rules.books import open_account
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from licensing.rules.rows import Work


def published(entry: Entry, rows: Rows) -> None:
    body, order = entry.body, order_of(entry, "competition.publish")
    spec = body.spec
    need((order.body.competition, order.body.spec) == (body.competition, spec), entry, "the order")
    need(order.actor == body.sponsor, entry, "the sponsor did not order it")
    need(rows.get(Competition, body.competition) is None, entry, "the name is taken")
    evaluator = rows.get(Evaluator, spec.manifest_sha256)
    need(evaluator is not None and evaluator.base == spec.base, entry, "no such evaluator")
    assert evaluator is not None
    need(evaluator.metric == spec.metric, entry, "another metric")
    code = [one.sha256 for one in spec.files if one.name == CODE_FILE]
    need(code == [evaluator.code_sha256] * evaluator.is_custom, entry, "the code is another")
    works = [rows.get(Work, work) for work in (spec.base_work, spec.data_work)]
    need(all(works), entry, "base or data is no registered work")
    need(rows.get(Seal, evaluator.board_seal) is None, entry, "its sealed slices were used")
    found = problems(body.competition, spec, now_ms=body.at_ms)
    found += rules_problems(spec.rules)
    need(not found, entry, found[0].cause if found else "")
    rows.put(Tally(body.competition, shut=1))  # the seal of the base
    rows.put(
        Competition(
            id=body.competition,
            sponsor=body.sponsor,
            phase=Phase.PUBLISHED.value,
            spec=spec,
            since_ms=body.at_ms,
            last_ms=body.at_ms,
        )
    )
    rows.put(Seal(evaluator.board_seal, body.competition, "", Held.RESULT.value))


def funded(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    order = order_of(entry, "competition.fund")
    need(order.actor == contest.sponsor, entry, "the sponsor did not order it")
    need(order.body.competition == contest.id, entry, "the order names another competition")
    need(order.body.prize_nano == contest.spec.prize_nano, entry, "the prize differs")
    need(entry.body.transfers == escrow.funding(contest), entry, "the transfers differ")
    open_account(rows, escrow.account_of(contest.id), AccountKind.ESCROW.value)
    return moved(entry, contest, Phase.FUNDED)


def opened(entry: Entry, contest: Competition, _: Rows) -> Competition:
    need(entry.body.at_ms >= contest.spec.opens_at_ms, entry, "it is too early")
    return moved(entry, contest, Phase.OPEN)


def closed(entry: Entry, contest: Competition, _: Rows) -> Competition:
    need(entry.body.at_ms >= contest.spec.closes_at_ms, entry, "it is too early")
    return changed(moved(entry, contest, Phase.CLOSED), draw=entry.id, until_ms=_until(entry))


def _until(entry: Entry) -> int | None:
    """How long the phase may take that begins: the clock may put it off, and by so much at most.

    raises FoldRefused
    """
    until_ms: int | None = entry.body.until_ms
    most_ms = entry.body.at_ms + 1000 * MOST_PUT_OFF_S
    need(until_ms is None or until_ms <= most_ms, entry, "it would never end")
    return until_ms


def extended(entry: Entry, contest: Competition, _: Rows) -> Competition:
    """Once, before the last tenth of the time; what is reckoned from the close moves along."""
    body, spec = entry.body, contest.spec
    order = order_of(entry, "competition.extend")
    need(order.actor == contest.sponsor, entry, "the sponsor did not order it")
    told = (order.body.competition, order.body.closes_at_ms)
    need(told == (contest.id, body.closes_at_ms), entry, "the order differs")
    need(contest.phase in (Phase.FUNDED, Phase.OPEN), entry, f"it is {contest.phase}")
    need(contest.first_close_ms is None, entry, "it was put off before")
    need(body.at_ms < last_call_ms(spec), entry, "its last tenth has begun")
    found = [*extension_problems(spec, body.closes_at_ms, now_ms=body.at_ms)]
    need(not found, entry, found[0].cause if found else "")
    later = changed(spec, closes_at_ms=body.closes_at_ms)
    return changed(contest, spec=later, first_close_ms=spec.closes_at_ms)


def cancelled(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """By the sponsor before the first entry, or by the clock: never funded, or nobody stands."""
    need(not tally_of(contest.id, rows).standing, entry, "somebody has entered")
    if entry.order is not None:
        order = order_of(entry, "competition.cancel")
        need(order.actor == contest.sponsor, entry, "the sponsor did not order it")
        need(order.body.competition == contest.id, entry, "the order names another competition")
    elif contest.phase == Phase.PUBLISHED:
        need(entry.body.at_ms >= contest.spec.opens_at_ms, entry, "it is too early")
    else:
        need(contest.phase == Phase.CLOSED, entry, "it is not closed")
    is_staked = contest.phase != Phase.PUBLISHED
    lines = escrow.giving_back(contest, escrow.staked(contest.id, rows)) if is_staked else ()
    return dues.owe(moved(entry, contest, Phase.CANCELLED), lines, rows)


def slice_opened(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """From now on everybody knows the orders of a race: every stop must follow from its records."""
    need(contest.phase == Phase.VERIFYING, entry, "it is not being verified")
    need(not contest.slice_salt, entry, "the slice is open already")
    body = entry.body
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    if evaluator.race is not None:
        _check_stops(entry, contest, evaluator, rows)
    need(tuple(one.name for one in body.files) == SEALED_FILES, entry, "the files are others")
    return changed(contest, slice_salt=body.salt, slice_files=body.files)


def _check_stops(entry: Entry, contest: Competition, evaluator: Evaluator, rows: Rows) -> None:
    """raises FoldRefused for a stop that does not follow, or that the margin would undo"""
    secret = bytes.fromhex(entry.body.salt)
    assert evaluator.race is not None
    opens = racing.commitment(racing.salt_of(secret)) == evaluator.race.order
    need(opens, entry, "the salt opens no order of this race")
    entries = rows.find(Submission, competition=contest.id)
    last = race.last_placed(entries, evaluator)
    for one in entries:
        if one.stop is None:
            need(one.state != State.ELIMINATED, entry, f"the stop of {one.id} is sealed")
            continue
        rival = rows.get(Submission, one.stop.rival)
        order = race.order_of(one, evaluator, secret)
        assert rival is not None, "the fold has seen a stop's rival"
        is_proven = race.is_proven(one, rival, evaluator, order)
        need(is_proven, entry, f"the stop of {one.id} does not follow from its records")
        is_out = one.state != State.ELIMINATED or not race.is_inside_margin(
            one, last, evaluator, order
        )
        need(is_out, entry, f"{one.id} is inside the margin and was not run in full")


def verifying(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """From now on it is fixed which entries decide; only they are scored and opened."""
    tally = tally_of(contest.id, rows)
    need(contest.phase == Phase.CLOSED, entry, f"it is {contest.phase}")
    need(not tally.committed, entry, "a board score is missing")
    need(bool(tally.standing), entry, "no entry stands")
    entries = rows.find(Submission, competition=contest.id)
    named = rows.find(Nomination, competition=contest.id)
    decide = rules_of(contest.spec).ranking(entries, named, contest.spec.finals)
    need(entry.body.nominated == len(decide), entry, "other entries decide")
    for one in decide:
        put_entry(changed(one, is_nominated=True), one, rows)
    return changed(moved(entry, contest, Phase.VERIFYING), until_ms=_until(entry))


def faulted(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """The sponsor's task could not score on the final slice, which everybody else has done."""
    need(contest.phase == Phase.VERIFYING, entry, "it is not being verified")
    name = entry.body.submission
    one = rows.get(Submission, name) if name else None
    is_there = not name or (one is not None and one.competition == contest.id)
    need(is_there, entry, "there is no such entry")
    return changed(contest, faults=contest.faults + 1)


def baseline_scored(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    need(contest.phase == Phase.VERIFYING, entry, "it is not being verified")
    need(contest.baseline_e9 is None, entry, "it is scored already")
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    result = entry.body.result
    of_this_task(entry, contest)
    workers.attested(entry, contest, rows, submission="", adapter_sha256="")
    judged(entry, result, final_slice(evaluator))
    return changed(contest, baseline_e9=result.score_e9, baseline=result)


def provisional(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    tally = tally_of(contest.id, rows)
    need(verdict.is_verified(contest, tally), entry, "a score is missing")
    need(bool(contest.slice_salt), entry, "the slice is sealed")
    need(verdict.is_opened(tally), entry, "an entry is not revealed")
    until_ms = entry.body.at_ms + 1000 * contest.spec.dispute_s
    need(entry.body.dispute_until_ms == until_ms, entry, "the dispute window differs")
    return changed(moved(entry, contest, Phase.PROVISIONAL), dispute_until_ms=until_ms)


def settled(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """The rules are run again: the payout must be theirs to the last nano. Now it is owed."""
    body = entry.body
    need(contest.phase == Phase.PROVISIONAL, entry, f"it is {contest.phase}")
    need(body.at_ms >= (contest.dispute_until_ms or 0), entry, "disputes are still open")
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    entries = verdict.concerned(contest.id, rows)
    result, lines = rules_of(contest.spec).payout(contest, entries, evaluator)
    need(body.draw == contest.draw, entry, "the draw differs")
    amounts = (result.fee_nano, result.pool_nano, result.to_sponsor_nano, result.burnt_nano)
    told = (body.fee_nano, body.pool_nano, body.to_sponsor_nano, body.burnt_nano)
    need(told == amounts, entry, "the amounts differ")
    need(body.winners == len(result.prizes), entry, "the winners differ")
    is_same = body.payout_sha256 == verdict.payout_sha256(result, lines)
    need(is_same, entry, "the payout differs")
    placed = verdict.places(result)
    for one in verdict.deciding(entries):
        prize_nano = result.prizes.get(one.id, 0)
        rows.put(changed(one, place=placed.get(one.id), prize_nano=prize_nano))
    return dues.owe(moved(entry, contest, Phase.SETTLED), lines, rows)


def aborted(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """It could not be judged in time: everybody has back what they put in (rules/exits.py)."""
    body = entry.body
    need(contest.phase in exits.EXITS, entry, f"it is {contest.phase}")
    need(exits.is_due(contest, body.at_ms), entry, "it is too early")
    need(body.fault == exits.fault_of(contest), entry, "the fault is another's")
    need(body.reason == exits.EXITS[contest.phase].reason, entry, "the reason is another")
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    lines = exits.owed(contest, evaluator, rows)
    made = changed(moved(entry, contest, Phase.ABORTED), end_reason=body.reason, fault=body.fault)
    return dues.owe(made, lines, rows)


def paid(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """The next batch of what the end owes, whole and in its turn."""
    body = entry.body
    need(contest.phase in ENDS, entry, f"it is {contest.phase}")
    need(body.batch == contest.paid_batches, entry, "it is another batch's turn")
    lines = dues.next_lines(contest, rows)
    need(bool(lines), entry, "all is paid")
    need(body.transfers == lines, entry, "the transfers differ")
    return changed(contest, paid_batches=contest.paid_batches + 1)


def moved(entry: Entry, contest: Competition, phase: Phase) -> Competition:
    """The row in its new phase. raises FoldRefused when PHASES has no such move"""
    need(phase in PHASES[contest.phase], entry, f"it is {contest.phase}")
    return changed(contest, phase=phase.value, since_ms=entry.body.at_ms)
