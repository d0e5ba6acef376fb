"""What changes the record itself. One public verb is one transaction."""

from ledger.actions.accounts import expire_due, found, mint, open_account, open_account_for
from ledger.actions.files import publish_blob, store, sweep_blobs, touch, withdraw_blob
from ledger.actions.moment import ms
from ledger.actions.reading import advance
from ledger.actions.witnesses import record_answer, record_cosignature, settle_dispute

__all__ = [
    "advance",
    "expire_due",
    "found",
    "mint",
    "ms",
    "open_account",
    "open_account_for",
    "publish_blob",
    "record_answer",
    "record_cosignature",
    "settle_dispute",
    "store",
    "sweep_blobs",
    "touch",
    "withdraw_blob",
]
