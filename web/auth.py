"""Who asks: sign-in by name and password (django-allauth), and tokens for programs.

A token reads `assay_<prefix>_<secret>`: the prefix finds its row and may be shown, the secret has
256 bits, and the table keeps only sha256 of the whole.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hmac import compare_digest

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import AbstractBaseUser, User
from django.contrib.auth.password_validation import MinimumLengthValidator
from django.db import transaction
from django.db.models import F
from django.forms import Form, ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.module_loading import import_string

from assay import handles
from assay.canonical import sha256_hex
from assay.tokens import DAYS, DAYS_MOST, SCOPES
from web import budgets
from web.codes import forget_codes
from web.errors import (
    LockedOut,
    PasswordWrong,
    ScopeMissing,
    TokenBudgetSpent,
    TokenExpired,
    TokenUnknown,
)
from web.models import ApiToken, Session
from web.receipts import accepted
from web.sessions import SessionStore

TOKEN_LIFETIME = timedelta(days=DAYS)
USE_IS_NOTED_EVERY = timedelta(minutes=5)


def _check_handle(name: str) -> None:
    """raises ValidationError"""
    if why := handles.flaw(name):
        raise ValidationError(why)


HANDLE_VALIDATORS = [_check_handle]
_TOKEN = re.compile(r"assay_([A-Za-z0-9]{8})_[A-Za-z0-9_-]{43}")
_PREFIX_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


@dataclass(frozen=True)
class Caller:
    """Who stands behind a request to the API."""

    account: str
    scopes: frozenset[str]
    token_prefix: str
    expires_at: datetime

    def require(self, scope: str) -> None:
        """Refuse unless the token has this scope.

        raises ScopeMissing
        """
        if scope not in self.scopes:
            scopes = sorted(self.scopes)
            raise ScopeMissing(f"This token may not {scope}.", needed=scope, scopes=scopes)


@transaction.atomic
def issue(
    account: str,
    now: datetime,
    lifetime: timedelta = TOKEN_LIFETIME,
    scopes: tuple[str, ...] = SCOPES,
    *,
    budget_nano: int = 0,
) -> str:
    """Make a token for an account; the only moment at which anybody sees it.

    account   a handle that has signed up
    lifetime  a year at most
    scopes    of SCOPES; the doors ask for the LEAST when nobody chose
    budget_nano  what it may spend without a key's signature, in all
    returns   the raw token
    raises    TokensHeld; what has expired does not count, and goes
    """
    assert set(scopes) <= set(SCOPES), "a scope that no door asks for"
    assert lifetime <= timedelta(days=DAYS_MOST), "a token that lives too long"
    budgets.turn("tokens", account=account)
    mine = ApiToken.objects.filter(account__username=account)
    mine.filter(expires_at__lte=now).delete()
    budgets.need_room("tokens", mine.count())
    prefix = "".join(secrets.choice(_PREFIX_LETTERS) for _ in range(8))
    raw = f"assay_{prefix}_{secrets.token_urlsafe(32)}"
    ApiToken.objects.create(
        prefix=prefix,
        digest=sha256_hex(raw.encode()),
        account_id=account,
        scopes=" ".join(scopes),
        created_at=now,
        expires_at=now + lifetime,
        budget_nano=budget_nano,
    )
    return raw


def take_budget(prefix: str, amount_nano: int) -> None:
    """Take something off what a token may spend, in the transaction that spends it.

    raises TokenBudgetSpent; then nothing is taken
    """
    mine = ApiToken.objects.filter(prefix=prefix)
    left = F("budget_nano") - amount_nano
    if not mine.filter(spent_nano__lte=left).update(spent_nano=F("spent_nano") + amount_nano):
        found = mine.first()
        left_nano = found.budget_nano - found.spent_nano if found else 0
        message = "The token's budget does not reach."
        raise TokenBudgetSpent(message, left_nano=str(left_nano), wanted_nano=str(amount_nano))


def check(raw: str, now: datetime) -> Caller:
    """Who a token speaks for.

    raises TokenUnknown when it was never issued, was revoked, or its account is closed;
           TokenExpired
    """
    found = _TOKEN.fullmatch(raw)
    token = _token_with(found[1]) if found else None
    if token is None or not compare_digest(token.digest, sha256_hex(raw.encode())):
        shown = raw[:14] if raw.startswith("assay_") else ""
        raise TokenUnknown("This token is not known here, or was revoked.", prefix=shown)
    if token.expires_at <= now:
        when = token.expires_at.isoformat(timespec="seconds")
        raise TokenExpired(f"This token expired at {when}.", prefix=token.prefix, expired_at=when)
    if token.last_used_at is None or token.last_used_at < now - USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
    return Caller(
        account=token.account_id,
        scopes=frozenset(token.scopes.split()),
        token_prefix=token.prefix,
        expires_at=token.expires_at,
    )


def revoke(account: str, prefix: str) -> bool:
    """End one of an account's tokens; false when it had none with this prefix."""
    return bool(ApiToken.objects.filter(account__username=account, prefix=prefix).delete()[0])


