"""The page on which a miner names the entries that decide."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from competitions import queries
from competitions.actions.nomination import nominate_for
from competitions.forms.nomination import NominateForm
from competitions.models import Competition, Submission
from competitions.rules.rows import STANDING, Phase
from competitions.rules.visibility import NO_IMPROVEMENT, is_hidden
from evaluator.registry import show_score
from web.receipts import accepted


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def nomination(request: HttpRequest, competition: str) -> HttpResponse:
    """Name the own entries that decide, until the close. raises SubmissionClosed, NotNominable"""
    contest, owner = queries.competition(competition), request.user.get_username()
    decide = [one.id for one in queries.nominated_of(contest.id, owner)]
    form = _form(request, contest, owner, decide)
    if request.method == "POST" and form.is_valid():
        chosen = form.cleaned_data["entries"]
        order = nominate_for(owner, contest.id, chosen, now=timezone.now())
        told = "These entries decide for you." if chosen else "The rule chooses for you."
        accepted(request, f"{told} Until the close you may change it.", (order.kind, order.id))
        return redirect("competition_nomination", competition)
    said = queries.nomination(contest.id, owner)
    context = {
        "contest": contest,
        "form": form,
        "is_open": contest.phase == Phase.OPEN,
        "is_named": bool(said and said.submissions),
        "order": said.order if said else "",
        "decide": [one for one in _standing(contest, owner) if one.id in decide],
    }
    status = 422 if form.errors else 200
    return render(request, "competitions/nomination.html", context, status=status)


def _form(
    request: HttpRequest, contest: Competition, owner: str, decide: list[str]
) -> NominateForm:
    """With what would decide now already chosen."""
    told: dict[str, Any] = {
        "choices": [(one.id, _words(one)) for one in _standing(contest, owner)],
        "most": contest.spec["finals"],
    }
    if request.method == "POST":
        return NominateForm(request.POST, **told)
    return NominateForm(initial={"entries": decide}, **told)


def _standing(contest: Competition, owner: str) -> list[Submission]:
    """The owner's entries that may decide, the newest first, with what he alone sees."""
    found = [*queries.entries_of(owner, contest.id).filter(state__in=[*STANDING])]
    queries.as_owners_see(found)
    return found


def _words(entry: Submission) -> str:
    score = NO_IMPROVEMENT if is_hidden(entry) else "no score yet"
    if entry.score_e9 is not None:
        score = f"board score {show_score(entry.score_e9)}"
    return f"{entry.title or 'untitled'}, {score}, {entry.id[:8]}"
