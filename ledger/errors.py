"""What can be wrong with money, messages and blobs.

TransferRefused    one of the stable answers of the books (rules/books.py)
Overdrawn          the one of them that people meet
MessageRefused ... an entry that the log does not take
BlobMissing ...    bytes that are not there, or not what their name says
"""

from assay.errors import AssayError
from assay.money import show_tokens


class TransferRefused(AssayError):
    """The books refuse a transfer. Facts: transfer, answer (a word of docs/ledger.md 1.4)."""

    code, status = "ledger.transfer_refused", 409
    next_step = "Look at the account's statement, then send a corrected order."


class Overdrawn(AssayError):
    """The account would go below zero. Facts: account, balance_nano, wanted_nano."""

    code, status = "ledger.overdrawn", 409

    def __init__(self, account: str, balance_nano: int, wanted_nano: int) -> None:
        held, missing = show_tokens(balance_nano), show_tokens(wanted_nano - balance_nano)
        super().__init__(
            f"{account} holds {held} tokens; {show_tokens(wanted_nano)} are needed.",
            next_step=f"Add {missing} tokens to the account, or choose a smaller amount.",
            account=account,
            balance_nano=str(balance_nano),
            wanted_nano=str(wanted_nano),
        )


class MessageRefused(AssayError):
    """The log does not take this entry. Facts: reason, kind."""

    code, status = "log.message_refused", 422
    next_step = "Make the message with the client of this version."


class KeyTaken(AssayError):
    """The key signs for an account already, and a key signs for one. Facts: key, account."""

    code, status = "ledger.key_taken", 409
    next_step = "Use that account, or another key: `assay keys new NAME`, and `--key NAME`."


class OriginRefused(AssayError):
    """The order is meant for another log, or names none. Facts: kind, named, origin (this log's).

    What was signed for one site can so be handed in at no other.
    """

    code, status = "log.origin_refused", 422
    next_step = (
        "Sign the order again for this log: its tag `Log-Origin` must be the `origin` of /api/log."
    )

    def __init__(self, kind: str, named: str, origin: str) -> None:
        meant = f"is for the log {named!r}" if named else "names no log"
        super().__init__(
            f"This {kind} {meant}; this log is {origin!r}.", kind=kind, named=named, origin=origin
        )


class KeyUnknown(AssayError):
    """No such key signs for the account. Facts: key, account."""

    code, status = "ledger.key_unknown", 404
    next_step = "`assay keys list --site` shows the keys that sign for you."


class LastKey(AssayError):
    """Without this key nobody could sign for the account. Facts: key."""

    code, status = "ledger.last_key", 409
    next_step = (
        "Replace it: `assay keys rotate`. Or set a password on the site, and revoke it there."
    )


class LogTooLarge(AssayError):
    """The log keeps no message of so many bytes. Facts: kind, size_bytes, most_bytes."""

    code, status = "log.too_large", 413
    next_step = "Put less into the message: shorter texts, fewer tags; larger things go into files."

    def __init__(self, kind: str, size_bytes: int, most_bytes: int) -> None:
        super().__init__(
            f"{kind} has {size_bytes} bytes; {most_bytes} at most are taken.",
            kind=kind,
            size_bytes=size_bytes,
            most_bytes=most_bytes,
        )


class AnchorTaken(AssayError):
    """The signer used this idempotency key for another message. Facts: anchors."""

    code, status = "log.anchor_taken", 409
    next_step = "Send the first message again for its answer, or use a new idempotency key."


class SignerRefused(AssayError):
    """The key may not sign this. Facts: key, kind."""

    code, status = "log.signer_refused", 403
    next_step = (
        "Sign with a key of the account, or open an account for this key: `assay auth login`."
    )


class KeyEnded(AssayError):
    """The key was revoked: it signs nothing more. Facts: key, account, revoked_by (a message).

    What it signed before stays good.
    """

    code, status = "log.key_revoked", 403
    next_step = "Sign with another key of the account: `assay keys list --site` shows them."

    def __init__(self, key: str, account: str, revoked_by: str) -> None:
        text = f"The key {key[:16]}... of {account} was revoked."
        super().__init__(text, key=key, account=account, revoked_by=revoked_by)


class MessageUnknown(AssayError):
    """No message of this id is in the log. Facts: id."""

    code, status = "log.unknown", 404
    next_step = "Check the id; a message just sent takes a moment to get its place."


class ReceiptNotYet(AssayError):
    """The message is accepted, and no checkpoint covers it yet. Facts: id."""

    code, status = "log.receipt_not_yet", 404
    next_step = "Ask again in a second."


class AccountTaken(AssayError):
    """The name belongs to another key. Facts: account."""

    code, status = "ledger.account_taken", 409
    next_step = "Choose another name, or sign in with the key that owns this one."


class AccountInvalid(AssayError):
    """The name cannot be an account. Facts: account."""

    code, status = "ledger.account_invalid", 422
    next_step = (
        "Use 2 to 32 lower-case letters, digits and single hyphens, beginning with a letter, "
        "and no name of the site's own."
    )


class AccountUnknown(AssayError):
    """There is no such account. Facts: account."""

    code, status = "ledger.account_unknown", 404
    next_step = "Check the name, or open the account first."


class AccountIsClosed(AssayError):
    """The account was closed, for good. Facts: account."""

    code, status = "ledger.account_closed", 409
    next_step = "Use another account; a closed one never opens again."

    def __init__(self, account: str) -> None:
        super().__init__(f"The account {account} is closed.", account=account)


