"""Bytes in the store that no row knows: a crash between the bytes and their row left them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import NamedTuple

from django.core.files.storage import default_storage

from ledger import blobs, queries
from ledger.actions.files import KEPT_UNNAMED, READ_AT_ONCE, take_going
from ledger.actions.moment import ms
from ledger.actions.reading import advance
from ledger.blobs.shelves import is_before, shelves
from ledger.models import Blob, Message
from ledger.rules.accounts import OPERATOR
from ledger.rules.naming import hashes_in

READER = "strays"  # its bookmark is the number of a shelf, not of a message
SHELVES_AT_ONCE, NAMES_AT_ONCE = 1000, 5000


class Sweep(NamedTuple):
    """How many files are gone, and whether this was the last share of the store."""

    gone: int
    is_last: bool


class _Share(NamedTuple):
    """What one turn looks at; next: the shelf where the following one begins, 0 at the end."""

    names: list[str]
    drafts: list[str]
    next: int


def sweep_strays(*, now: datetime, kept: Collection[str] = ()) -> Sweep:
    """Delete stored bytes that no row knows, and half-written files, a day after they were written.

    kept  names that something beside the log holds, such as drafts

    Each call looks at a share of the store and goes on where the last one ended. What a message
    names gets a row instead: it lost its own. All others get a row that says that they go, and
    then go as in every sweep. A row that somebody else made meanwhile stays as it is, so whoever
    stores the same bytes at this moment has them noted, or is told to send them again.
    """
    start, before = queries.next_index(READER), now - KEPT_UNNAMED
    share = _share(start)
    for draft in share.drafts:
        if is_before(draft, before):
            default_storage.delete(draft)
    lost = {name for name in _unknown(share.names, kept) if _is_old(name, before)}
    named = _named(lost)
    _note(named, is_named=True, now=now)
    _note(lost - named, is_named=False, now=now)
    gone = take_going() + _take_withdrawn(share.names, before)
    advance(READER, old=start, new=share.next)
    return Sweep(gone, is_last=not share.next)


def _share(start: int) -> _Share:
    """Whole shelves, one at least, until there are names enough."""
    names: list[str] = []
    drafts: list[str] = []
    for count, shelf in enumerate(shelves(start)):
        if count == SHELVES_AT_ONCE or len(names) >= NAMES_AT_ONCE:
            return _Share(names, drafts, shelf.number)
        names += shelf.names
        drafts += shelf.drafts
    return _Share(names, drafts, 0)


def _unknown(names: Collection[str], kept: Collection[str]) -> set[str]:
    known = Blob.objects.filter(pk__in=names).values_list("pk", flat=True)
    return set(names).difference(known, kept)


def _named(names: set[str]) -> set[str]:
    """Those that a message names, placed or not. The log is read to its end, once for all."""
    found: set[str] = set()
    raws = Message.objects.values_list("raw", flat=True).iterator(READ_AT_ONCE) if names else ()
    for raw in raws:
        found |= names & hashes_in(bytes(raw))
    return found


def _note(names: Iterable[str], *, is_named: bool, now: datetime) -> None:
    """Make the rows that nobody has made yet: for files that are named, or that go.

    A row that is there is left alone.
    """
    claims = {"owner": OPERATOR, "at_ms": ms(now), "is_named": is_named, "is_going": not is_named}
    rows = (
        Blob(id=name, size_bytes=blobs.size(name) if is_named else 0, **claims) for name in names
    )
    Blob.objects.bulk_create(rows, ignore_conflicts=True)


def _take_withdrawn(names: Collection[str], before: datetime) -> int:
    """Delete withdrawn bytes that are still here, or here again; their rows stay."""
    withdrawn = Blob.objects.filter(pk__in=names).exclude(withdrawn="")
    found = [name for name in withdrawn.values_list("pk", flat=True) if _is_old(name, before)]
    for name in found:
        blobs.delete(name)
    return len(found)


def _is_old(name: str, before: datetime) -> bool:
    return is_before(blobs.place(name), before)
