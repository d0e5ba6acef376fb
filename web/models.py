"""Tokens with which a program speaks for an account. Not derived from the log (NOT_REPLAYED)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q


class ApiToken(models.Model):
    """One token; the secret itself is never kept, only its sha256."""

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

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="api_token_lives_for_a_while"
            ),
            models.CheckConstraint(condition=~Q(scopes=""), name="api_token_has_a_scope"),
        )

    def __str__(self) -> str:
        return f"{self.prefix} of {self.account_id}"
