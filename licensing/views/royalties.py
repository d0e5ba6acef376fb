"""Royalties for whoever is signed in: what is due, drawing it, the statement."""

import secrets
from itertools import islice

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from assay.messages import RoyaltyDraw
from assay.money import show_tokens
from ledger import log
from licensing import actions, queries
from licensing.forms import DrawForm, PeriodForm, changed
from licensing.rules.statement import period
from licensing.rules.statement_files import KINDS, as_file
from web.answers import sent_as
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
    """What a period adds up to, and its first lines; days are UTC, the last is not in it."""
    account, form = request.user.get_username(), PeriodForm(request.GET)
    context: dict[str, object] = {"form": form, "query": form.days()}
    if form.is_valid():
        asked = form.period()
        made = queries.royalty_statement(account, asked)
        context["totals"] = queries.royalty_totals(account, asked)
        context["lines"] = list(islice(made.lines, LINES))
        context["most"] = LINES
    status = 200 if form.is_valid() else 422
    return render(request, "licensing/statement.html", context, status=status)


@never_cache
@login_required
@require_safe
def statement_file(request: HttpRequest, form: str) -> StreamingHttpResponse:
    """The whole statement of a period, as CSV or JSON, line by line. raises DaysInvalid"""
    asked = period(request.GET.get("since", ""), request.GET.get("until", ""))
    account = request.user.get_username()
    made = queries.royalty_statement(account, asked)
    pieces = as_file(form, account, asked, made.opening_nano, made.lines)
    return sent_as(request, pieces, f"{made.name}.{form}", KINDS[form])
