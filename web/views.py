"""Pages of no other room: home, documents, tokens, and what Django shows when a view fails."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from web import auth, budgets, codes
from web.answers import problem
from web.errors import (
    Broken,
    Forbidden,
    FormExpired,
    LockedOut,
    NotFound,
    RequestError,
    TooLarge,
)
from web.forms import TokenForm
from web.strict import a_button


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What this is, without any competition; a room above extends web/home.html with them."""
    return render(request, "web/home.html")


@require_safe
def docs(request: HttpRequest) -> HttpResponse:
    """How to take part, for each kind of visitor, with the commands in order."""
    return render(request, "web/docs.html")


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """The tokens of an account, and a form for a new one, which is shown this once."""
    form = TokenForm(request.POST or None)
    account, now, raw = request.user.get_username(), timezone.now(), ""
    if request.method == "POST" and form.is_valid():
        wish = (form.lifetime, form.chosen_scopes)
        raw = auth.issue(account, now, *wish, budget_nano=form.budget_nano)
    context = {"form": form, "raw": raw, "tokens": auth.tokens_of(account), "now": now}
    return render(request, "web/tokens.html", context)


@never_cache
@login_required
@require_safe
def limits(request: HttpRequest) -> HttpResponse:
    """What an account may still do today, of what has a budget."""
    return render(request, "web/limits.html", {"left": budgets.left(request.user.get_username())})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@a_button
def enter(request: HttpRequest, code: str) -> HttpResponse:
    """Sign a browser in with what `assay auth web` gave: it asks first, and counts once."""
    now = timezone.now()
    account = codes.account_of(code, codes.FOR_BROWSER, now)
    if request.method != "POST":
        return render(request, "web/enter.html", {"account": account})
    user = auth.member(codes.redeem(code, codes.FOR_BROWSER, now))
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    messages.success(request, f"You are signed in as {account}.")
    return redirect("/account/")


@login_required
@require_POST
@a_button
def revoke_token(request: HttpRequest, prefix: str) -> HttpResponse:
    """End one token."""
    if auth.revoke(request.user.get_username(), prefix):
        messages.success(request, f"The token {prefix} works no longer.")
    return redirect("web_tokens")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """handler400: what Django itself refuses."""
    if isinstance(exception, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        cause = f"A form takes at most {most} bytes besides its files."
        return problem(request, TooLarge(cause, limit_bytes=most))
    return problem(request, RequestError("This request cannot be read."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """handler403."""
    return problem(request, Forbidden("This is not open to you.", path=request.path))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    """handler404."""
    return problem(request, NotFound("There is nothing at this address.", path=request.path))


def too_many(request: HttpRequest) -> HttpResponse:
    """handler429: what django-allauth counts by itself."""
    return problem(request, LockedOut(60, "Too many of these in a short time."))


def broken(request: HttpRequest) -> HttpResponse:
    """handler500."""
    request_id = getattr(request, "id", "")
    return problem(request, Broken("Something broke on our side.", request=request_id))


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """CSRF_FAILURE_VIEW."""
    error = FormExpired("This form came from an older page.", path=request.path, reason=reason)
    return problem(request, error)


def locked_out(request: HttpRequest, *_details: object, **_more: object) -> HttpResponse:
    """AXES_LOCKOUT_CALLABLE: too many failures in a row."""
    return problem(request, LockedOut(settings.LOCKED_OUT_S))
