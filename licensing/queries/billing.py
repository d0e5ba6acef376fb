"""Invoices: their numbers and lines are the log's, the buyer's name and address are private."""

from dataclasses import dataclass

from django.conf import settings

from ledger import log
from licensing import errors
from licensing.models import BillingParty, Grant
from licensing.queries.sales import grant


@dataclass(frozen=True)
class Invoice:
    """An invoice of a purchase. number: the log's name and the fact's index; empty at first."""

    grant: Grant
    number: str
    party: BillingParty


def invoice(grant_id: str, account: str) -> Invoice:
    """The invoice of a licence, for its holder. raises GrantUnknown, for everybody else too"""
    found = grant(grant_id)
    if found.holder != account:
        raise errors.GrantUnknown(f"You hold no licence {grant_id[:16]}.", grant=grant_id)
    index = log.index_of(found.message)
    number = "" if index is None else f"{settings.LOG_ORIGIN}/{index}"
    party = BillingParty.objects.filter(pk=account).first() or BillingParty(account=account)
    return Invoice(found, number, party)
