"""The list of revoked licences: a signed note that says which, and up to where it knows the log.

Whoever has it can say "not revoked as of": never more than that. Licences that have ended by
themselves are not on it.
source  C2SP signed-note
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import notes
from licensing import errors

FORM = "assay-revoked-licences/v1"
_ID = re.compile(r"[A-Za-z0-9_-]{43}")


class Revoked(NamedTuple):
    """A list. size: of the log that it covers;  at_s: when it was made, in seconds since 1970."""

    origin: str
    size: int
    at_s: int
    grants: frozenset[str]


def sign(revoked: Revoked, key: Ed25519PrivateKey) -> str:
    """The note. key: of the log at this size"""
    head = (FORM, revoked.origin, str(revoked.size), str(revoked.at_s))
    text = "".join(f"{line}\n" for line in (*head, *sorted(revoked.grants)))
    return notes.sign(text, revoked.origin, key)


def read(note: str, log_key: str) -> Revoked:
    """A list that the log's key signed. raises RevokedInvalid"""
    try:
        form, origin, size, at_s, *grants = notes.open_note(note, log_key).splitlines()
        told = notes.read_number(size), notes.read_number(at_s)
    except (notes.NoteInvalid, ValueError) as error:
        raise _bad("it is not signed by this log") from error
    if (form, origin) != (FORM, notes.name_of(log_key)) or not all(map(_ID.fullmatch, grants)):
        raise _bad("it is another log's, or another kind of note")
    return Revoked(origin, *told, frozenset(grants))


def check(grant: str, lists: Iterable[Revoked]) -> None:
    """raises GrantRevoked"""
    for one in lists:
        if grant in one.grants:
            message = f"This licence was revoked, by entry {one.size} of the log at the latest."
            raise errors.GrantRevoked(message, grant=grant, size=one.size)


def _bad(reason: str) -> errors.RevokedInvalid:
    return errors.RevokedInvalid(f"The list of revoked licences does not hold: {reason}.")
