"""The sponsor's desk: drafts, and the four pages on which a competition is described."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from competitions import queries
from competitions.actions import drafts
from competitions.actions.drafts import DraftFile
from competitions.forms import plan
from competitions.forms.data import DataForm
from competitions.forms.fields import StepForm
from competitions.forms.steps import STEPS, PrizeForm
from competitions.models import Draft
from competitions.rules.purse import Payouts, payouts_for
from competitions.views import files
from competitions.views.board import LISTED, page_start
from competitions.views.pages import REVIEW, TITLES, before, wizard
from ledger import actions as ledger_actions
from ledger import queries as ledger_queries
from web.errors import NotFound
from web.strict import a_button


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@a_button
def desk(request: HttpRequest) -> HttpResponse:
    """My competitions and drafts; a POST begins a new draft."""
    sponsor = request.user.get_username()
    if request.method == "POST":
        made = drafts.begin(sponsor=sponsor, now=timezone.now())
        return redirect("draft_step", made.id, "task")
    mine, start = queries.competitions().filter(sponsor=sponsor), page_start(request)
    found = list(mine[start : start + LISTED + 1])
    shown = found[:LISTED]
    counts = queries.entry_counts([one.id for one in shown])
    context = {
        "competitions": [
            (one, int(one.spec["prize_nano"]), counts.get(one.id, 0)) for one in shown
        ],
        "count": mine.count(),
        "start": start,
        "next": str(start + LISTED) if len(found) > LISTED else "",
        "drafts": queries.drafts_of(sponsor),
        "balance_nano": ledger_queries.balance_nano(sponsor),
        "now": timezone.now(),
    }
    return render(request, "competitions/sponsor.html", context)


@never_cache
@login_required
@require_safe
def draft(request: HttpRequest, draft: str) -> HttpResponse:
    """Where the sponsor left off."""
    found = queries.draft(draft, sponsor=request.user.get_username())
    if found.state == Draft.State.PUBLISHED:
        return redirect("competition", found.fields["competition"])
    missing = plan.unfinished(found, now=timezone.now())
    return redirect("draft_step", draft, (missing or [REVIEW])[0])


@login_required
@require_POST
@a_button
def discard(request: HttpRequest, draft: str) -> HttpResponse:
    """Throw a draft away."""
    drafts.discard(draft, sponsor=request.user.get_username())
    return redirect("competitions_sponsor")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, draft: str, step: str) -> HttpResponse:
    """One page of the wizard. What is typed is kept even while something on it is wrong."""
    if step not in STEPS:
        raise NotFound("A draft has no such page.", path=request.path)
    sponsor, now = request.user.get_username(), timezone.now()
    found = queries.draft(draft, sponsor=sponsor)
    if found.state == Draft.State.PUBLISHED:
        return redirect("competition", found.fields["competition"])
    if request.method != "POST":
        is_touched = any(name in found.fields for name in STEPS[step].base_fields)
        form = plan.bound(step, found, now=now) if is_touched else _blank(step, found, now=now)
        return _step_page(request, found, step, form)
    form = _posted(step, found, request, now=now)
    is_valid = form.is_valid()
    found = _keep(form, found, sponsor=sponsor, now=now)
    if not is_valid:
        return _step_page(request, found, step, form, status=422)
    if step == "data" and not _is_sound(found):
        return redirect("draft_step", draft, step)
    names = [*STEPS, REVIEW]
    return redirect("draft_step", draft, names[names.index(step) + 1])


def _is_sound(found: Draft) -> bool:
    """The files were read, and nothing about them has to be mended."""
    read = queries.draft_read(queries.preview(found.id))
    return read is not None and not read.fault_count


@never_cache
@login_required
@require_safe
def preview(request: HttpRequest, draft: str) -> HttpResponse:
    """What the files hold: the piece of the data's page that follows the worker."""
    found = queries.draft(draft, sponsor=request.user.get_username())
    if not request.headers.get("HX-Request"):
        return redirect("draft_step", draft, "data")
    context = {"draft": found} | files.shown(found)
    return render(request, "competitions/parts/preview.html", context)


@never_cache
@login_required
@require_safe
def payouts(request: HttpRequest, draft: str) -> HttpResponse:
    """What the places would pay, of a prize and a curve that are just being typed: a piece."""
    found = queries.draft(draft, sponsor=request.user.get_username())
    form = PrizeForm(request.GET, now=timezone.now())
    context = {"draft": found, "payouts": _payouts(form)}
    return render(request, "competitions/parts/payout_preview.html", context)


def _payouts(form: StepForm) -> Payouts | None:
    """None while prize and curve are not both there and right."""
    form.is_valid()
    if not form.is_bound or {"prize", "curve"} & set(form.errors):
        return None
    return payouts_for(form.cleaned_data["prize"], form.cleaned_data["curve"])


def _blank(step: str, found: Draft, *, now: datetime) -> StepForm:
    return DataForm(stored=found.files, now=now) if step == "data" else STEPS[step](now=now)


def _posted(step: str, found: Draft, request: HttpRequest, *, now: datetime) -> StepForm:
    if step == "data":
        return DataForm(request.POST, request.FILES, stored=found.files, now=now)
    return STEPS[step](request.POST, now=now)


def _keep(form: StepForm, found: Draft, *, sponsor: str, now: datetime) -> Draft:
    """Save the page as it was typed, and its files once they are in the store."""
    stored: dict[str, DraftFile] = {}
    for name, file in form.cleaned_data.items():
        if isinstance(file, UploadedFile):
            stored[name] = _store(file, sponsor=sponsor, now=now)
    return drafts.save(found.id, sponsor=sponsor, fields=form.typed(), files=stored, now=now)


def _store(file: UploadedFile, *, sponsor: str, now: datetime) -> DraftFile:
    """Put an upload into the store as it comes. raises BlobTooLarge"""
    sha256, size_bytes = ledger_actions.store(
        file.chunks(), owner=sponsor, limit_bytes=settings.DATA_FILE_LIMIT_BYTES, now=now
    )
    return DraftFile(str(file.name), sha256, size_bytes)


def _step_page(
    request: HttpRequest, found: Draft, step: str, form: StepForm, *, status: int = 200
) -> HttpResponse:
    missing = plan.unfinished(found, now=form.now)
    form.focus_first_error()
    context: dict[str, Any] = {
        "draft": found,
        "form": form,
        "step": step,
        "title": TITLES[step],
        "before": before(step),
        "steps": wizard(found, step, missing),
        "files": files.uploaded(found) if step == "data" else [],
        "payouts": _payouts(form) if step == "prize" else None,
    }
    if step == "data":
        context |= files.shown(found)
    return render(request, "competitions/step.html", context, status=status)