class AccountNotEmpty(AssayError):
    """An account with money in it is not closed. Facts: account, available_nano."""

    code, status = "ledger.account_not_empty", 409
    next_step = "Spend the money or take it out first, then close the account."

    def __init__(self, account: str, available_nano: int) -> None:
        super().__init__(
            f"{account} still holds {show_tokens(available_nano)} tokens.",
            account=account,
            available_nano=str(available_nano),
        )


class AccountHasPending(AssayError):
    """Money of the account, or for it, is held. Facts: account."""

    code, status = "ledger.account_has_pending", 409
    next_step = "Wait until what is held is paid or given back; the statement lists it."

    def __init__(self, account: str) -> None:
        super().__init__(f"Money is held for {account}, or promised to it.", account=account)


class AccountHasClaims(AssayError):
    """Something may still be paid to the account. Facts: account, claim, subject (its id)."""

    code, status = "ledger.account_has_claims", 409
    next_step = "Wait until it has ended and all is paid; an account that royalties go to stays."

    def __init__(self, account: str, claim: str, subject: str) -> None:
        text = f"{account} cannot be closed: {claim}."
        super().__init__(text, account=account, claim=claim, subject=subject)


class FaucetEmpty(AssayError):
    """The account had its play money already. Facts: account, most_nano."""

    code, status = "ledger.faucet_empty", 409
    next_step = "Earn tokens in a competition, or ask another account to pay you."


class WithdrawalRefused(AssayError):
    """The site's bridge does not take this money out. Facts: bridge, to."""

    code, status = "ledger.withdrawal_refused", 409
    next_step = "Correct where it shall go, or keep the money here."


class BlobMissing(AssayError):
    """No bytes of this name are in the store. Facts: sha256."""

    code, status = "ledger.blob_missing", 404
    next_step = "Upload the file first."


class BlobUnknown(AssayError):
    """A file is named that is not there, or that is not yours: one answer to both. Facts: sha256.

    Yours is what you have sent yourself, whoever sent it first; everybody may name a public file.
    """

    code, status = "blob.unknown", 404
    next_step = "Upload the file from your own account first, then name it."

    def __init__(self, sha256: str) -> None:
        super().__init__(f"You have no file {sha256[:16]}...", sha256=sha256)


class BlobDamaged(AssayError):
    """The bytes are not those that their name says. Facts: sha256, found."""

    code, status = "ledger.blob_damaged", 422
    next_step = "Upload the file again."


class BlobTooLarge(AssayError):
    """The bytes pass the limit. Facts: limit_bytes."""

    code, status = "ledger.blob_too_large", 413
    next_step = "Send a smaller file; the competition's page names the limit."


class BlobQuota(AssayError):
    """The account's files fill its quota. Facts: quota_bytes, left_bytes, wanted_bytes."""

    code, status = "ledger.blob_quota", 409
    next_step = "Files that no entry names are swept after a day; try again then, or ask for more."


class BlobGone(AssayError):
    """The file was withdrawn for good. Facts: sha256, by (the message that says why)."""

    code, status = "ledger.blob_withdrawn", 410
    next_step = "Read the message that withdrew it; the same bytes are not taken again."


class BlobBusy(AssayError):
    """The file is being swept at this moment. Facts: sha256."""

    code, status = "ledger.blob_busy", 503
    next_step = "Send it again in a second."


class RangeRefused(AssayError):
    """The file has no such bytes. Facts: size_bytes, range (what Content-Range would say)."""

    code, status = "ledger.range_refused", 416
    next_step = "Ask for bytes below size_bytes."


class ChunkUnknown(AssayError):
    """The file has no chunk of this number. Facts: sha256, index, chunks."""

    code, status = "ledger.chunk_unknown", 404
    next_step = "Ask for a number below `chunks`, from 0."


class UploadUnknown(AssayError):
    """There is no such upload, or it is another account's. Facts: upload."""

    code, status = "ledger.upload_unknown", 404
    next_step = "Begin the upload again; parts of an unfinished one are kept for a day."


class UploadRefused(AssayError):
    """A part, or the whole, is not what was announced. Facts: upload, reason, missing."""

    code, status = "ledger.upload_refused", 422
    next_step = "Ask which parts are here, and send the others."


class TilesOfAnotherLog(AssayError):
    """The stored tiles are ahead of the database, or of another one. Facts: path."""

    code, status = "log.tiles_of_another_log", 500
    next_step = (
        "Nothing was signed. Was the database restored from an old backup? Bring back a newer one;"
        " never delete the tiles, since others have seen them."
    )


class AnotherHistory(AssayError):
    """A witness holds a checkpoint that our log key signed for another log. Facts: witnesses."""

    code, status = "log.another_history", 503
    next_step = (
        "Nothing gets a place and nothing is signed; messages are kept. Read the evidence with"
        " `manage.py witnesses`, find the cause (an old backup?), then `--settle NAME`."
    )

    def __init__(self, witnesses: list[str]) -> None:
        words = "shows a checkpoint that our key signed and that our log does not extend."
        super().__init__(f"{', '.join(witnesses)} {words}", witnesses=witnesses)


class LogDamaged(AssayError):
    """The log, or a table, is not what the fold says. Facts: where, index."""

    code, status = "log.damaged", 500
    next_step = "Stop writing, keep the database, and compare with a mirror or a backup."
