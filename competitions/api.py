"""The contest for programs: competitions, boards, entries; and the orders that this room takes.

Amounts are nano-tokens as text, times milliseconds (UTC), scores parts of 10^9 with the same text
beside them that pages and CSV print. What does not apply is left out.
"""

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from ninja import Query, Router

from assay.messages import Spec, Stop
from assay.wire import from_json, to_json
from competitions import queries
from competitions.actions.contest import cancel
from competitions.actions.entry import commit
from competitions.actions.resume import resume
from competitions.errors import ReceiptSealed
from competitions.models import Competition, Submission
from competitions.queries import BoardRow
from competitions.rules import rows
from competitions.rules.purse import purse
from competitions.rules.race import show_e_value
from competitions.rules.rows import Phase, State
from competitions.rules.spec import deposit_nano
from competitions.rules.visibility import (
    is_after_the_close,
    may_see_final_score,
    may_see_refusal,
    may_see_score,
)
from evaluator.registry import show_score
from ledger import log
from ledger.actions import ms
from ledger.rules.entry import Entry
from web.api import TokenAuth, page
from web.auth import Caller
from web.receipts import receipt_url

Json = dict[str, object]
CSV_COLUMNS = ("rank", "is_tied", "owner", "score", "low", "high", "submission", "committed_ms")
OUR_FAULT = "Enter it again: your slot was given back."

router = Router()
submissions = Router()


@router.get("")
def list_competitions(
    request: HttpRequest,  # noqa: ARG001
    phase: str = "",
    after: int = Query(0, ge=0),
    limit: int = Query(100, ge=1, le=500),
) -> Json:
    """Competitions, the one that changed last first. phase: only those that stand there."""
    found = list(queries.competitions(phase=phase)[after : after + limit + 1])
    counts = queries.entry_counts([one.id for one in found])
    shown = [_competition(one) | {"entries": counts.get(one.id, 0)} for one in found[:limit]]
    return {"items": shown, "next": str(after + limit) if len(found) > limit else ""}


@router.get("/{name}")
def read_competition(request: HttpRequest, name: str) -> Json:  # noqa: ARG001
    """One competition with everything that was fixed before the first entry."""
    contest = queries.competition(name)
    evaluator = queries.evaluator_row(contest.spec["manifest_sha256"])
    counts = queries.entry_counts([name])
    return (
        _competition(contest)
        | {"entries": counts.get(name, 0), "evaluator": _evaluator(evaluator)}
        | {"is_custom": evaluator.is_custom, "marks": queries.marks(contest)}
        | _score("baseline", evaluator.baseline_e9)
        | _purse(contest)
        | _record(contest)
        | _after_the_close(contest)
    )


@router.get("/{name}/leaderboard")
def read_leaderboard(request: HttpRequest, name: str) -> Json:  # noqa: ARG001
    """The board as the server ranks it: items, the best first, and the baseline."""
    contest = queries.competition(name)
    board = queries.leaderboard(name)
    evaluator = queries.evaluator_row(contest.spec["manifest_sha256"])
    is_final = may_see_final_score(contest.phase)
    baseline_e9 = contest.baseline_e9 if is_final else evaluator.baseline_e9
    return {
        "competition": name,
        "state": contest.phase,
        "is_final": is_final,
        "version": queries.board_version(name),
        "is_custom": evaluator.is_custom,
        "marks": queries.marks(contest),
        **_score("baseline", baseline_e9),
        "items": [_line(row, is_final=is_final) for row in board],
        "next": "",
    }


