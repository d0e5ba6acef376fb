"""Competitions and their boards."""

import csv
import io
from collections.abc import Iterator
from types import MappingProxyType

from django.http import HttpRequest, StreamingHttpResponse
from ninja import Query, Router

from competitions import queries
from competitions.api.shown import (
    Json,
    board_line,
    competition_json,
    evaluator_json,
    funding_json,
    json_after_the_close,
    nomination_json,
    purse_json,
    score_json,
)
from competitions.errors import CompetitionUnknown
from competitions.models import Competition
from competitions.rules.visibility import may_see_final_score
from licensing import queries as rights
from licensing.rules.rows import entry_work
from web.answers import streamed
from web.api import PAGE_ITEMS, Passed, TokenAuth
from web.auth import Caller
from web.openapi import documented

CSV_COLUMNS = ("rank", "is_tied", "owner", "score", "low", "high", "submission", "committed_ms")

A_TABLE = MappingProxyType({(200, "text/csv"): "A line of names, then one per place."})

router = Router()


@router.get("")
def list_competitions(
    request: HttpRequest,  # noqa: ARG001
    phase: str = "",
    after: int = Passed,
    limit: int = Query(100, ge=1, le=500),
) -> Json:
    """Competitions, the one that changed last first. phase: only those that stand there."""
    found = list(queries.competitions(phase=phase)[after : after + limit + 1])
    counts = queries.entry_counts([one.id for one in found])
    shown = [competition_json(one) | {"entries": counts.get(one.id, 0)} for one in found[:limit]]
    return {"items": shown, "next": str(after + limit) if len(found) > limit else ""}


@router.get("/{name}", openapi_extra=documented(CompetitionUnknown))
def read_competition(request: HttpRequest, name: str) -> Json:  # noqa: ARG001
    """One competition with everything that was fixed before the first entry."""
    contest = queries.competition(name)
    evaluator = queries.evaluator_row(contest.spec["manifest_sha256"])
    counts = queries.entry_counts([name])
    return (
        competition_json(contest)
        | {"entries": counts.get(name, 0), "evaluator": evaluator_json(evaluator)}
        | {"is_custom": evaluator.is_custom, "marks": queries.marks(evaluator)}
        | score_json("baseline", evaluator.board_baseline_e9)
        | purse_json(contest)
        | funding_json(contest)
        | json_after_the_close(contest)
    )


@router.get(
    "/{name}/nomination",
    auth=TokenAuth("read"),
    openapi_extra=documented(CompetitionUnknown, scope="read"),
)
def read_nomination(request: HttpRequest, name: str) -> Json:
    """Which of your entries decide, or would if it closed now."""
    caller: Caller = request.auth  # type: ignore[attr-defined]
    return nomination_json(queries.competition(name), caller.account)


@router.get("/{name}/leaderboard", openapi_extra=documented(CompetitionUnknown))
def read_leaderboard(
    request: HttpRequest,  # noqa: ARG001
    name: str,
    after: int = Passed,
    limit: int = Query(PAGE_ITEMS, ge=1, le=500),
) -> Json:
    """The board as the server ranks it: a page of items, the best first, and the baseline."""
    contest = queries.competition(name)
    board = queries.leaderboard(name, start=after, limit=limit + 1)
    evaluator = queries.evaluator_row(contest.spec["manifest_sha256"])
    is_final = may_see_final_score(contest.phase)
    baseline_e9 = contest.baseline_e9 if is_final else evaluator.board_baseline_e9
    return {
        "competition": name,
        "state": contest.phase,
        "is_final": is_final,
        "version": queries.board_version(name),
        "is_custom": evaluator.is_custom,
        "marks": queries.marks(evaluator),
        **score_json("baseline", baseline_e9),
        "items": [board_line(row, is_final=is_final) for row in board[:limit]],
        "next": str(after + limit) if len(board) > limit else "",
    }


@router.get("/{name}/adapters", openapi_extra=documented(CompetitionUnknown))
def list_open_adapters(
    request: HttpRequest,  # noqa: ARG001
    name: str,
    after: int = Passed,
    limit: int = Query(PAGE_ITEMS, ge=1, le=500),
) -> Json:
    """Public adapters of this base, from other competitions: what an entry must not copy.

    work  what names it as a parent; empty where it is none
    """
    queries.competition(name)
    found = queries.open_adapters(name)[after : after + limit + 1]
    works = rights.works_of([entry_work(one.id) for one in found[:limit]])
    items = [
        {
            "adapter_sha256": one.adapter_sha256,
            "submission": one.id,
            "competition": one.competition,
            "owner": one.owner,
            "title": one.title,
            "work": name if (name := entry_work(one.id)) in works else "",
        }
        for one in found[:limit]
    ]
    return {"items": items, "next": str(after + limit) if len(found) > limit else ""}


@router.get("/{name}/leaderboard.csv", openapi_extra=documented(CompetitionUnknown, gives=A_TABLE))
def read_leaderboard_csv(request: HttpRequest, name: str) -> StreamingHttpResponse:
    """The whole board, the same strings, as CSV."""
    contest = queries.competition(name)
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    pieces = streamed(request, _as_csv(contest))
    return StreamingHttpResponse(pieces, content_type="text/csv; charset=utf-8", headers=headers)


def _as_csv(contest: Competition) -> Iterator[bytes]:
    """A line of names, then one per place."""
    is_final = may_see_final_score(contest.phase)
    out = io.StringIO()
    table = csv.DictWriter(out, CSV_COLUMNS, extrasaction="ignore", lineterminator="\r\n")
    table.writeheader()
    for row in queries.leaderboard_lines(contest.id):
        line = board_line(row, is_final=is_final)
        table.writerow(line | {"is_tied": str(line["is_tied"]).lower()})
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()
    yield out.getvalue().encode()
