"""The newest checkpoint of a mirror, by a key that is known or that the log must announce."""

from collections.abc import Sequence
from typing import NamedTuple

from assay import notes
from audit.mirror import Mirror


class Signed(NamedTuple):
    """A note, what it says, and the verifier key of who signed it."""

    note: str
    checkpoint: notes.Checkpoint
    vkey: str


def newest(mirror: Mirror, pinned: Sequence[str]) -> Signed:
    """The checkpoint, signed by a pinned key, or else by the one that the mirror names.

    pinned  verifier keys that are known; with none, what the mirror names is believed
    The caller reads the entries, and believes another key than a pinned one only when they announce
    it (assay/succession.py).
    raises  NoteInvalid, UnicodeDecodeError, Unreachable, NotServed
    """
    note = mirror.resource("checkpoint").decode()
    refusal: notes.NoteInvalid | None = None
    for vkey in pinned:
        try:
            return Signed(note, notes.read_checkpoint(note, vkey), vkey)
        except notes.NoteInvalid as error:
            refusal = error
    named = str(mirror.about().get("log_key", ""))
    if refusal and notes.name_of(named) != notes.name_of(pinned[0]):
        raise refusal
    try:
        return Signed(note, notes.read_checkpoint(note, named), named)
    except notes.NoteInvalid as error:
        raise refusal or error from error
