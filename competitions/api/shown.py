"""What the API tells of a competition, a line of a board and an entry.

Amounts are nano-tokens as text, times milliseconds (UTC), scores parts of 10^9 with the same text
beside them that pages and CSV print. What does not apply is left out.
"""

from collections.abc import Mapping

from assay.messages import Spec, Stop
from assay.wire import from_json, to_json
from competitions import queries
from competitions.models import Competition, Submission
from competitions.queries import BoardRow
from competitions.rules import rows
from competitions.rules.purse import purse
from competitions.rules.race import show_e_value
from competitions.rules.registry import RULES
from competitions.rules.rows import Phase, State
from competitions.rules.spec import deposit_nano
from competitions.rules.turns import Wait
from competitions.rules.visibility import (
    NO_IMPROVEMENT,
    SECRET_PHASES,
    is_hidden,
    may_see_final_score,
    may_see_refusal,
)
from evaluator.registry import show_score
from ledger import log
from web.receipts import receipt_url

Json = dict[str, object]


def evaluator_json(evaluator: rows.Evaluator) -> Json:
    """The evaluator's row, and of its baseline what it ran under."""
    return to_json(evaluator) | {"baseline": _run(to_json(evaluator.baseline))}


def _run(result: Mapping[str, object]) -> Json:
    """What a score ran under, without the records, which stand in the message."""
    return {name: value for name, value in result.items() if name not in ("records", "score_e9")}


def competition_json(contest: Competition) -> Json:
    """A competition as lists show it: what its sponsor fixed, where it stands, since when."""
    spec = to_json(from_json(Spec, contest.spec))
    times = {"since_ms": contest.since_ms, "last_ms": contest.last_ms}
    named = {"id": contest.id, "state": contest.phase, "sponsor": contest.sponsor}
    ended = {"end_reason": contest.end_reason} if contest.end_reason else {}
    if contest.first_close_ms is not None:
        times["first_close_ms"] = contest.first_close_ms
    return named | spec | times | ended


def purse_json(contest: Competition) -> Json:
    """What the stake is divided into, and what a resumption deposits."""
    parts = purse(from_json(Spec, contest.spec))
    return {
        "fee_nano": str(parts.fee_nano),
        "pool_nano": str(parts.pool_nano),
        "bond_nano": str(parts.bond_nano),
        "deposit_nano": str(deposit_nano(from_json(Spec, contest.spec))),
        "places_nano": [str(amount_nano) for amount_nano in parts.places],
    }


def funding_json(contest: Competition) -> Json:
    """The message that put the stake into escrow, and its place in the log."""
    message = queries.funding_message(contest.id)
    index = log.index_of(message)
    placed = {} if index is None else {"log_index": index}
    return {"funded_message": message, **placed}


def json_after_the_close(contest: Competition) -> Json:
    """What only the close may tell: the sealed slices, the final baseline, when it is paid."""
    told: Json = {}
    if contest.slice_salt:
        told |= {"slice_salt": contest.slice_salt, "slice_files": contest.slice_files}
    if may_see_final_score(contest.phase):
        told |= score_json("final_baseline", contest.baseline_e9)
    if contest.dispute_until_ms:
        told |= {"dispute_until_ms": contest.dispute_until_ms}
    return told


def score_json(name: str, score_e9: int | None) -> Json:
    """A score as a number and as the text that is printed everywhere."""
    return {} if score_e9 is None else {f"{name}_e9": score_e9, name: show_score(score_e9)}


def board_line(row: BoardRow, *, is_final: bool) -> Json:
    """One line of a board. is_final: the scores are those of the final slice."""
    entry = row.submission
    line: Json = {
        "rank": row.rank,
        "is_tied": row.is_tied,
        "owner": entry.owner,
        **score_json("score", row.score_e9),
        **score_json("low", row.low_e9),
        **score_json("high", row.high_e9),
        "submission": entry.id,
        "title": entry.title,
        "state": entry.state,
        "committed_ms": entry.committed_ms,
        "tags": entry.tags,
        "receipt_url": receipt_url(entry.id),
    }
    if is_final:
        line |= score_json("board_score", entry.score_e9)
    if entry.prize_nano is not None:
        line |= {"prize_nano": str(entry.prize_nano)}
    return line


