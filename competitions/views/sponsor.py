"""The sponsor's desk: drafts page by page, the dry run, the stake, and taking it back."""

from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assay.errors import AssayError
from assay.money import show_tokens
from competitions import queries
from competitions.actions import contest as contest_actions
from competitions.actions import drafts
from competitions.actions.drafts import DraftFile
from competitions.errors import SpecInvalid
from competitions.forms import plan
from competitions.forms.data import DataForm
from competitions.forms.steps import STEPS
from competitions.models import Draft
from competitions.rules.purse import purse
from competitions.rules.task import words_of
from competitions.views.board import terms_of
from evaluator.registry import show_score
from ledger import actions as ledger_actions
from ledger import queries as ledger_queries
from licensing import queries as rights
from web.errors import NotFound
from web.receipts import accepted

TITLES = {"task": "Task", "data": "Data", "prize": "Prize and dates", "terms": "Licence terms"}
REVIEW = "review"


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def desk(request: HttpRequest) -> HttpResponse:
    """My competitions and drafts; a POST begins a new draft."""
    sponsor = request.user.get_username()
    if request.method == "POST":
        made = drafts.begin(sponsor=sponsor, now=timezone.now())
        return redirect("draft_step", made.id, "task")
    found = list(queries.competitions().filter(sponsor=sponsor))
    counts = queries.entry_counts([one.id for one in found])
    context = {
        "competitions": [
            (one, int(one.spec["prize_nano"]), counts.get(one.id, 0)) for one in found
        ],
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
    return redirect("draft_step", draft, (plan.unfinished(found) or [REVIEW])[0])


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, draft: str, step: str) -> HttpResponse:
    """One page of the wizard. What is typed is kept even while something on it is wrong."""
    if step not in STEPS:
        raise NotFound("A draft has no such page.", path=request.path)
    sponsor = request.user.get_username()
    found = queries.draft(draft, sponsor=sponsor)
    if found.state == Draft.State.PUBLISHED:
        return redirect("competition", found.fields["competition"])
    if request.method != "POST":
        is_touched = any(name in found.fields for name in STEPS[step].base_fields)
        form = plan.bound(step, found) if is_touched else _blank(step, found)
        return _step_page(request, found, step, form)
    form = _posted(step, found, request)
    is_valid = form.is_valid()
    found = _keep(form, found, sponsor=sponsor, now=timezone.now())
    if not is_valid:
        return _step_page(request, found, step, form, status=422)
    names = [*STEPS, REVIEW]
    return redirect("draft_step", draft, names[names.index(step) + 1])


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
def dry_run(request: HttpRequest, draft: str) -> HttpResponse:
    """Ask a worker to read the files, pin the task, and measure the baseline."""
    sponsor = request.user.get_username()
    found = queries.draft(draft, sponsor=sponsor)
    if "data" in plan.unfinished(found):
        return redirect("draft_step", draft, "data")
    drafts.request_preparation(draft, sponsor=sponsor, now=timezone.now())
    return redirect("draft_review", draft)


@login_required
@require_POST
def publish(request: HttpRequest, draft: str) -> HttpResponse:
    """Take the stake and make the competition public."""
    sponsor, now = request.user.get_username(), timezone.now()
    found = queries.draft(draft, sponsor=sponsor)
    if found.state == Draft.State.PUBLISHED:
        return redirect("competition", found.fields["competition"])
    unfinished = plan.unfinished(found)
    if unfinished:
        return redirect("draft_step", draft, unfinished[0])
    try:
        publication = plan.publication(found, plan.cleaned(found), sponsor=sponsor, now=now)
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
def cancel(request: HttpRequest, competition: str) -> HttpResponse:
    """End a competition that nobody has entered; the whole stake comes back."""
    sponsor = request.user.get_username()
    order = contest_actions.cancel_for(sponsor, competition, now=timezone.now())
    told = "It is cancelled, and the whole stake is back in your account."
    accepted(request, told, (order.kind, order.id))
    return redirect("competition", competition)


def _blank(step: str, found: Draft) -> forms.Form:
    return DataForm(stored=found.files) if step == "data" else STEPS[step]()


