"""Royalties for whoever is signed in: what is due, drawing it, the statement."""

import secrets

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assay.messages import RoyaltyDraw
from assay.money import show_tokens
from ledger import log
from ledger import queries as record
from licensing import actions, queries
from licensing.forms import DrawForm, changed
from licensing.rules.statement import as_csv
from web.receipts import accepted

LINES = 50


@never_cache
@login_required
@require_safe
def royalties(request: HttpRequest) -> HttpResponse:
    """What is due to whoever is signed in, work by work, and what it comes from."""
    account, asked = request.user.get_username(), request.GET.get("after", "")
    start = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    found = queries.dues_page(account, start=start, limit=queries.PAGE, lines=LINES)
    works = queries.works_of({line.work for line in found.lines})
    context = {
        "dues": found.dues,
        "key": secrets.token_urlsafe(16),
        "next": found.next,
        "is_first": not start,
        "due_nano": found.due_nano,
        "drawn_nano": found.drawn_nano,
        "lines": [(line, works[line.work]) for line in found.lines],
    }
    return render(request, "licensing/royalties.html", context)


@login_required
@require_POST
def draw(request: HttpRequest) -> HttpResponse:
    """Pay what is due from one work's pool to whoever is signed in; sent twice it pays once."""
    form = DrawForm(request.POST)
    if not form.is_valid():
        raise changed(form)
    wanted = RoyaltyDraw(form.cleaned_data["work"])
    words = f"royalty.draw/{wanted.work}/{form.cleaned_data['key']}"
    order = log.order_for(request.user.get_username(), wanted, idempotency=words)
    amount_nano = actions.draw_royalty(order, now=timezone.now())
    told = f"{show_tokens(amount_nano)} tokens are in your account."
    accepted(request, told, (order.kind, order.id))
    return redirect("licensing_royalties")


@never_cache
@login_required
@require_safe
def statement(request: HttpRequest) -> HttpResponse:
    """Every line of the royalties as CSV; the file is named by the log's size."""
    account = request.user.get_username()
    lines = queries.royalty_lines(account)
    titles = {one.id: one.title for one in queries.works_of({ln.work for ln in lines}).values()}
    response = HttpResponse(as_csv(lines, titles), content_type="text/csv; charset=utf-8")
    name = f"royalties-{account}-{record.log_size()}.csv"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
