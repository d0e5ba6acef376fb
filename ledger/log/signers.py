"""The keys that signed before, so that an append need not read their rows again.

A key's row is final, but what is remembered of it decides nothing alone: the statement that appends
a message tells what the table says of its signer, and `record` takes no message where that is
another thing than it had assumed.
"""

from collections.abc import Iterable

from ledger.errors import SignerRefused
from ledger.log.tables import Tables
from ledger.rules.accounts import Key
from ledger.rules.entry import Entry

MOST_KEYS = 1 << 16
SAYS = (  # "role account" of the key that signed a row of ledger_message; null without one
    "(SELECT role || ' ' || account FROM ledger_key WHERE ledger_key.id = ledger_message.signer)"
)
_known: dict[str, Key] = {}


def assume(entries: Iterable[Entry], tables: Tables) -> None:
    """Take the rows of known signers as read; not where a key is added: that asks the table."""
    if not any(entry.kind == "key.added" for entry in entries):
        for signer in {entry.signer for entry in entries} & _known.keys():
            tables.assume(_known[signer])


def check(entries: Iterable[Entry], found: Iterable[str | None], tables: Tables) -> None:
    """Compare what was assumed with what the database says of each entry's signer, and remember it.

    found  what SAYS gave, in the order of the entries
    raises SignerRefused: then the transaction must not be committed
    """
    for entry, says in zip(entries, found, strict=True):
        key = tables.get(Key, entry.signer)  # None: a newcomer, whom the fold let in
        if says != (key and f"{key.role} {key.account}"):
            _known.pop(entry.signer, None)
            text = f"The key {entry.signer[:16]}... is not in the books as it was."
            raise SignerRefused(text, key=entry.signer, kind=entry.kind)
        if key:
            _remember(key)


def _remember(key: Key) -> None:
    if len(_known) >= MOST_KEYS:
        _known.clear()
    _known[key.id] = key
