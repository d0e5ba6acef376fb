"""The rights' part of the API: works, terms, quotes, licences, royalties, outputs, and orders."""

from ninja import Router

from licensing.api import licences, metered, provenance, purchases, works
from licensing.api.licences import ORDERS

__all__ = ["ORDERS", "routers"]


def routers() -> list[tuple[str, Router]]:
    """(prefix, router) of everything that this room answers."""
    return [
        ("/works", works.router()),
        ("/licences", licences.router()),
        ("/royalties", licences.royalty_router()),
        ("/v1/licences", purchases.router()),
        ("/v1/rail", provenance.router()),
        ("/v1/channels", metered.router()),
    ]
