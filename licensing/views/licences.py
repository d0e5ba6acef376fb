"""Licences: the quote, the purchase, what was bought."""

import secrets
from collections.abc import Sequence

from django.contrib import messages as flash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from assay.errors import AssayError
from assay.messages import LicenceBuy
from ledger import log
from ledger import queries as record
from ledger.errors import Overdrawn
from licensing import actions, queries
from licensing.errors import AlreadyHeld, QuoteStale
from licensing.forms import BuyForm, changed
from licensing.rules.deed import allowed
from licensing.rules.grant import verify
from licensing.rules.rows import pool_of
from licensing.rules.sale import SALE_FEE_E8
from web.receipts import accepted


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
        raise changed(form)
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
    operator = log.find_signer(found.message)
    claims = verify(found.jws, operator, now_ms=found.from_ms)
    transfers = list(record.transfers_of(found.message))
    pools = {pool_of(one.id): one for one in queries.works_of(_works_paid(transfers)).values()}
    index, covering = log.index_of(found.message), record.latest_checkpoint()
    size, work = covering.size if covering else 0, queries.work(found.work)
    context = {
        "grant": found,
        "facts": record.answers_to(found.id),
        "work": work,
        "state": queries.state_of(found, now=timezone.now()),
        "allowed": allowed(claims.uses, claims.conditions),
        "obligations": queries.obligations(work.inherited),
        "operator_key": operator,
        "log_key": log.log_vkey_at(size),
        "transfers": [(one, pools.get(one.credit)) for one in transfers],
        "has_receipt": index is not None and index < size,
    }
    return render(request, "licensing/licence.html", context)


@require_safe
def grant_text(request: HttpRequest, grant: str) -> HttpResponse:  # noqa: ARG001
    """The signed text of a licence as a file."""
    found = queries.grant(grant)
    response = HttpResponse(found.jws, content_type="application/jose")
    response.headers["Content-Disposition"] = 'attachment; filename="grant.jws"'
    return response


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
    order_id = log.order_id_for(account, agreed, idempotency=_words(agreed, key))
    gross_nano = quote.offer.price_nano
    after_nano = record.balance_nano(account) - gross_nano
    context = {
        "quote": quote,
        "split": queries.split_of(work, gross_nano, payment_id=order_id),
        "fee_e8": SALE_FEE_E8,
        "uses": ",".join(quote.offer.uses),
        "allowed": allowed(quote.offer.uses, quote.offer.conditions, quote.offer.rate_e8),
        "key": key,
        "obligations": queries.obligations(quote.offer.inherited),
        "held": quote.held[0] if quote.held else None,
        "held_allows": allowed(quote.held[0].uses, ()) if quote.held else "",
        "is_free": not gross_nano,
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


def _works_paid(transfers: Sequence[object]) -> list[str]:
    accounts = [str(getattr(one, "credit")) for one in transfers]  # noqa: B009
    return [name.removeprefix("pool:") for name in accounts if name.startswith("pool:")]
