"""The keys that signed before, so that an append need not read their rows again.

What is remembered of a key decides nothing alone: the statement that appends a message tells what
the table says of its signer, and `record` takes no message where that is another thing than it had
assumed. A key's row changes once, when it is revoked; meanwhile nobody appends.
"""

from collections.abc import Iterable

from django.db import connection

from ledger.errors import KeyEnded, SignerRefused
from ledger.log.tables import Tables
from ledger.rules.accounts import Key
from ledger.rules.entry import Entry
from ledger.rules.keyring import ENDING

MOST_KEYS = 1 << 16
SAYS = (  # "role account revoked_by" of the key that signed a message; null without one
    "(SELECT role || ' ' || account || ' ' || revoked_by"
    " FROM ledger_key WHERE ledger_key.id = ledger_message.signer)"
)
CHANGING = frozenset({"key.added"}) | ENDING
_known: dict[str, Key] = {}


def keep_appends_out() -> None:
    """Let no other transaction append until this one ends, before a key is revoked.

    An append that came first is in the log before the revocation; one that waits here sees it,
    since a statement looks at the rows after it has its lock on the table. Take it before any other
    lock. On SQLite there is one writer at a time anyway.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE ledger_message IN SHARE ROW EXCLUSIVE MODE")


def assume(entries: Iterable[Entry], tables: Tables) -> None:
    """Take the rows of known signers as read; not where a key changes: that asks the table."""
    if not any(entry.kind in CHANGING for entry in entries):
        for signer in {entry.signer for entry in entries} & _known.keys():
            tables.assume(_known[signer])


def check(entries: Iterable[Entry], found: Iterable[str | None], tables: Tables) -> None:
    """Compare what was assumed with what the database says of each entry's signer, and remember it.

    found  what SAYS gave, in the order of the entries
    raises SignerRefused, KeyEnded: then the transaction must not be committed
    """
    for entry, says in zip(entries, found, strict=True):
        key = tables.get(Key, entry.signer)  # None: a newcomer, whom the fold let in
        if says != (key and f"{key.role} {key.account} {key.revoked_by}"):
            _known.pop(entry.signer, None)
            if says and key and not says.endswith(" "):
                raise KeyEnded(key.id, key.account, says.rpartition(" ")[2])
            text = f"The key {entry.signer[:16]}... is not in the books as it was."
            raise SignerRefused(text, key=entry.signer, kind=entry.kind)
        if key and not key.revoked_by:
            _remember(key)


def _remember(key: Key) -> None:
    """Keys that sign; one that ended is asked for each time, and forgotten when it ends."""
    if len(_known) >= MOST_KEYS:
        _known.clear()
    _known[key.id] = key
