"""Who a buyer is on invoices. It is kept here and nowhere else: no message says it."""

from licensing.models import BillingParty


def set_party(account: str, *, name: str, address: str, tax_id: str) -> None:
    """Write down who an account is on its invoices, earlier ones too."""
    told = {"name": name, "address": address, "tax_id": tax_id}
    BillingParty.objects.update_or_create(account=account, defaults=told)
