"""The house's own keys: files of mode 0600, and which signs what, by its place in the log."""

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from assay import keys, notes
from ledger.models import Key, Message
from ledger.rules.accounts import OPERATOR, Role


class HouseKey(NamedTuple):
    """A key of the house. first, last: indexes of the messages that began and ended it.

    first is None of the log's first key, which none began; last is None while it signs
    """

    role: str
    public: str
    first: int | None
    last: int | None


def signing_key(role: str) -> Ed25519PrivateKey:
    """One of the house's own keys: operator, evaluator, log. Files of mode 0600, never a table.

    Made when it is missing as a process begins. A file that another one took the place of is read
    anew: a running site signs with the new key.
    raises KeyUnusable when the file is gone, or holds no key
    """
    path = Path(settings.KEYS_FOLDER) / f"{role}.key"
    _begun(path)
    try:
        told = path.stat()
    except FileNotFoundError:
        return keys.read_key(path)
    return _key(path, (told.st_ino, told.st_mtime_ns))


@cache
def _begun(path: Path) -> None:
    """Once in a process: a key that goes away later is no reason to make another one."""
    keys.read_or_make_key(path)


@lru_cache(16)
def _key(path: Path, _written: tuple[int, int]) -> Ed25519PrivateKey:
    return keys.read_key(path)


def log_key_at(size: int) -> Ed25519PrivateKey:
    """The key that signs a checkpoint of this size (assay/succession.py), whatever file it is in.

    raises KeyUnusable when it is in none
    """
    public = _public_at(size, log_keys())
    path = Path(settings.KEYS_FOLDER) / "log.key"
    return keys.key_of(path, public) if public else signing_key(Role.LOG)


def log_vkey_at(size: int, known: Iterable[HouseKey] | None = None) -> str:
    """The verifier key of a checkpoint of this size. known: what `log_keys` gave before"""
    public = _public_at(size, log_keys() if known is None else known)
    public = public or keys.public_hex(signing_key(Role.LOG))
    return notes.verifier_key(settings.LOG_ORIGIN, notes.LOG_KEY, bytes.fromhex(public))


def house_keys() -> list[HouseKey]:
    """Every key that ever signed for the house and has its place in the log, by role and age."""
    return _with_places(Key.objects.filter(account=OPERATOR).exclude(role=Role.PERSON))


def log_keys() -> list[HouseKey]:
    """The keys that sign checkpoints, the oldest first; none while the first one signs."""
    return _with_places(Key.objects.filter(account=OPERATOR, role=Role.LOG))


def handovers() -> list[int]:
    """Sizes of the checkpoints that end with the announcement of another key of the log."""
    return [one.last + 1 for one in log_keys() if one.last is not None]


def _with_places(found: Iterable[Key]) -> list[HouseKey]:
    rows = list(found)
    if not rows:
        return []
    told = {row.message for row in rows} | {row.revoked_by for row in rows}
    places = dict(Message.objects.filter(item__in=told).values_list("item", "log_index"))
    made = []
    for row in rows:
        is_first = row.message == row.revoked_by  # of the log: no message began it
        first, last = places.get(row.message), places.get(row.revoked_by)
        if is_first or first is not None:
            made.append(HouseKey(row.role, row.pk, None if is_first else first, last))
    return sorted(made, key=lambda one: (one.role, -1 if one.first is None else one.first))


def _public_at(size: int, known: Iterable[HouseKey]) -> str:
    """Up to its `last` + 1 entries a key signs; empty when the log knows no other than the first"""
    for one in known:
        if one.last is None or size <= one.last + 1:
            return one.public
    return ""
