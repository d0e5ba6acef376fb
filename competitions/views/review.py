"""The sponsor's last page: the dry run, the stake, publishing, and taking it back."""

from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assay.errors import AssayError
from assay.money import show_tokens
from competitions import queries
from competitions.actions import contest as contest_actions
from competitions.actions import drafts
from competitions.errors import DatesInvalid, SpecInvalid
from competitions.forms import plan
from competitions.forms.extension import ExtendForm
from competitions.models import Draft
from competitions.rules.purse import payouts_for, purse
from competitions.views.board import terms_of
from competitions.views.measured import measured, odd_rows, run_stages
from competitions.views.pages import REVIEW, TITLES, before, wizard
from ledger import queries as ledger_queries
from licensing import queries as rights
from web.receipts import accepted
from web.strict import a_button


@never_cache
@login_required
@require_safe
def review(request: HttpRequest, draft: str) -> HttpResponse:
    """The dry run and the stake: what was measured, what will be taken, and the last click."""
    found = queries.draft(draft, sponsor=request.user.get_username())
    if found.state == Draft.State.PUBLISHED:
        return redirect("competition", found.fields["competition"])
    return _review_page(request, found)


@login_required
@require_POST
@a_button
def dry_run(request: HttpRequest, draft: str) -> HttpResponse:
    """Ask a worker to read the files, pin the task, and measure the baseline."""
    sponsor, now = request.user.get_username(), timezone.now()
    found = queries.draft(draft, sponsor=sponsor)
    read = queries.draft_read(queries.preview(draft))
    has_faults = read is not None and read.fault_count
    if has_faults or "data" in plan.unfinished(found, now=now):
        return redirect("draft_step", draft, "data")
    drafts.request_preparation(draft, sponsor=sponsor, now=now)
    return redirect("draft_review", draft)


@login_required
@require_POST
@a_button
def publish(request: HttpRequest, draft: str) -> HttpResponse:
    """Take the stake and make the competition public."""
    sponsor, now = request.user.get_username(), timezone.now()
    found = queries.draft(draft, sponsor=sponsor)
    if found.state == Draft.State.PUBLISHED:
        return redirect("competition", found.fields["competition"])
    if plan.unfinished(found, now=now):
        return _review_page(request, found, error=plan.refusal(found, now=now))
    try:
        publication = plan.publication(
            found, plan.cleaned(found, now=now), sponsor=sponsor, now=now
        )
        orders = contest_actions.publish_for(sponsor, draft, publication, now=now)
    except AssayError as error:
        return _review_page(request, found, error=error)
    if orders:
        stake = show_tokens(purse(publication.spec).stake_nano)
        told = f"{stake} tokens are in escrow, and the page is public."
        accepted(request, told, *((one.kind, one.id) for one in orders))
    return redirect("competition", publication.competition)


@login_required
@require_POST
@a_button
def cancel(request: HttpRequest, competition: str) -> HttpResponse:
    """End a competition that nobody has entered; the whole stake comes back."""
    sponsor = request.user.get_username()
    order = contest_actions.cancel_for(sponsor, competition, now=timezone.now())
    told = "It is cancelled, and the whole stake is back in your account."
    accepted(request, told, (order.kind, order.id))
    return redirect("competition", competition)


@login_required
@require_POST
def extend(request: HttpRequest, competition: str) -> HttpResponse:
    """Put the close off by so long. raises DatesInvalid, CloseFixed, WrongState, NotSponsor"""
    typed = ExtendForm(request.POST)
    if not typed.is_valid():
        field, causes = next(iter(typed.errors.items()))
        words = f"Go back to the page of {competition}, and write by how long it shall close later."
        raise DatesInvalid(str(causes[0]), next_step=words, path=field, cause=str(causes[0]))
    sponsor, closes_at_ms = request.user.get_username(), typed.closes_at_ms
    order = contest_actions.extend_for(sponsor, competition, closes_at_ms, now=timezone.now())
    told = "The close is put off. The page shows the new one, and the first beside it."
    accepted(request, told, (order.kind, order.id))
    return redirect("competition", competition)


def _review_page(
    request: HttpRequest, found: Draft, *, error: AssayError | None = None
) -> HttpResponse:
    """The last page: whole, or the piece of it that follows the dry run."""
    sponsor, now = found.sponsor, timezone.now()
    missing = plan.unfinished(found, now=now)
    context: dict[str, Any] = {
        "draft": found,
        "steps": wizard(found, REVIEW, missing),
        "before": before(REVIEW),
        "missing": [(name, TITLES[name]) for name in missing],
        "has_data": "data" not in missing,
        "balance_nano": ledger_queries.balance_nano(sponsor),
        "problem": error.as_dict() if error else None,
        "problems": _problems(error),
        "now": now,
    }
    if not missing:
        context |= _stake(found, now=now)
    if found.state == Draft.State.WAITING:
        context |= {"run": run_stages(found)}
    if found.state == Draft.State.REFUSED:
        context |= {"odd_rows": odd_rows(found)}
    if found.state == Draft.State.READY:
        context |= measured(found)
    is_piece = bool(request.headers.get("HX-Request"))
    template = "competitions/parts/dry_run.html" if is_piece else "competitions/review.html"
    return render(request, template, context, status=error.status if error else 200)


def _stake(found: Draft, *, now: datetime) -> dict[str, Any]:
    """What publishing would take, and what it would promise."""
    spec = plan.spec_of(found, plan.cleaned(found, now=now), now=now)
    parts = purse(spec)
    balance_nano = ledger_queries.balance_nano(found.sponsor)
    return {
        "spec": spec,
        "purse": parts,
        "load": queries.load(spec),
        "payouts": payouts_for(parts.prize_nano, spec.curve),
        "missing_nano": max(parts.stake_nano - balance_nano, 0),
        "terms": terms_of([list(tag) for tag in spec.required_tags]),
        "has_base_work": rights.has_work(spec.base_work),
        "has_data_work": bool(spec.data_work) and rights.has_work(spec.data_work),
    }


def _problems(error: AssayError | None) -> list[tuple[str, str, str]]:
    """(page, its title, cause) of everything that is wrong with the spec."""
    if not isinstance(error, SpecInvalid):
        return []
    told = error.facts.get("problems") or [f"{error.facts['path']}: {error.facts['cause']}"]
    assert isinstance(told, list)
    found = []
    for one in told:
        path, _, cause = str(one).partition(": ")
        page = plan.page_of(path)
        found.append((page, TITLES[page], cause))
    return found
