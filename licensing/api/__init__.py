"""The rights' part of the API: works and their terms, quotes, licences, royalties, and orders."""

from ninja import Router

from licensing.api import licences, works
from licensing.api.licences import ORDERS

__all__ = ["ORDERS", "routers"]


def routers() -> list[tuple[str, Router]]:
    """(prefix, router) of everything that this room answers."""
    return [
        ("/works", works.router()),
        ("/licences", licences.router()),
        ("/royalties", licences.royalty_router()),
    ]
