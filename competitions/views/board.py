"""Pages for everybody: home, the list, one competition with its live board, one entry."""

from dataclasses import asdict
from datetime import datetime
from typing import NamedTuple

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import condition, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers

from assay.messages import Spec
from assay.wire import from_json
from competitions import queries
from competitions.actions.resume import resume_for
from competitions.forms.extension import ExtendForm
from competitions.models import Competition, Submission
from competitions.rules.prizes import alpha_for, least_wins
from competitions.rules.purse import purse
from competitions.rules.rows import ENDS, Evaluator, Phase
from competitions.rules.spec import deposit_nano, last_call_ms
from competitions.views import lines
from competitions.views.stages import duration, is_ended, next_step, stages
from competitions.views.stake import stake_lines
from ledger.actions import ms
from licensing.rules.deed import deed
from licensing.rules.may import Use
from licensing.rules.offer import Subject
from licensing.rules.reading import parse
from web.receipts import accepted
from web.strict import a_button

LISTED = 100
MOST_AT_HOME = 5
MOST_MINE = 20
LOOKS_AGAIN_S = 10  # how old "in 3 min" may get on a page that is open
SECTIONS = (
    ("open", "Open", (Phase.OPEN,)),
    ("upcoming", "Opening soon", (Phase.FUNDED, Phase.PUBLISHED)),
    ("judged", "Being judged", (Phase.CLOSED, Phase.VERIFYING, Phase.PROVISIONAL)),
    ("ended", "Ended", tuple(ENDS)),
)
LIVE = [phases for _, _, phases in SECTIONS[:-1]]


class Listed(NamedTuple):
    """A competition as a list shows it."""

    contest: Competition
    prize_nano: int
    entries: int
    is_ended: bool


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, and which competitions are live."""
    found = queries.competitions_by_phase(LIVE, start=0, limit=MOST_AT_HOME)
    live = [one for one in found if not is_ended(one)]
    totals = queries.totals()
    context = {
        "live": _listed(live[:MOST_AT_HOME]),
        "live_count": totals.live,
        "staked_nano": totals.staked_nano,
        "entry_count": totals.entries,
        "now": timezone.now(),
    }
    return render(request, "competitions/home.html", context)


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """A page of all competitions: open, opening soon, being judged, ended."""
    start = page_start(request)
    found = queries.competitions_by_phase(
        [phases for _, _, phases in SECTIONS], start=start, limit=LISTED
    )
    rows = _listed(found[:LISTED])
    sections = [
        (name, title, [row for row in rows if row.contest.phase in phases])
        for name, title, phases in SECTIONS
    ]
    context = {
        "sections": sections,
        "is_empty": not rows,
        "start": start,
        "next": str(start + LISTED) if len(found) > LISTED else "",
        "now": timezone.now(),
    }
    return render(request, "competitions/list.html", context)


@require_safe
def new(request: HttpRequest) -> HttpResponse:  # noqa: ARG001
    """Where a sponsor begins."""
    return redirect("competitions_sponsor")


@require_safe
def competition(request: HttpRequest, competition: str) -> HttpResponse:
    """One competition: what it is, where it stands, what it pays, how to enter, and the board."""
    now = timezone.now()
    contest = queries.competition(competition)
    evaluator = queries.evaluator_row(contest.spec["manifest_sha256"])
    context = _live(request, contest, evaluator, now) | _fixed(contest, evaluator, now)
    return render(request, "competitions/competition.html", context)


def _version(request: HttpRequest, competition: str) -> str | None:
    """The board's ETag; while times run, it also changes every few seconds."""
    found = queries.board_version(competition)
    turn = ms(timezone.now()) // (1000 * LOOKS_AGAIN_S)
    kind = "piece" if request.headers.get("HX-Request") else "page"
    return f'"{found}-{turn}-{kind}-{request.user.get_username()}"'


@require_safe
@cache_control(private=True, no_cache=True)
@vary_on_headers("HX-Request", "Cookie")
@condition(etag_func=_version)
def leaderboard(request: HttpRequest, competition: str) -> HttpResponse:
    """The board: a page, or for htmx the piece that keeps a competition's page up to date."""
    contest = queries.competition(competition)
    is_piece = bool(request.headers.get("HX-Request"))
    template = "competitions/live.html" if is_piece else "competitions/leaderboard.html"
    start = page_start(request)
    evaluator = queries.evaluator_row(contest.spec["manifest_sha256"])
    context = _live(request, contest, evaluator, timezone.now(), start) | {"is_piece": is_piece}
    return render(request, template, context)


@require_safe
def submission(request: HttpRequest, submission: str) -> HttpResponse:
    """One entry: its state, its scores, its licence, and the proof that it was entered."""
    entry = queries.submission(submission)
    contest = queries.competition(entry.competition)
    viewer = request.user.get_username()
    shows = queries.is_on_board(entry, contest)
    if viewer and entry.owner == viewer:
        queries.as_owners_see([entry])
    line = lines.entry_line(
        entry,
        contest,
        viewer=viewer,
        is_on_board=shows,
        wait=queries.waits([entry.id]).get(entry.id),
    )
    context = {
        "line": line,
        "entry": entry,
        "contest": contest,
        "slots": queries.slots(contest, viewer, now_ms=ms(timezone.now()))
        if line.is_mine
        else None,
        "terms": terms_of(entry.tags),
        "deposit_nano": deposit_nano(from_json(Spec, contest.spec)),
        "is_open": contest.phase == Phase.OPEN,
        "results": lines.results_of(entry, line),
        "marks": queries.marks(queries.evaluator_row(contest.spec["manifest_sha256"])),
        "ignored": queries.ignored_fields(entry) if line.is_mine else (),
        "is_public_adapter": entry.state == "revealed",
        "licensed_as": queries.licensed_as(entry),
        "held_up": queries.held_up(entry) if line.is_mine else None,
        "opening": _opening(entry) if line.is_mine else entry.opening,
        "adapter_sha256": entry.adapter_sha256
        or (queries.adapter_of(entry.id) if line.is_mine else ""),
    }
    return render(request, "competitions/submission.html", context)


