"""Which key signs a log's checkpoints, as the log itself announces: the old key names the new one.

The announcement is an entry, `house.key_rotated` of the role `log`, that carries the signature of
the old key. With it at index n, checkpoints of up to n + 1 entries are signed by the old key, and
all larger ones by the new one. So the old key itself signs the tree that holds the announcement,
and whoever knows the old key needs nobody's word for the new one. A key that no such entry names is
a stranger's.
"""

from assay import items, keys, messages, notes, wire
from assay.canonical import read_canonical
from assay.errors import AssayError

KIND = "house.key_rotated"
LOG = "log"


class KeyNotAnnounced(AssayError):
    """Another key signed than the one that the log announces for its size. Facts: wanted, size."""

    code, status = "log.key_not_announced", 422
    next_step = "Trust nothing that this key signs; keep what you have, and ask the operator."


class Succession:
    """The keys of one log, from one that is known, as its entries are read from the first on."""

    def __init__(self, vkey: str) -> None:
        self._keys, self._size = [(0, vkey)], 0

    @property
    def newest(self) -> str:
        return self._keys[-1][1]

    @property
    def known(self) -> list[str]:
        """All of them, the first known one first."""
        return [vkey for _, vkey in self._keys]

    def grow(self, raw: bytes) -> None:
        """Read the next entry."""
        self._size += 1
        if vkey := successor(raw, self.newest):
            self._keys.append((self._size + 1, vkey))

    def key_at(self, size: int) -> str:
        """The key that signs a checkpoint of this size, which is not larger than what was read."""
        return next(vkey for first, vkey in reversed(self._keys) if first <= size)

    def need(self, vkey: str, size: int) -> None:
        """raises KeyNotAnnounced when a checkpoint of this size is another key's to sign"""
        wanted = self.key_at(size)
        if vkey != wanted:
            text = f"The checkpoint of {size} entries is signed by {vkey}, and not by {wanted}."
            raise KeyNotAnnounced(text, wanted=wanted, size=size)


def rotation_words(role: str, old: str, new: str) -> bytes:
    """What both keys sign when one of the house's takes the other's place; keys in hex."""
    return f"assay-rotate-v1\0{role}\0{old}\0{new}".encode()


def is_signed(public: str, signature: str, words: bytes) -> bool:
    """True when an Ed25519 key signed the words; both in hex."""
    try:
        return keys.verifies(bytes.fromhex(public), bytes.fromhex(signature), words)
    except ValueError:
        return False


def successor(raw: bytes, vkey: str) -> str:
    """The verifier key that an entry puts in the place of this one; empty when it does not."""
    if KIND.encode() not in raw:
        return ""
    try:
        item = items.read_strict(raw)
        if item.tag("Kind") != KIND:
            return ""
        body = wire.from_json(messages.HouseKeyRotated, read_canonical(item.data))
        name, kind, public = notes.read_verifier_key(vkey)
    except (AssayError, ValueError):
        return ""
    assert isinstance(body, messages.HouseKeyRotated)
    words = rotation_words(body.role, body.old, body.new)
    is_ours = (body.role, body.old, kind) == (LOG, public.hex(), notes.LOG_KEY)
    is_said = is_signed(body.old, body.old_signs, words) and is_signed(
        body.new, body.new_signs, words
    )
    return notes.verifier_key(name, kind, bytes.fromhex(body.new)) if is_ours and is_said else ""
