"""The one log. Everything that happened is a message here; every table can be rebuilt from it."""

from ledger.log.house import (
    HouseKey,
    handovers,
    house_keys,
    log_key_at,
    log_keys,
    log_vkey_at,
    signing_key,
)
from ledger.log.record import (
    every_room,
    fact,
    find,
    find_signer,
    index_of,
    is_recorded,
    order_for,
    order_id_for,
    read_order,
    record,
    rehearse,
)
from ledger.log.signers import keep_appends_out
from ledger.log.tables import Tables, row_of

__all__ = [
    "HouseKey",
    "Tables",
    "every_room",
    "fact",
    "find",
    "find_signer",
    "handovers",
    "house_keys",
    "index_of",
    "is_recorded",
    "keep_appends_out",
    "log_key_at",
    "log_keys",
    "log_vkey_at",
    "order_for",
    "order_id_for",
    "read_order",
    "record",
    "rehearse",
    "row_of",
    "signing_key",
]