@router.get("/{name}/leaderboard.csv")
def read_leaderboard_csv(request: HttpRequest, name: str) -> HttpResponse:  # noqa: ARG001
    """The same board, the same strings, as CSV."""
    is_final = may_see_final_score(queries.competition(name).phase)
    lines = [_line(row, is_final=is_final) for row in queries.leaderboard(name)]
    out = io.StringIO()
    table = csv.DictWriter(out, CSV_COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    table.writeheader()
    table.writerows(row | {"is_tied": str(row["is_tied"]).lower()} for row in lines)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return HttpResponse(out.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


@submissions.get("", auth=TokenAuth())
def list_mine(
    request: HttpRequest,
    competition: str = "",
    after: str = "",
    limit: int = Query(100, ge=1, le=500),
) -> Json:
    """Your entries, the newest first. competition: only those in it."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    caller.require("read")
    found = queries.submissions_of(caller.account)
    if competition:
        found = found.filter(competition=queries.competition(competition).id)
    if after.isdecimal():
        found = found.filter(committed_ms__lt=int(after))
    entries = list(found[: limit + 1])
    phases = queries.phases({one.competition for one in entries})
    places = queries.queue_places([one.id for one in entries])
    shown = [
        _submission(one, phases[one.competition], viewer=caller.account, place=places.get(one.id))
        for one in entries
    ]
    return page(shown, cursor=lambda one: str(one["committed_ms"]), limit=limit)


@submissions.get("/{name}")
def read_submission(request: HttpRequest, name: str) -> Json:
    """One entry; with the owner's token also why it was refused, and the slots that remain."""
    entry = queries.submission(name)
    contest = queries.competition(entry.competition)
    viewer = _viewer(request)
    place = queries.queue_places([entry.id]).get(entry.id)
    board: frozenset[str] = frozenset()
    if entry.owner != viewer:
        board = frozenset(row.submission.id for row in queries.leaderboard(contest.id))
    told = _submission(entry, contest.phase, viewer=viewer, place=place, board=board)
    if entry.owner == viewer:
        told |= _slots(contest, viewer)
    return told


@submissions.get("/{name}/receipts/{slice_name}")
def read_score_receipt(request: HttpRequest, name: str, slice_name: str) -> Json:
    """What a score was made of: hashes of manifest, inputs and adapter, mode, root and leaves.

    slice_name  public: after the close, and for the owner before unless the order of a race would
                be told; final: once it decides
    """
    entry = queries.submission(name)
    contest = queries.competition(entry.competition)
    is_final = slice_name == "final"
    is_raced = queries.evaluator_row(contest.spec["manifest_sha256"]).race is not None
    is_own = entry.owner == _viewer(request)
    is_open = bool(contest.slice_salt) if is_raced else is_after_the_close(contest.phase) or is_own
    may_see = may_see_final_score(contest.phase) if is_final else is_open
    if slice_name not in ("public", "final") or not may_see:
        raise ReceiptSealed(f"There is no {slice_name:.20} score to be seen.", slice=slice_name)
    return asdict(queries.score_receipt(entry, contest, is_final=is_final))


def _evaluator(evaluator: rows.Evaluator) -> Json:
    """The evaluator's row, and of its baseline what it ran under."""
    return to_json(evaluator) | {"baseline": _run(to_json(evaluator.baseline))}


def _run(result: Mapping[str, object]) -> Json:
    """What a score ran under, without the records, which stand in the message."""
    return {name: value for name, value in result.items() if name not in ("records", "score_e9")}


def _commit(order: Entry, now: datetime) -> Json:
    """Enter an adapter; the answer is the entry as its owner sees it."""
    made = commit(order, now=now)
    entry, contest = queries.submission(made.id), queries.competition(made.competition)
    place = queries.queue_places([made.id]).get(made.id)
    told = _submission(entry, contest.phase, viewer=made.owner, place=place)
    return told | _slots(contest, made.owner)


def _resume(order: Entry, now: datetime) -> Json:
    """Run an eliminated entry in full against a deposit; the answer is the entry."""
    made = resume(order, now=now)
    entry, contest = queries.submission(made.id), queries.competition(made.competition)
    place = queries.queue_places([made.id]).get(made.id)
    return _submission(entry, contest.phase, viewer=made.owner, place=place)


def _cancel(order: Entry, now: datetime) -> Json:
    """Cancel a competition that nobody has entered."""
    return _competition(queries.competition(cancel(order, now=now).id))


ORDERS: Mapping[str, Callable[[Entry, datetime], Json]] = MappingProxyType(
    {
        "submission.commit": _commit,
        "submission.resume": _resume,
        "competition.cancel": _cancel,
    }
)


def _viewer(request: HttpRequest) -> str:
    """Who asks, when a token says so. raises TokenUnknown, TokenExpired"""
    if not request.headers.get("Authorization"):
        return ""
    return TokenAuth()(request).account


def _competition(contest: Competition) -> Json:
    spec = to_json(from_json(Spec, contest.spec))
    times = {"since_ms": contest.since_ms, "last_ms": contest.last_ms}
    named = {"id": contest.id, "state": contest.phase, "sponsor": contest.sponsor}
    ended = {"end_reason": contest.end_reason} if contest.end_reason else {}
    return named | spec | times | ended


def _purse(contest: Competition) -> Json:
    parts = purse(from_json(Spec, contest.spec))
    return {
        "fee_nano": str(parts.fee_nano),
        "pool_nano": str(parts.pool_nano),
        "bond_nano": str(parts.bond_nano),
        "deposit_nano": str(deposit_nano(from_json(Spec, contest.spec))),
        "places_nano": [str(amount_nano) for amount_nano in parts.places],
    }


def _record(contest: Competition) -> Json:
    """The message that put the stake into escrow, and its place in the log."""
    message = queries.funding_message(contest.id)
    index = log.index_of(message)
    placed = {} if index is None else {"log_index": index}
    return {"funded_message": message, **placed}


def _after_the_close(contest: Competition) -> Json:
    """What only the close may tell: the sealed slice, the final baseline, when it is paid."""
    told: Json = {}
    if contest.slice_salt:
        told |= {"slice_salt": contest.slice_salt, "slice_files": contest.slice_files}
    if may_see_final_score(contest.phase):
        told |= _score("final_baseline", contest.baseline_e9)
    if contest.dispute_until_ms:
        told |= {"dispute_until_ms": contest.dispute_until_ms}
    return told


def _score(name: str, score_e9: int | None) -> Json:
    """A score as a number and as the text that is printed everywhere."""
    return {} if score_e9 is None else {f"{name}_e9": score_e9, name: show_score(score_e9)}


def _line(row: BoardRow, *, is_final: bool) -> Json:
    entry = row.submission
    line: Json = {
        "rank": row.rank,
        "is_tied": row.is_tied,
        "owner": entry.owner,
        **_score("score", row.score_e9),
        **_score("low", row.low_e9),
        **_score("high", row.high_e9),
        "submission": entry.id,
        "title": entry.title,
        "state": entry.state,
        "committed_ms": entry.committed_ms,
        "tags": entry.tags,
        "receipt_url": receipt_url(entry.id),
    }
    if is_final:
        line |= _score("public_score", entry.score_e9)
    if entry.prize_nano is not None:
        line |= {"prize_nano": str(entry.prize_nano)}
    return line


def _submission(
    entry: Submission,
    phase: str,
    *,
    viewer: str,
    place: int | None,
    board: frozenset[str] = frozenset(),
) -> Json:
    told: Json = {
        "id": entry.id,
        "competition": entry.competition,
        "owner": entry.owner,
        "title": entry.title,
        "state": entry.state,
        "committed_ms": entry.committed_ms,
        "since_ms": entry.since_ms,
        "tags": entry.tags,
        "parents": entry.parents,
        "receipt_url": receipt_url(entry.id),
    }
    told |= {} if place is None else {"place_in_queue": place}
    if may_see_score(entry, phase=phase, viewer=viewer, board=board):
        told |= _score("score", entry.score_e9) | _stopped(entry)
        told |= {"run": _run(entry.result)} if entry.result else {}
    if may_see_final_score(phase):
        told |= _score("final_score", entry.final_score_e9)
        told |= {"final_run": _run(entry.final_result)} if entry.final_result else {}
    if phase == Phase.SETTLED and entry.prize_nano is not None:
        told |= {"prize_nano": str(entry.prize_nano)}
    if may_see_refusal(entry, viewer=viewer):
        told |= _refused(entry)
    return told


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
    if entry.state == State.FAILED:
        cause = entry.refusal_code
        return {"refused": {"code": "evaluation.failed", "cause": cause, "next": OUR_FAULT}}
    return {}


def _slots(contest: Competition, owner: str) -> Json:
    found = queries.slots(contest, owner, now_ms=ms(timezone.now()))
    following = {} if found.next_slot_at_ms is None else {"next_slot_at_ms": found.next_slot_at_ms}
    return {"remaining": found.remaining, **following}
