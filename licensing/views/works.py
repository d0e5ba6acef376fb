"""The works on offer and each by itself: terms, price, contributors, lineage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from evaluator.registry import METRICS, show_score
from ledger import log
from licensing import queries
from licensing.forms import KINDS, SearchForm, UsesForm
from licensing.models import Grant, SearchCard
from licensing.rules.deed import NO_LEGAL_TEXT, Clause
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.may import Use
from licensing.rules.sale import SALE_FEE_E8
from licensing.rules.search import score_e9
from licensing.rules.terms import OUR_LICENCE, UDL_VERSIONS

CHILDREN, MINE = 20, 20
OF_EVERY = 100 * WHOLE_E8  # what a split is shown for when nothing is sold: only its parts count


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """The works offered, newest first, found by text, kind, base, task, metric, use and score."""
    form = SearchForm(request.GET)
    asked, now = form.asked(), timezone.now()
    found = queries.offers(_wanted(asked), after=request.GET.get("after", ""), now=now)
    context = {
        "form": form,
        "kind": asked.get("kind", ""),
        "kinds": [("", "Everything"), *((kind.value, name) for kind, name in KINDS.items())],
        "listings": [(one, _score(one.card)) for one in found.rows],
        "next": found.next,
        "is_search": bool(asked),
        "is_fine": bool(form.errors or set(asked) - {"q", "kind"}),
    }
    return render(request, "licensing/models.html", context)


@require_safe
def work(request: HttpRequest, work: str) -> HttpResponse:
    """One work: what it does, its deed, price, contributors, lineage, and the way to a licence."""
    found, now, rows = queries.work(work), timezone.now(), log.Tables()
    clauses = queries.deed_of(work, now=now, rows=rows)
    is_sold = found.state == "live"
    priced = _priced(clauses) if is_sold else []
    quote = queries.quote(work, priced, account="", now=now, rows=rows) if priced else None
    tags, card = queries.tags_of(found, rows=rows), queries.card_of(work)
    below = queries.children(work, limit=CHILDREN)
    context = {
        "work": found,
        "card": card if card and card.competition else None,
        "score": _score(card) if card else None,
        "clauses": clauses,
        "tags": tags,
        "legal": NO_LEGAL_TEXT,
        "udl": UDL_VERSIONS.get(dict(tags).get("License", OUR_LICENCE), "?"),
        "quote": quote,
        "split": _split(work, quote),
        "fee_e8": SALE_FEE_E8,
        "obligations": queries.obligations(found.inherited),
        "parents": queries.parents(work),
        "children": below.rows,
        "has_more_children": bool(below.next),
        "sold": queries.grants(work_id=work).count(),
        "mine": _mine(request, work, now),
        "form": UsesForm(queries.uses_given(clauses), ticked=priced) if is_sold else None,
        "file": queries.offered(found, card),
    }
    response = render(request, "licensing/work.html", context)
    response.headers["Link"] = f'<{request.path}#deed>; rel="license"'
    return response


@require_safe
def children(request: HttpRequest, work: str) -> HttpResponse:
    """Everything that was made from a work, newest first, a page at a time."""
    found = queries.children(work, after=request.GET.get("after", ""))
    context = {"work": queries.work(work), "children": found.rows, "next": found.next}
    return render(request, "licensing/children.html", context)


@dataclass(frozen=True)
class Score:
    """A final score as text, with what it is held against. is_share: a bar from 0 to 1 shows it."""

    text: str
    low: str
    high: str
    baseline: str
    is_share: bool


def _score(card: SearchCard | None) -> Score | None:
    if card is None or card.score_e9 is None or card.baseline_e9 is None:
        return None
    low, high = (None if one is None else show_score(one) for one in (card.low_e9, card.high_e9))
    is_share = bool(low) and 0 <= card.score_e9 <= 10**9
    return Score(
        show_score(card.score_e9), low or "", high or "", show_score(card.baseline_e9), is_share
    )


def _wanted(asked: Mapping[str, str]) -> queries.Wanted:
    """A search form as the query takes it: a figure that should be low is looked for below it."""
    least_e9 = score_e9(asked["score"]) if "score" in asked else None
    named = {name: asked.get(name, "") for name in ("kind", "base", "task", "metric", "use")}
    metric = METRICS.get(named["metric"])
    is_low = bool(metric and metric.is_lower_better)
    return queries.Wanted(
        text=asked.get("q", ""),
        **named,
        least_e9=None if is_low else least_e9,
        most_e9=least_e9 if is_low else None,
    )


def _split(work: str, quote: queries.Quote | None) -> queries.Split:
    """Of the quote; where nothing is sold, of a price that only shows the parts."""
    if quote is None:
        return queries.split_of(work, OF_EVERY)
    return queries.split_of(work, quote.offer.price_nano, shares=quote.shares)


def _priced(clauses: Sequence[Clause]) -> list[str]:
    """The use that is offered first: commercial when it costs something, else what does."""
    priced = [one.use.value for one in clauses if one.offer.answer == "priced"]
    return [Use.COMMERCIAL.value] if Use.COMMERCIAL in priced else priced[:1]


def _mine(request: HttpRequest, work: str, now: datetime) -> list[tuple[Grant, str]]:
    """The reader's own licences of a work."""
    name = request.user.get_username()
    mine = queries.grants(holder=name, work_id=work)[:MINE] if name else []
    return [(one, queries.state_of(one, now=now)) for one in mine]
