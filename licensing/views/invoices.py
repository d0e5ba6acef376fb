"""The invoice of a licence: for its holder, to print."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from ledger import queries as record
from licensing import actions, queries
from licensing.forms import PartyForm
from licensing.rules.deed import allowed


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def invoice(request: HttpRequest, grant: str) -> HttpResponse:
    """What was bought, when, for how much, by whom in law; the name is the buyer's own word."""
    account = request.user.get_username()
    found = queries.invoice(grant, account)
    form = PartyForm(request.POST) if request.method == "POST" else _blank(found)
    if request.method == "POST" and form.is_valid():
        actions.set_party(account, **form.cleaned_data)
        return redirect("licensing_invoice", grant)
    context = {
        "invoice": found,
        "grant": found.grant,
        "work": queries.work(found.grant.work),
        "allowed": allowed(found.grant.uses, ()),
        "transfers": list(record.transfers_of(found.grant.message)),
        "form": form,
    }
    status = 422 if form.errors else 200
    return render(request, "licensing/invoice.html", context, status=status)


def _blank(found: queries.Invoice) -> PartyForm:
    told = {name: getattr(found.party, name) for name in ("name", "address", "tax_id")}
    return PartyForm(initial=told)