def revoke_all(account: str) -> None:
    """End every token and every open code of an account: what somebody who got in may have left."""
    ApiToken.objects.filter(account__username=account).delete()
    forget_codes(account)


class LongEnough(MinimumLengthValidator):
    """Django's own; as one of the validators it is told of every change of a password.

    Also of one by `manage.py changepassword`. The other sessions Django ends by itself.
    """

    def password_changed(self, password: str, user: AbstractBaseUser) -> None:  # noqa: ARG002
        """End all tokens and codes of the account."""
        revoke_all(user.get_username())


def has_password(account: str) -> bool:
    """Whether a name and a password lead into the account."""
    user = get_user_model().objects.filter(username=account).first()
    return user is not None and user.has_usable_password()


def sign_out_everywhere(account: str, *, keeps_session: str = "") -> None:
    """End every token, open code and browser session of an account: a key of it may be stolen.

    keeps_session  the session of whoever asks for it
    """
    revoke_all(account)
    user = get_user_model().objects.filter(username=account).first()
    if user is not None:
        Session.objects.filter(user=user.pk).exclude(pk=keeps_session).delete()


def close(account: str) -> None:
    """Nobody signs in to an account that was closed, by no door."""
    get_user_model().objects.filter(username=account).update(is_active=False)
    sign_out_everywhere(account)


def forget_sessions() -> None:
    """Delete the browsers' sessions that are over."""
    SessionStore.clear_expired()


def tokens_of(account: str) -> list[ApiToken]:
    """The tokens of an account, newest first."""
    return list(ApiToken.objects.filter(account__username=account))


def welcome(account: str) -> None:
    """Note who signs in with a key: without a password, since the key is the way in."""
    blank = {"password": make_password(None)}
    get_user_model().objects.get_or_create(username=account, defaults=blank)


def member(account: str) -> User:
    """Who signs in under this name, and may. raises PasswordWrong when the account is closed"""
    found = User.objects.filter(username=account, is_active=True).first()
    if found is None:
        raise PasswordWrong("This account is closed.", account=account)
    return found


def sign_in(request: HttpRequest, account: str, password: str) -> str:
    """The handle, when name and password belong together; failures count towards a pause.

    raises PasswordWrong, LockedOut
    """
    user = authenticate(request, username=account, password=password)
    if getattr(request, "axes_locked_out", False):
        raise LockedOut(settings.LOCKED_OUT_S)
    if user is None:
        raise PasswordWrong("This name and password do not belong together.", account=account)
    return str(user.get_username())


class Adapter(DefaultAccountAdapter):
    """How allauth behaves here: handles are account ids of the books, so some names are taken."""

    def get_client_ip(self, request: HttpRequest) -> str:
        """As config/asgi.py found it: a header that anybody may write is not asked."""
        return budgets.address_of(request)

    def clean_username(self, username: str, shallow: bool = False) -> str:  # noqa: FBT001, FBT002 - allauth's
        """Small letters only; raises ValidationError for a name that is none, or is taken."""
        return str(super().clean_username(username.lower(), shallow=shallow))

    def set_password(self, user: AbstractBaseUser, password: str) -> None:
        """Set it, and end what LongEnough ends, or neither."""
        with transaction.atomic():
            super().set_password(user, password)

    def save_user(
        self,
        request: HttpRequest,
        user: AbstractBaseUser,
        form: Form,
        commit: bool = True,  # noqa: FBT001, FBT002 - allauth's
    ) -> AbstractBaseUser:
        """Make the user and, in the same transaction, open the account in the books.

        The books are above this room: settings.ASSAY_OPEN_ACCOUNT names their action, which is
        called with account= and now=, and answers with the id of the order.
        """
        with transaction.atomic():
            made = super().save_user(request, user, form, commit=commit)
            if settings.ASSAY_OPEN_ACCOUNT:
                open_account = import_string(settings.ASSAY_OPEN_ACCOUNT)
                order = open_account(account=made.get_username(), now=timezone.now())
                accepted(request, "Your account is open.", ("account.open", order))
        return made


def _token_with(prefix: str) -> ApiToken | None:
    users = get_user_model().objects.filter(is_active=True).values("username")
    return ApiToken.objects.filter(prefix=prefix, account__in=users).first()
