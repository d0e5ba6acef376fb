"""Who speaks in an entry, and whether it still may: keys are good between two messages of the log.

A key signs from the message that added it up to the one that revoked it. What it signed in between
stays good for ever, so whoever reads an entry that is in the log already asks `actor_of`, and only
whoever takes a new one asks `admitted`.
"""

from assay import messages
from ledger.errors import AccountIsClosed, KeyEnded, SignerRefused
from ledger.rules.accounts import Account, Key, Role
from ledger.rules.entry import Entry
from ledger.rules.rows import Rows


def admitted(entry: Entry, rows: Rows) -> str:
    """The account that speaks in a new entry: its key is not revoked, the account is not closed.

    raises SignerRefused, KeyEnded, AccountIsClosed
    """
    actor, key = actor_of(entry, rows), rows.get(Key, entry.signer)
    if key and key.revoked_by:
        raise KeyEnded(key.id, key.account, key.revoked_by)
    if messages.KINDS[entry.kind].signer == Role.PERSON:
        account = rows.get(Account, actor)
        if account and account.is_closed:
            raise AccountIsClosed(actor)
    return actor


def actor_of(entry: Entry, rows: Rows) -> str:
    """The account that speaks: of the key, or, for an order signed by the operator, the named one.

    Whether the key was revoked since is not asked.
    raises SignerRefused
    """
    key = rows.get(Key, entry.signer)
    wanted = messages.KINDS[entry.kind].signer
    if key is None:
        return _newcomer(entry, rows)
    if wanted == Role.PERSON:
        return _person(entry, key, rows)
    if key.role != wanted or entry.speaker:
        raise _not_signer(entry)
    return key.account


def _person(entry: Entry, key: Key, rows: Rows) -> str:
    if key.role == Role.PERSON and not entry.speaker:
        return key.account
    if key.role != Role.OPERATOR or not entry.speaker:
        raise _not_signer(entry)
    if entry.kind != "account.open" and rows.get(Account, entry.speaker) is None:
        raise _not_signer(entry)
    return entry.speaker


def _newcomer(entry: Entry, rows: Rows) -> str:
    """An unknown key may do two things: found the log, and open its own account."""
    if entry.kind == "account.open" and not entry.speaker:
        return str(entry.body.account)
    is_founding = entry.kind == "key.added" and entry.body.public == entry.signer
    if is_founding and entry.body.role == Role.OPERATOR and not rows.find(Key):
        return str(entry.body.account)
    raise _not_signer(entry)


def _not_signer(entry: Entry) -> SignerRefused:
    return SignerRefused(
        f"The key {entry.signer[:16]}... may not sign {entry.kind}.",
        key=entry.signer,
        kind=entry.kind,
    )
