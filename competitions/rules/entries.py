"""Facts about submissions."""

from typing import Any

from assay.wire import changed
from competitions.errors import FoldRefused
from competitions.rules import quota
from competitions.rules.checks import need, order_of
from competitions.rules.contests import check_score
from competitions.rules.rows import (
    ENDS,
    STATES,
    Competition,
    Evaluator,
    Phase,
    State,
    Submission,
)
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows
from licensing.rules.meets import shortfalls
from licensing.rules.reading import parse


def committed(entry: Entry, contest: Competition, rows: Rows) -> Competition:
    """An entry takes its slot; its place among equals is the time of its commit."""
    body, order = entry.body, order_of(entry, "submission.commit")
    spec, asked = contest.spec, order.body
    need(contest.phase == Phase.OPEN, entry, f"it is {contest.phase}")
    need(body.at_ms < spec.closes_at_ms, entry, "it came after the close")
    need((body.submission, body.owner) == (order.id, order.actor), entry, "the order differs")
    need(asked.competition == contest.id, entry, "the order names another competition")
    need(rows.get(Submission, body.submission) is None, entry, "it is entered already")
    window = quota.window_of(body.at_ms, opens_at_ms=spec.opens_at_ms, window_s=spec.window_s)
    need(body.window == window and 0 <= body.slot < spec.quota, entry, "there is no such slot")
    others = rows.find(Submission, competition=contest.id)
    mine = {(one.window, one.slot) for one in others if one.owner == body.owner}
    need((body.window, body.slot) not in mine, entry, "the slot is taken")
    short = shortfalls(parse(asked.tags), parse(spec.required_tags))
    need(not short, entry, "its licence gives less than is required")
    rows.put(
        Submission(
            id=body.submission,
            competition=contest.id,
            owner=body.owner,
            title=asked.title,
            config_sha256=asked.config_sha256,
            tensors_sha256=asked.tensors_sha256,
            tags=asked.tags,
            parents=asked.parents,
            state=State.COMMITTED.value,
            committed_ms=body.at_ms,
            since_ms=body.at_ms,
            window=body.window,
            slot=body.slot,
        )
    )
    return contest


def scored(entry: Entry, rows: Rows) -> None:
    submission, contest = _both(entry, rows)
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    body = entry.body
    check_score(entry, contest, examples=evaluator.public_examples)
    rows.put(
        _moved(
            entry,
            submission,
            State.SCORED,
            adapter_sha256=body.adapter_sha256,
            score_e9=body.score_e9,
            outcomes=body.outcomes,
            sandbox_level=body.sandbox_level,
            policy_sha256=body.policy_sha256,
        )
    )


def refused(entry: Entry, rows: Rows) -> None:
    submission, _ = _both(entry, rows)
    body = entry.body
    told = {
        "refusal_code": body.reason,
        "refusal_cause": body.cause,
        "refusal_next": body.next_step,
    }
    rows.put(_moved(entry, submission, State.REFUSED, slot=None, **told))


def failed(entry: Entry, rows: Rows) -> None:
    submission, _ = _both(entry, rows)
    told = {"refusal_code": entry.body.reason}
    rows.put(_moved(entry, submission, State.FAILED, slot=None, **told))


def revealed(entry: Entry, rows: Rows) -> None:
    submission, contest = _both(entry, rows)
    need(contest.phase == Phase.CLOSED, entry, f"it is {contest.phase}")
    need(entry.body.adapter.sha256 == submission.adapter_sha256, entry, "another adapter")
    rows.put(_moved(entry, submission, State.REVEALED))


def final_scored(entry: Entry, rows: Rows) -> None:
    submission, contest = _both(entry, rows)
    body = entry.body
    need(contest.phase == Phase.VERIFYING, entry, f"it is {contest.phase}")
    need(body.adapter_sha256 == submission.adapter_sha256, entry, "another adapter")
    evaluator = rows.get(Evaluator, contest.spec.manifest_sha256)
    assert evaluator is not None
    check_score(entry, contest, examples=evaluator.final_examples)
    scores = {"final_score_e9": body.score_e9, "final_outcomes": body.outcomes}
    rows.put(_moved(entry, submission, State.FINAL_SCORED, **scores))


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
