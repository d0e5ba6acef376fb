"""The rights for readers and buyers: works and their terms, quotes, licences, royalties."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.contrib import messages as flash
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assay import keys, notes
from assay.errors import AssayError
from assay.messages import LicenceBuy, RoyaltyDraw
from assay.money import show_tokens
from evaluator.registry import METRICS, show_score
from ledger import log
from ledger import queries as record
from ledger.errors import Overdrawn
from licensing import actions, queries
from licensing.errors import AlreadyHeld, QuoteStale
from licensing.forms import KINDS, BuyForm, DrawForm, SearchForm, UsesForm
from licensing.models import Grant, SearchCard
from licensing.rules.deed import NO_LEGAL_TEXT, Clause, allowed
from licensing.rules.grant import verify
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.may import Priced, Use
from licensing.rules.rows import pool_of
from licensing.rules.sale import SALE_FEE_E8
from licensing.rules.search import score_e9
from licensing.rules.statement import as_csv
from licensing.rules.terms import OUR_LICENCE, UDL_VERSIONS
from web.errors import RequestInvalid
from web.receipts import accepted

CHILDREN, LINES, MINE = 20, 50, 20
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
    is_sold = found.is_offered and found.state == "live"
    priced = _priced(clauses) if is_sold else []
    quote = queries.quote(work, priced, account="", now=now, rows=rows) if priced else None
    tags, card = queries.tags_of(found, rows=rows), queries.card_of(work)
    below = queries.children(work, limit=CHILDREN)
    context = {
        "work": found,
        "card": card if card and card.competition else None,
        "score": _score(card) if card else None,
        "clauses": [(one, _state(one)) for one in clauses],
        "tags": tags,
        "legal": NO_LEGAL_TEXT,
        "udl": UDL_VERSIONS.get(dict(tags).get("License", OUR_LICENCE), "?"),
        "quote": quote,
        "split": _split(work, quote),
        "fee_e8": SALE_FEE_E8,
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


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def buy(request: HttpRequest, work: str) -> HttpResponse:
    """The quote for ?uses=, with a button that buys it; sent twice it is bought once."""
    if request.method != "POST":
        uses = request.GET.getlist("uses")
        return _quote_page(request, work, uses) if uses else _nothing_chosen(request, work)
    form = BuyForm(request.POST)
    if not form.is_valid():
        raise _odd_form(form)
    wanted = form.order(work)
    words = _words(wanted, form.cleaned_data["key"])
    order = log.order_for(request.user.get_username(), wanted, idempotency=words)
    try:
        made = actions.buy_licence(order, now=timezone.now())
    except (AlreadyHeld, QuoteStale, Overdrawn) as error:
        return _quote_page(request, work, wanted.uses, problem=error)
    told = "The licence is yours, and everybody is paid."
    accepted(request, told, (order.kind, order.id))
    return redirect("licensing_licence", made.id)


@never_cache
@login_required
@require_safe
def licences(request: HttpRequest) -> HttpResponse:
    """The licences of whoever is signed in."""
    now, after = timezone.now(), request.GET.get("after", "")
    mine = queries.grants_of(request.user.get_username(), after=after)
    found = queries.works_of({one.work for one in mine.rows})
    lines = [(one, found[one.work], queries.state_of(one, now=now)) for one in mine.rows]
    return render(request, "licensing/licences.html", {"lines": lines, "next": mine.next})


@require_safe
def licence(request: HttpRequest, grant: str) -> HttpResponse:
    """One licence: what it allows, its signed text, its proof, and where the money went."""
    found = queries.grant(grant)
    operator = keys.public_hex(log.signing_key("operator"))
    claims = verify(found.jws, operator, now_ms=found.from_ms)
    transfers = list(record.transfers_of(found.message))
    pools = {pool_of(one.id): one for one in queries.works_of(_works_paid(transfers)).values()}
    index, newest = log.index_of(found.message), record.latest_checkpoint()
    context = {
        "grant": found,
        "facts": record.answers_to(found.id),
        "work": queries.work(found.work),
        "state": queries.state_of(found, now=timezone.now()),
        "allowed": allowed(claims.uses, claims.conditions),
        "operator_key": operator,
        "log_key": _log_key(),
        "transfers": [(one, pools.get(one.credit)) for one in transfers],
        "has_receipt": index is not None and newest is not None and index < newest.size,
    }
    return render(request, "licensing/licence.html", context)


@require_safe
def grant_text(request: HttpRequest, grant: str) -> HttpResponse:  # noqa: ARG001
    """The signed text of a licence as a file."""
    found = queries.grant(grant)
    response = HttpResponse(found.jws, content_type="application/jose")
    response.headers["Content-Disposition"] = 'attachment; filename="grant.jws"'
    return response


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
        raise _odd_form(form)
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
    return queries.split_of(work, quote.price.price_nano, shares=quote.shares)


def _nothing_chosen(request: HttpRequest, work: str) -> HttpResponse:
    """Back to the work, where the uses are. raises WorkUnknown"""
    address = reverse("licensing_work", args=[queries.work(work).id])
    flash.warning(request, "Tick what you want to use it for, then look at the quote.")
    return redirect(f"{address}#buy")


def _quote_page(
    request: HttpRequest, work: str, uses: Sequence[str], problem: AssayError | None = None
) -> HttpResponse:
    """raises what queries.quote raises"""
    account, key = request.user.get_username(), secrets.token_urlsafe(16)
    quote = queries.quote(work, uses, account=account, now=timezone.now())
    agreed = quote.order(beside=quote.held[0].id if quote.held else None)
    order = log.order_for(account, agreed, idempotency=_words(agreed, key))
    gross_nano = quote.price.price_nano
    after_nano = record.balance_nano(account) - gross_nano
    context = {
        "quote": quote,
        "split": queries.split_of(work, gross_nano, payment_id=order.id),
        "fee_e8": SALE_FEE_E8,
        "uses": ",".join(quote.price.uses),
        "allowed": allowed(quote.price.uses, quote.price.conditions, quote.price.rate_e8),
        "key": key,
        "held": quote.held[0] if quote.held else None,
        "after_nano": after_nano,
        "missing_nano": max(-after_nano, 0),
        "problem": problem.as_dict() if problem else None,
    }
    return render(request, "licensing/buy.html", context, status=problem.status if problem else 200)


def _words(wanted: LicenceBuy, key: str) -> str:
    """What makes one click one purchase: the same page, work, uses, terms and price."""
    uses = ",".join(wanted.uses)
    words = f"licence.buy/{wanted.work}/{uses}/{wanted.terms_version}/{wanted.price_nano}/{key}"
    return f"{words}/{wanted.beside}" if wanted.beside else words


def _priced(clauses: Sequence[Clause]) -> list[str]:
    """The use that is offered first: commercial when it costs something, else what does."""
    priced = [one.use.value for one in clauses if isinstance(one.answer, Priced)]
    return [Use.COMMERCIAL.value] if Use.COMMERCIAL in priced else priced[:1]


def _state(clause: Clause) -> str:
    return type(clause.answer).__name__.lower()


def _mine(request: HttpRequest, work: str, now: datetime) -> list[tuple[Grant, str]]:
    """The reader's own licences of a work."""
    name = request.user.get_username()
    mine = queries.grants(holder=name, work_id=work)[:MINE] if name else []
    return [(one, queries.state_of(one, now=now)) for one in mine]


def _works_paid(transfers: Sequence[object]) -> list[str]:
    accounts = [str(getattr(one, "credit")) for one in transfers]  # noqa: B009
    return [name.removeprefix("pool:") for name in accounts if name.startswith("pool:")]


def _log_key() -> str:
    public = log.signing_key("log").public_key().public_bytes_raw()
    return notes.verifier_key(settings.LOG_ORIGIN, notes.LOG_KEY, public)


def _odd_form(form: Form) -> RequestInvalid:
    problems = [f"{name}: {errors[0]}" for name, errors in form.errors.items()]
    return RequestInvalid("This form was changed on its way.", problems=problems)