def _opening(entry: Submission) -> dict[str, str] | None:
    """What opens its commitment, for its owner."""
    found = queries.opening_of(entry)
    return asdict(found) if found else entry.opening


@login_required
@require_safe
def mine(request: HttpRequest, competition: str) -> HttpResponse:
    """All entries of whoever is signed in, a page at a time."""
    contest, start = queries.competition(competition), page_start(request)
    viewer = request.user.get_username()
    found = _mine(contest, viewer, start=start, limit=LISTED)
    context = {
        "contest": contest,
        "mine": found[:LISTED],
        "slots": queries.slots(contest, viewer, now_ms=ms(timezone.now())),
        "is_open": contest.phase == Phase.OPEN,
        "next": str(start + LISTED) if len(found) > LISTED else "",
    }
    return render(request, "competitions/mine.html", context)


@login_required
@require_POST
@a_button
def resume(request: HttpRequest, submission: str) -> HttpResponse:
    """Run an eliminated entry in full, against a deposit."""
    order = resume_for(request.user.get_username(), submission, now=timezone.now())
    told = "The deposit is held, and a worker runs the whole board slice."
    accepted(request, told, (order.kind, order.id))
    return redirect("submission", submission)


def terms_of(tags: list[list[str]]) -> list[str]:
    """What licence tags allow, one sentence per use; what they do not allow is left out."""
    reading = parse([(name, value) for name, value in tags])
    clauses = deed(Subject(reading), now_ms=0)
    return [one.sentence for one in clauses if not one.offer.reason and one.use != Use.ACCESS]


def page_start(request: HttpRequest) -> int:
    """Where the asked page of a list begins: ?after=, when it is a number."""
    asked = request.GET.get("after", "")
    return int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 10 else 0


def _live(
    request: HttpRequest,
    contest: Competition,
    evaluator: Evaluator,
    now: datetime,
    start: int = 0,
) -> dict[str, object]:
    """What changes while a page is open. start: where its page of the board begins"""
    spec = from_json(Spec, contest.spec)
    viewer = request.user.get_username()
    board = lines.board_of(contest, evaluator, viewer=viewer, start=start)
    mine = _mine(contest, viewer, start=0, limit=MOST_MINE) if viewer else []
    return {
        "contest": contest,
        "spec": spec,
        "board": board,
        "mine": mine[:MOST_MINE],
        "has_more_of_mine": len(mine) > MOST_MINE,
        "slots": queries.slots(contest, viewer, now_ms=ms(now)) if viewer else None,
        "stages": stages(contest, spec),
        "next": next_step(contest, spec, now_ms=ms(now)),
        "marks": queries.marks(evaluator),
        "is_ended": is_ended(contest),
        "is_open": contest.phase == Phase.OPEN,
        "is_sponsor": bool(viewer) and viewer == contest.sponsor,
        "stake_lines": stake_lines(contest, queries.competition_row(contest.id))
        if is_ended(contest)
        else [],
        "now": now,
    }


def _mine(contest: Competition, viewer: str, *, start: int, limit: int) -> list[lines.EntryLine]:
    """The viewer's own entries, the newest first; one more than `limit` when there are more."""
    entries = list(queries.entries_of(viewer, contest.id)[start : start + limit + 1])
    queries.as_owners_see(entries)
    waits = queries.waits([one.id for one in entries])
    return [
        lines.entry_line(one, contest, viewer=viewer, is_on_board=True, wait=waits.get(one.id))
        for one in entries
    ]


def _extension(contest: Competition, now: datetime) -> ExtendForm | None:
    """The form that puts the close off, while the sponsor may."""
    spec = from_json(Spec, contest.spec)
    may = contest.phase in (Phase.FUNDED, Phase.OPEN) and contest.first_close_ms is None
    if not may or ms(now) >= last_call_ms(spec):
        return None
    return ExtendForm(initial={"closes_at_ms_shown": spec.closes_at_ms})


def _fixed(contest: Competition, evaluator: Evaluator, now: datetime) -> dict[str, object]:
    """What was fixed before the first entry."""
    parts = purse(from_json(Spec, contest.spec))
    deciding = queries.deciding_count(contest)
    can_end = contest.phase in (Phase.PUBLISHED, Phase.FUNDED, Phase.OPEN)
    return {
        "purse": parts,
        "purse_bar": [*parts.places, parts.pool_nano, parts.fee_nano],
        "evaluator": evaluator,
        "deciding": deciding,
        "load": queries.load(from_json(Spec, contest.spec)),
        "least_wins": least_wins(0, alpha_for(deciding)),
        "race_odds": 10**6 // evaluator.race.alpha_ppm if evaluator.race else 0,
        "code": queries.scoring_code(contest),
        "funding": queries.funding_message(contest.id),
        "board_baseline": lines.plain_score(evaluator.board_baseline_e9),
        "window_words": duration(contest.spec["window_s"]),
        "terms": terms_of(contest.spec["required_tags"]),
        "can_cancel": can_end and not queries.has_entries(contest.id),
        "extension": _extension(contest, now),
    }


def _listed(found: list[Competition]) -> list[Listed]:
    """Competitions with their prize and number of entries; one look-up for all."""
    counts = queries.entry_counts([one.id for one in found])
    return [
        Listed(one, int(one.spec["prize_nano"]), counts.get(one.id, 0), is_ended(one))
        for one in found
    ]
