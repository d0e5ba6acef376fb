"""The rights for readers and buyers: works and their terms, quotes, licences, royalties."""

import secrets
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from assay import keys, notes
from assay.errors import AssayError
from assay.messages import LicenceBuy, RoyaltyDraw
from assay.money import show_tokens
from ledger import log
from ledger import queries as record
from ledger.errors import Overdrawn
from licensing import actions, queries
from licensing.errors import QuoteStale
from licensing.forms import KINDS, BuyForm, DrawForm, SearchForm, UsesForm
from licensing.models import Grant
from licensing.rules.deed import NO_LEGAL_TEXT, Clause, allowed
from licensing.rules.grant import verify
from licensing.rules.lineage import WHOLE_E8
from licensing.rules.may import Priced, Use
from licensing.rules.rows import pool_of
from licensing.rules.sale import SALE_FEE_E8
from licensing.rules.statement import as_csv
from licensing.rules.terms import OUR_LICENCE, UDL_VERSIONS
from web.errors import RequestInvalid
from web.receipts import accepted

WORKS, CHILDREN, LINES = 50, 20, 100
OF_EVERY = 100 * WHOLE_E8  # what a split is shown for when nothing is sold: only its parts count


@require_safe
def models(request: HttpRequest) -> HttpResponse:
    """The works offered, newest first; ?q= looks for one, ?kind= keeps one kind."""
    form = SearchForm(request.GET)
    wanted = form.cleaned_data if form.is_valid() else {"q": "", "kind": ""}
    found = queries.offers(kind=wanted["kind"], text=wanted["q"].strip())
    asked = request.GET.get("after", "")
    start = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 9 else 0
    shown = list(found[start : start + WORKS + 1])
    context = {
        "form": SearchForm(initial=wanted),
        "kind": wanted["kind"],
        "kinds": [("", "Everything"), *((kind.value, name) for kind, name in KINDS.items())],
        "listings": queries.listings(shown[:WORKS], now=timezone.now()),
        "next": str(start + WORKS) if len(shown) > WORKS else "",
        "is_search": any(wanted.values()),
    }
    return render(request, "licensing/models.html", context)


@require_safe
def work(request: HttpRequest, work: str) -> HttpResponse:
    """One work: its deed, price, contributors, lineage, and the way to buy a licence."""
    found, now = queries.work(work), timezone.now()
    clauses = queries.deed_of(work, now=now)
    is_sold = found.is_offered and found.state == "live"
    priced = _priced(clauses) if is_sold else []
    quote = queries.quote(work, priced, account="", now=now) if priced else None
    tags = queries.tags_of(work)
    blob = record.blob(work)
    context = {
        "work": found,
        "clauses": [(one, _state(one)) for one in clauses],
        "tags": tags,
        "legal": NO_LEGAL_TEXT,
        "udl": UDL_VERSIONS.get(dict(tags).get("License", OUR_LICENCE), "?"),
        "quote": quote,
        "split": queries.split_of(work, quote.price.price_nano if quote else OF_EVERY),
        "fee_e8": SALE_FEE_E8,
        "parents": queries.parents(work),
        "children": queries.children(work, limit=CHILDREN),
        "sold": queries.grants(work_id=work).count(),
        "mine": _mine(request, work, now),
        "form": UsesForm(queries.uses_given(clauses), ticked=priced) if is_sold else None,
        "file": blob if blob and blob.is_public else None,
    }
    response = render(request, "licensing/work.html", context)
    response.headers["Link"] = f'<{request.path}#deed>; rel="license"'
    return response


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def buy(request: HttpRequest, work: str) -> HttpResponse:
    """The quote for ?uses=, with a button that buys it; sent twice it is bought once."""
    if request.method != "POST":
        return _quote_page(request, work, request.GET.getlist("uses"))
    form = BuyForm(request.POST)
    if not form.is_valid():
        raise _odd_form(form)
    wanted = form.order(work)
    words = _words(wanted, form.cleaned_data["key"])
    order = log.order_for(request.user.get_username(), wanted, idempotency=words)
    try:
        made = actions.buy_licence(order, now=timezone.now())
    except (QuoteStale, Overdrawn) as error:
        return _quote_page(request, work, wanted.uses, problem=error)
    told = "The licence is yours, and everybody is paid."
    accepted(request, told, (order.kind, order.id))
    return redirect("licensing_licence", made.id)


@never_cache
@login_required
@require_safe
def licences(request: HttpRequest) -> HttpResponse:
    """The licences of whoever is signed in."""
    now = timezone.now()
    mine = list(queries.grants(holder=request.user.get_username()))
    found = queries.works_of({one.work for one in mine})
    lines = [(one, found[one.work], queries.state_of(one, now=now)) for one in mine]
    return render(request, "licensing/licences.html", {"lines": lines})


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
    account = request.user.get_username()
    dues = queries.royalties(account)
    lines = queries.royalty_lines(account)
    found = {one.work.id: one.work for one in dues}
    context = {
        "dues": [(one, secrets.token_urlsafe(16)) for one in dues],
        "due_nano": sum(one.due_nano for one in dues),
        "drawn_nano": sum(one.drawn_nano for one in dues),
        "lines": [(line, found[line.work]) for line in lines[:LINES]],
        "more": max(len(lines) - LINES, 0),
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


def _quote_page(
    request: HttpRequest, work: str, uses: Sequence[str], problem: AssayError | None = None
) -> HttpResponse:
    """raises what queries.quote raises"""
    account, key = request.user.get_username(), secrets.token_urlsafe(16)
    quote = queries.quote(work, uses, account=account, now=timezone.now())
    order = log.order_for(account, quote.order(), idempotency=_words(quote.order(), key))
    gross_nano = quote.price.price_nano
    after_nano = record.balance_nano(account) - gross_nano
    context = {
        "quote": quote,
        "split": queries.split_of(work, gross_nano, payment_id=order.id),
        "fee_e8": SALE_FEE_E8,
        "uses": ",".join(quote.price.uses),
        "allowed": allowed(quote.price.uses, quote.price.conditions, quote.price.rate_e8),
        "key": key,
        "after_nano": after_nano,
        "missing_nano": max(-after_nano, 0),
        "problem": problem.as_dict() if problem else None,
    }
    return render(request, "licensing/buy.html", context, status=problem.status if problem else 200)


def _words(wanted: LicenceBuy, key: str) -> str:
    """What makes one click one purchase: the same page, work, uses, terms and price."""
    uses = ",".join(wanted.uses)
    return f"licence.buy/{wanted.work}/{uses}/{wanted.terms_version}/{wanted.price_nano}/{key}"


def _priced(clauses: Sequence[Clause]) -> list[str]:
    """The use that is offered first: commercial when it costs something, else what does."""
    priced = [one.use.value for one in clauses if isinstance(one.answer, Priced)]
    return [Use.COMMERCIAL.value] if Use.COMMERCIAL in priced else priced[:1]


def _state(clause: Clause) -> str:
    return type(clause.answer).__name__.lower()


def _mine(request: HttpRequest, work: str, now: datetime) -> list[tuple[Grant, str]]:
    """The reader's own licences of a work."""
    name = request.user.get_username()
    mine = queries.grants(holder=name, work_id=work) if name else []
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
