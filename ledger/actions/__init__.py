"""What changes the record itself. One public verb is one transaction."""

from ledger.actions.accounts import expire_due, found, mint, open_account, open_account_for
from ledger.actions.bridges import mint_deposit, settle_withdrawal, withdraw
from ledger.actions.faucet import bridge, play_money_nano
from ledger.actions.files import publish_blob, store, sweep_blobs, touch, withdraw_blob
from ledger.actions.moment import ms
from ledger.actions.reading import advance
from ledger.actions.uploads import (
    UploadState,
    begin_upload,
    complete_upload,
    drop_upload,
    part_address,
    put_part,
    sweep_uploads,
    upload_state,
)
from ledger.actions.witnesses import (
    Evidence,
    record_answer,
    record_cosignature,
    record_evidence,
    settle_dispute,
)

__all__ = [
    "Evidence",
    "UploadState",
    "advance",
    "begin_upload",
    "bridge",
    "complete_upload",
    "drop_upload",
    "expire_due",
    "found",
    "mint",
    "mint_deposit",
    "ms",
    "open_account",
    "open_account_for",
    "part_address",
    "play_money_nano",
    "publish_blob",
    "put_part",
    "record_answer",
    "record_cosignature",
    "record_evidence",
    "settle_dispute",
    "settle_withdrawal",
    "store",
    "sweep_blobs",
    "sweep_uploads",
    "touch",
    "upload_state",
    "withdraw",
    "withdraw_blob",
]
