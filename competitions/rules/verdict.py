"""The last step of a competition: who is judged, is it all there, and what the rules pay."""

from collections.abc import Sequence

from assay.messages import Line
from competitions.rules import escrow, prizes
from competitions.rules.results import final_slice, mark_of
from competitions.rules.rows import Competition, Evaluator, Phase, State, Submission

STANDING = frozenset({State.COMMITTED, State.SCORED, State.REVEALED, State.FINAL_SCORED})


def standing(entries: Sequence[Submission]) -> list[Submission]:
    """The entries that were neither refused nor failed."""
    return [one for one in entries if one.state in STANDING]


def copies(entries: Sequence[Submission]) -> dict[str, str]:
    """Id of a standing entry -> the earlier one, of another owner, with the very same adapter."""
    first: dict[str, Submission] = {}
    found = {}
    for one in sorted(standing(entries), key=lambda entry: entry.committed_ms):
        original = first.setdefault(one.adapter_sha256, one)
        if original.owner != one.owner:
            found[one.id] = original.id
    return found


def is_scored(entries: Sequence[Submission]) -> bool:
    """True when no entry waits for its public score any more."""
    return all(one.state != State.COMMITTED for one in entries)


def is_verified(contest: Competition, entries: Sequence[Submission]) -> bool:
    """True when every standing entry, and the baseline, has its score on the sealed slice."""
    done = all(one.state == State.FINAL_SCORED for one in standing(entries))
    return done and contest.baseline_e9 is not None


def payout(
    contest: Competition, entries: Sequence[Submission], evaluator: Evaluator
) -> tuple[prizes.Payout, tuple[Line, ...]]:
    """What the rules give, and the transfers that do it.

    contest  in phase provisional, with its draw and its baseline
    """
    assert contest.phase == Phase.PROVISIONAL, f"{contest.id} is {contest.phase}"
    assert contest.baseline is not None, "what is verified has its baseline"
    judged = standing(entries)
    spec = contest.spec
    result = prizes.settle(
        [_placed(one, evaluator) for one in judged],
        prizes.PayoutTerms(int(spec.prize_nano), spec.curve, spec.fee_e8, spec.pool_e8),
        baseline=mark_of(contest.baseline, final_slice(evaluator)),
        draw=contest.draw,
    )
    owners = {one.id: one.owner for one in judged}
    return result, escrow.paying(contest, result, owners)


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
