"""The record's part of the API: key sign-in, signed orders, files, accounts, the state.

config/urls.py hands in what the rooms above offer:

    routers(orders={kind: callable(entry, now) -> dict}, tables={name: row class})
"""

from collections.abc import Mapping

from ninja import Router

from ledger.api import accounts, entrance, files, state
from ledger.api.log_files import documents as log_documents
from ledger.api.orders import ORDERS, Order
from ledger.api.orders import router as order_router
from ledger.rules.rows import Row

__all__ = ["ORDERS", "Order", "log_documents", "routers"]


def routers(
    *, orders: Mapping[str, Order], tables: Mapping[str, type[Row]]
) -> list[tuple[str, Router]]:
    """(prefix, router) of everything that the record answers."""
    return [
        ("/sessions", entrance.router()),
        ("/log", state.log_router()),
        ("/messages", order_router(orders)),
        ("/blobs", files.router()),
        ("/uploads", files.upload_router()),
        ("/accounts", accounts.router()),
        ("/state", state.router(tables)),
    ]
