"""The last step of a competition: who is judged, is it all there, and what the rules pay."""

from collections.abc import Sequence

from assay.canonical import digest
from assay.messages import Line, Spec
from assay.wire import to_json
from competitions.rules import escrow, prizes
from competitions.rules.results import final_slice, mark_of
from competitions.rules.rows import (
    STANDING,
    Competition,
    Deposit,
    Evaluator,
    Phase,
    State,
    Submission,
    Tally,
)
from competitions.rules.spec import deposit_nano
from ledger.rules.rows import Rows


def standing(entries: Sequence[Submission]) -> list[Submission]:
    """The entries that were not refused."""
    return [one for one in entries if one.state in STANDING]


def copies(entries: Sequence[Submission]) -> dict[str, str]:
    """Id of a standing entry -> the earlier one, of another owner, with the very same adapter.

    The earlier one may be eliminated: a copy of it that was run in full gains nothing. Of an entry
    whose adapter is not known, as the log tells none before the final scores, nothing is said.
    """
    first: dict[str, Submission] = {}
    found = {}
    known = [one for one in entries if one.adapter_sha256]
    judged = [one for one in known if one.state in STANDING | {State.ELIMINATED}]
    for one in sorted(judged, key=lambda entry: entry.committed_ms):
        original = first.setdefault(one.adapter_sha256, one)
        if original.owner != one.owner and one.state in STANDING:
            found[one.id] = original.id
    return found


def deciding(entries: Sequence[Submission]) -> list[Submission]:
    """The nominated entries that stand, once the close has fixed them."""
    return [one for one in standing(entries) if one.is_nominated]


def is_verified(contest: Competition, tally: Tally) -> bool:
    """True when every entry that decides, and the baseline, has its score on the final slice."""
    judged = tally.final_scored + tally.revealed
    return judged == tally.nominated and contest.baseline_e9 is not None


def is_opened(tally: Tally) -> bool:
    """True when every entry that decides is public."""
    return tally.revealed == tally.nominated


def concerned(competition: str, rows: Rows) -> list[Submission]:
    """The entries that a payout looks at: those that decide, and those with a deposit."""
    decide = rows.find(Submission, competition=competition, is_nominated=True)
    found = {one.id: one for one in (*decide, *escrow.staked(competition, rows))}
    return [found[name] for name in sorted(found)]


def payout_sha256(result: prizes.Payout, lines: Sequence[Line]) -> str:
    """What a settlement says of its whole payout, whose size grows with the number of winners."""
    told = [to_json(line) for line in lines]
    return digest({"groups": [list(group) for group in result.groups], "transfers": told})


def payout(
    contest: Competition, entries: Sequence[Submission], evaluator: Evaluator
) -> tuple[prizes.Payout, tuple[Line, ...]]:
    """What the rules give, and the transfers that do it.

    contest  in phase provisional, with its draw and its baseline
    entries  at least those that are concerned, in order of id
    """
    assert contest.phase == Phase.PROVISIONAL, f"{contest.id} is {contest.phase}"
    assert contest.baseline is not None, "what is verified has its baseline"
    judged = deciding(entries)
    spec = contest.spec
    result = prizes.settle(
        [_placed(one, evaluator) for one in judged],
        prizes.PayoutTerms(
            int(spec.prize_nano),
            spec.curve,
            spec.fee_e8,
            spec.pool_e8,
            forfeits_nano(spec, entries),
        ),
        baseline=mark_of(contest.baseline, final_slice(evaluator)),
        draw=contest.draw,
    )
    return result, escrow.paying(contest, result, entries)


def forfeits_nano(spec: Spec, entries: Sequence[Submission]) -> int:
    """The deposits that were lost."""
    return deposit_nano(spec) * sum(one.deposit == Deposit.FORFEITED for one in entries)


def places(result: prizes.Payout) -> dict[str, int]:
    """Id of a winner -> its place; tied ones share the first of their places."""
    found: dict[str, int] = {}
    at = 1
    for group in result.groups:
        found |= dict.fromkeys(group, at)
        at += len(group)
    return found


def _placed(entry: Submission, evaluator: Evaluator) -> prizes.Placed:
    assert entry.final_result is not None, "what is verified has its final score"
    mark = mark_of(entry.final_result, final_slice(evaluator))
    return prizes.Placed(entry.id, entry.owner, entry.committed_ms, mark)
