"""The exits: where a competition ends by time alone, whatever keeps it from moving on.

An exit needs nothing but the rows: no blob, no sealed slice, no worker. It is taken when its time
has passed and no move could be made, so no failure can hold anybody's money for ever.
"""

from collections.abc import Callable
from typing import NamedTuple

from assay.messages import Line
from assay.money import split
from competitions.rules import escrow
from competitions.rules.results import board_slice, mark_of
from competitions.rules.rows import Competition, Evaluator, Phase, Submission
from competitions.rules.spec import bond_nano, reveal_until_ms, settle_until_ms, verify_until_ms
from competitions.rules.verdict import standing
from ledger.rules.rows import Rows

BY_EVALUATOR, BY_SPONSOR = "evaluator", "sponsor"
FAULTS_PROVE = 2  # so many runs must have met the sponsor's fault, each by itself


class Exit(NamedTuple):
    """When a phase is over at the latest, and what is said then."""

    until_ms: Callable[[Competition], int]
    reason: str


EXITS: dict[str, Exit] = {
    Phase.FUNDED: Exit(lambda one: reveal_until_ms(one.spec), "it did not open in time"),
    Phase.OPEN: Exit(lambda one: reveal_until_ms(one.spec), "it did not close in time"),
    Phase.CLOSED: Exit(
        lambda one: max(one.until_ms or 0, reveal_until_ms(one.spec)), "a board score is missing"
    ),
    Phase.VERIFYING: Exit(
        lambda one: max(one.until_ms or 0, verify_until_ms(one.spec)), "a final score is missing"
    ),
    Phase.PROVISIONAL: Exit(
        lambda one: settle_until_ms(one.spec, one.dispute_until_ms or 0),
        "it was not settled in time",
    ),
}


def is_due(contest: Competition, at_ms: int) -> bool:
    """Whether the exit of its phase stands open."""
    found = EXITS.get(contest.phase)
    return found is not None and at_ms >= found.until_ms(contest)


def fault_of(contest: Competition) -> str:
    """Who is to blame when it is broken off now: our side, unless the task itself cannot score."""
    is_proven = contest.phase == Phase.VERIFYING and contest.faults >= FAULTS_PROVE
    return BY_SPONSOR if is_proven else BY_EVALUATOR


def owed(contest: Competition, evaluator: Evaluator, rows: Rows) -> tuple[Line, ...]:
    """The money of a competition that is broken off.

    All goes back to whom it came from, but the bond of a sponsor whose task cannot score: it is
    shared equally by the owners who clearly beat the base on the board slice, or else by all who
    stand.
    """
    back = escrow.staked(contest.id, rows)
    if fault_of(contest) == BY_EVALUATOR or not bond_nano(contest.spec):
        return escrow.giving_back(contest, back)
    stood = standing(rows.find(Submission, competition=contest.id))
    if not stood:
        return escrow.giving_back(contest, back)
    asked = board_slice(evaluator)
    base = mark_of(contest.board_baseline, asked) if contest.board_baseline else None
    opened = [(one, mark_of(one.result, asked)) for one in stood if one.result and base]
    better = [one for one, mark in opened if base and mark.beats(base)]
    owners = dict.fromkeys((one.owner for one in better or stood), 1)
    shares = split(bond_nano(contest.spec), owners, draw=contest.draw)
    return escrow.forfeiting(contest, back, shares)
