"""Tokens, codes that count once, what was spent. Not derived from the log (NOT_REPLAYED)."""

from importlib import import_module

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F, Q


class ApiToken(models.Model):
    """One token; the secret itself is never kept, only its sha256.

    budget_nano  what it may spend over its life without a key's signature, and has spent
    """

    prefix = models.CharField(max_length=8, unique=True)
    digest = models.CharField(max_length=64)
    account = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        to_field="username",
        related_name="api_tokens",
    )
    scopes = models.CharField(max_length=200)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    budget_nano = models.BigIntegerField(default=0)
    spent_nano = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="api_token_lives_for_a_while"
            ),
            models.CheckConstraint(condition=~Q(scopes=""), name="api_token_has_a_scope"),
            models.CheckConstraint(
                condition=Q(spent_nano__gte=0, spent_nano__lte=F("budget_nano")),
                name="api_token_spends_its_budget",
            ),
        )

    def __str__(self) -> str:
        return f"{self.prefix} of {self.account_id}"


class OneTimeCode(models.Model):
    """Something that counts once, as sha256; gone when it was used or is over (web/codes.py)."""

    digest = models.CharField(max_length=64, unique=True)
    account = models.CharField(max_length=120, blank=True)
    purpose = models.CharField(max_length=9)
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(purpose="signature") ^ ~Q(account=""), name="code_is_of_an_account"
            ),
        )

    def __str__(self) -> str:
        return f"{self.purpose} of {self.account}"


class Session(AbstractBaseSession):
    """A browser's session (web/sessions.py). user: the id of who signed in; empty: nobody did."""

    user = models.CharField(max_length=40, blank=True, db_index=True)

    def __str__(self) -> str:
        return f"session of {self.user or 'nobody'}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        """What reads it."""
        store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
        return store


class Spending(models.Model):
    """What an account or an address has spent of one budget since a moment (web/budgets.py).

    who    account/<name> or address/<address>;  since  seconds since 1970, when the window began
    """

    budget = models.CharField(max_length=24)
    who = models.CharField(max_length=160)
    since = models.BigIntegerField(db_index=True)
    spent = models.BigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["budget", "who", "since"], name="one_row_per_payer_and_window"
            ),
            models.CheckConstraint(condition=Q(spent__gte=0), name="spending_is_no_credit"),
        )

    def __str__(self) -> str:
        return f"{self.spent} of {self.budget} by {self.who}"
