"""What changes the record itself. One public verb is one transaction."""

from ledger.actions.accounts import (
    close_account,
    close_account_for,
    expire_due,
    found,
    mint,
    open_account,
    open_account_for,
)
from ledger.actions.bridges import mint_deposit, settle_withdrawal, withdraw
from ledger.actions.chunks import ChunkProof, prove_chunk
from ledger.actions.faucet import bridge, play_money_nano
from ledger.actions.files import (
    publish_blob,
    store,
    store_own,
    sweep_blobs,
    touch,
    withdraw_blob,
)
from ledger.actions.keyring import (
    add_key,
    add_key_for,
    replace_key,
    revoke_key,
    revoke_key_for,
    rotate_house_key,
)
from ledger.actions.moment import ms
from ledger.actions.reading import advance
from ledger.actions.strays import sweep_strays
from ledger.actions.uploads import (
    UploadState,
    begin_upload,
    complete_upload,
    drop_upload,
    part_address,
    put_part,
    sweep_parts,
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
    "ChunkProof",
    "Evidence",
    "UploadState",
    "add_key",
    "add_key_for",
    "advance",
    "begin_upload",
    "bridge",
    "close_account",
    "close_account_for",
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
    "prove_chunk",
    "publish_blob",
    "put_part",
    "record_answer",
    "record_cosignature",
    "record_evidence",
    "replace_key",
    "revoke_key",
    "revoke_key_for",
    "rotate_house_key",
    "settle_dispute",
    "settle_withdrawal",
    "store",
    "store_own",
    "sweep_blobs",
    "sweep_parts",
    "sweep_strays",
    "sweep_uploads",
    "touch",
    "upload_state",
    "withdraw",
    "withdraw_blob",
]
