"""The one log. Everything that happened is a message here; every table can be rebuilt from it."""

from ledger.log.record import (
    every_room,
    fact,
    find,
    index_of,
    order_for,
    read_order,
    record,
    rehearse,
    signing_key,
)
from ledger.log.signers import keep_appends_out
from ledger.log.tables import Tables, row_of

__all__ = [
    "Tables",
    "every_room",
    "fact",
    "find",
    "index_of",
    "keep_appends_out",
    "order_for",
    "read_order",
    "record",
    "rehearse",
    "row_of",
    "signing_key",
]
