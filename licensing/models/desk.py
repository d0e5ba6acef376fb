"""What buyers write on their invoices: private, on no log, not replayed."""

from django.db import models

from licensing.models.columns import ACCOUNT


class BillingParty(models.Model):
    """Who an account is on its invoices, in its own words."""

    account = models.CharField(max_length=ACCOUNT, primary_key=True)
    name = models.CharField(max_length=200)
    address = models.TextField(max_length=500)
    tax_id = models.CharField(max_length=40, blank=True)

    def __str__(self) -> str:
        return self.account