def submission_json(
    entry: Submission,
    contest: Competition,
    *,
    viewer: str,
    wait: Wait | None,
    is_on_board: bool = False,
) -> Json:
    """An entry as this viewer may see it.

    viewer  the account that asks, or ""      wait  for its turn, None when it does not wait
    is_on_board  it is the best of its owner, whose score everybody sees
    """
    phase = contest.phase
    told: Json = {
        "id": entry.id,
        "competition": entry.competition,
        "owner": entry.owner,
        "title": entry.title,
        "state": entry.state,
        "commitment": entry.commitment,
        "committed_ms": entry.committed_ms,
        "since_ms": entry.since_ms,
        "tags": entry.tags,
        "parents": entry.parents,
        "receipt_url": receipt_url(entry.id),
    }
    told |= {"opening": entry.opening} if entry.opening else {}
    if wait is not None:
        told |= {"place_in_queue": wait.place, "expected_wait_s": wait.seconds}
    if phase not in SECRET_PHASES:
        told |= {"is_nominated": entry.is_nominated}
    sees = RULES[contest.spec["rules"]].visibility
    if sees(entry, phase=phase, viewer=viewer, is_on_board=is_on_board):
        told |= score_json("score", entry.score_e9) | _stopped(entry)
        told |= {"run": _run(entry.result)} if entry.result else {}
    if is_hidden(entry):
        told |= {"answer": NO_IMPROVEMENT}
    if may_see_final_score(phase):
        told |= score_json("final_score", entry.final_score_e9)
        told |= {"final_run": _run(entry.final_result)} if entry.final_result else {}
    if phase == Phase.SETTLED and entry.prize_nano is not None:
        told |= {"prize_nano": str(entry.prize_nano)}
    if may_see_refusal(entry, viewer=viewer):
        told |= _refused(entry)
    return told


def licence_json(entry: Submission, viewer: str) -> Json:
    """The work that a winner is licensed as; for its owner, what that waits for."""
    told: Json = {"work": work} if (work := queries.licensed_as(entry)) else {}
    waits = queries.held_up(entry) if viewer == entry.owner else None
    if waits:
        told["held_up"] = {"code": waits.code, "cause": waits.cause, "next": waits.next_step}
    return told


def nomination_json(contest: Competition, owner: str) -> Json:
    """The owner's entries that decide, or would if it closed now, and who chose them."""
    names = [one.id for one in queries.nominated_of(contest.id, owner)]
    entries = [queries.submission(name) for name in names]
    queries.as_owners_see(entries)
    said = queries.nomination(contest.id, owner)
    decide = [submission_json(one, contest, viewer=owner, wait=None) for one in entries]
    return {
        "competition": contest.id,
        "finals": contest.spec["finals"],
        "is_by_rule": not (said and said.submissions),
        "decide": decide,
    }


def _stopped(entry: Submission) -> Json:
    """Where a race stopped it, and what became of it then; the records stay in the log."""
    if entry.stop is None:
        return {}
    stop = from_json(Stop, entry.stop)
    names = ("n", "examples", "reason", "rival")
    told: Json = {name: getattr(stop, name) for name in names}
    more: Json = {"eliminated": told | {"e_value": show_e_value(stop)}}
    more |= {"resumed": entry.resumed} if entry.resumed else {}
    return more | ({"deposit": entry.deposit} if entry.deposit else {})


def _refused(entry: Submission) -> Json:
    if entry.state == State.REFUSED:
        names = {
            "code": entry.refusal_code,
            "cause": entry.refusal_cause,
            "next": entry.refusal_next,
        }
        return {"refused": names}
    return {}