def _posted(step: str, found: Draft, request: HttpRequest) -> forms.Form:
    if step == "data":
        return DataForm(request.POST, request.FILES, stored=found.files)
    return STEPS[step](request.POST)


def _keep(form: forms.Form, found: Draft, *, sponsor: str, now: datetime) -> Draft:
    """Save the page as it was typed, and its files once they are in the store."""
    typed: dict[str, object] = {
        name: str(form.data.get(name, "")).strip()
        for name, field in form.fields.items()
        if not isinstance(field, forms.FileField)
    }
    files: dict[str, DraftFile] = {}
    for name, file in form.cleaned_data.items():
        if isinstance(file, UploadedFile):
            files[name] = _store(file, sponsor=sponsor, now=now)
    return drafts.save(found.id, sponsor=sponsor, fields=typed, files=files, now=now)


def _store(file: UploadedFile, *, sponsor: str, now: datetime) -> DraftFile:
    """Put an upload into the store as it comes. raises BlobTooLarge"""
    sha256, size_bytes = ledger_actions.store(
        file.chunks(), owner=sponsor, limit_bytes=settings.DATA_FILE_LIMIT_BYTES, now=now
    )
    return DraftFile(str(file.name), sha256, size_bytes)


def _step_page(
    request: HttpRequest, found: Draft, step: str, form: forms.Form, *, status: int = 200
) -> HttpResponse:
    context = {"draft": found, "form": form, "step": step, "title": TITLES[step]}
    context |= {"steps": _wizard(found, step), "files": found.files if step == "data" else {}}
    return render(request, "competitions/step.html", context, status=status)


def _review_page(
    request: HttpRequest, found: Draft, *, error: AssayError | None = None
) -> HttpResponse:
    """The last page: whole, or the piece of it that follows the dry run."""
    sponsor, now = found.sponsor, timezone.now()
    missing = plan.unfinished(found)
    context: dict[str, Any] = {
        "draft": found,
        "steps": _wizard(found, REVIEW),
        "missing": [(name, TITLES[name]) for name in missing],
        "has_data": "data" not in missing,
        "balance_nano": ledger_queries.balance_nano(sponsor),
        "problem": error.as_dict() if error else None,
        "problems": _problems(error),
        "now": now,
    }
    if not missing:
        context |= _stake(found, now=now)
    if found.state == Draft.State.READY:
        context |= _measured(found)
    is_piece = bool(request.headers.get("HX-Request"))
    template = "competitions/parts/dry_run.html" if is_piece else "competitions/review.html"
    return render(request, template, context, status=error.status if error else 200)


def _stake(found: Draft, *, now: datetime) -> dict[str, Any]:
    """What publishing would take, and what it would promise."""
    spec = plan.spec_of(found, plan.cleaned(found), now=now)
    parts = purse(spec)
    balance_nano = ledger_queries.balance_nano(found.sponsor)
    return {
        "spec": spec,
        "purse": parts,
        "missing_nano": max(parts.stake_nano - balance_nano, 0),
        "terms": terms_of([list(tag) for tag in spec.required_tags]),
        "has_base_work": rights.has_work(spec.base_work),
        "has_data_work": bool(spec.data_work) and rights.has_work(spec.data_work),
    }


def _measured(found: Draft) -> dict[str, Any]:
    told = {name: bool(found.prepared[name]) for name in ("is_generic", "is_custom")}
    return {
        "marks": words_of(**told),
        "prepared": found.prepared,
        "baseline": show_score(int(found.prepared["baseline"]["score_e9"])),
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
        page = plan.FIELD_OF.get(path, ("task", ""))[0]
        found.append((page, TITLES[page], cause))
    return found


def _wizard(found: Draft, current: str) -> list[dict[str, str]]:
    missing = plan.unfinished(found)
    made = [
        {
            "label": title,
            "href": f"/sponsor/drafts/{found.id}/{name}/",
            "state": "now" if name == current else "" if name in missing else "done",
        }
        for name, title in TITLES.items()
    ]
    state = "now" if current == REVIEW else ""
    review = {"label": "Dry run and stake", "href": f"/sponsor/drafts/{found.id}/review/"}
    return [*made, review | {"state": state}]
