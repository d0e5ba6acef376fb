"""The envelope of a message: its tags in their one order, and a quick way through what we write.

`open_plain` takes exactly the items that our own clients and our site make: Ed25519, an anchor, no
target, the tags of `tags_of`. It answers None for anything else, which then goes the long way
(`items.read_strict`). A law says that the two never disagree: tests/laws/test_envelope.py.
"""

from functools import cache, lru_cache
from hashlib import sha256, sha384
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import avro, items, keys, messages

PROTOCOL, VARIANT = "Assay", "1"
ID_LETTERS = 43
_SIGNED_FROM, _TAGS_FROM = 2 + 64, 2 + 64 + 32 + 1 + 1 + 32 + 8 + 8
_ED25519 = items.ED25519.to_bytes(2, "little")
_NO_TARGET_AN_ANCHOR = b"\0\1"
_MOST_TAG_BYTES = 1024  # more than `tags_of` ever writes
# What is kept of the work for strangers' bytes, before their signatures are checked: each entry is
# small and of a bounded size, so that all of them are a few MiB.
_OWNERS_KEPT, _TAGS_KEPT = 1 << 13, 1 << 11


class _Told(NamedTuple):
    kind: str
    origin: str
    cause: str
    speaker: str


class _Foreign(Exception):
    """The tags are none that `tags_of` writes."""


def tags_of(
    kind: str, *, origin: str = "", cause: str = "", speaker: str = ""
) -> list[tuple[str, str]]:
    """The tags of an item for our log, in their one order.

    origin   of an order: the name of the log that it is meant for
    cause    of a fact: the order that it answers
    speaker  of an order that the operator signs: the account that it is for
    """
    tags = [("Data-Protocol", PROTOCOL), ("Variant", VARIANT), ("Kind", kind)]
    tags.append(("Content-Type", "application/json"))
    if origin:
        tags.append(("Log-Origin", origin))
    if cause:
        tags.append(("Cause", cause))
    if speaker:
        tags.append(("On-Behalf-Of", speaker))
    return tags


def open_plain(raw: bytes) -> dict[str, Any] | None:
    """What an item of ours says around its body, when its owner signed it; else None.

    returns  id, kind, signer, origin, speaker, cause, anchor as an Entry has them; data: the body's
             bytes
    """
    if raw[:2] != _ED25519 or raw[98:100] != _NO_TARGET_AN_ANCHOR:
        return None
    end = _TAGS_FROM + int.from_bytes(raw[140:148], "little")
    if not _TAGS_FROM < end <= len(raw) <= items.MOST_ITEM_BYTES:
        return None
    tags, data = raw[_TAGS_FROM:end], raw[end:]
    told = _told(tags)
    if told is None or raw[132:140] != _count(told):
        return None
    signature, owner, anchor = raw[2:_SIGNED_FROM], raw[_SIGNED_FROM:98], raw[100:132]
    if not keys.verifies(owner, signature, _signed_message(owner, anchor, tags, data)):
        return None
    return {
        "id": items.b64url(sha256(signature).digest()),
        "kind": told.kind,
        "signer": _name_of(owner),
        "origin": told.origin,
        "speaker": told.speaker,
        "cause": told.cause,
        "anchor": anchor.hex(),
        "data": data,
    }


def seal(
    key: Ed25519PrivateKey, tags: list[tuple[str, str]], data: bytes, *, anchor: bytes
) -> dict[str, Any]:
    """A signed item around a body; `open_plain` opens it.

    returns  id, signer, anchor as an Entry has them; raw: the item's bytes
    """
    signer, listed = keys.signer(key), _listed(tuple(tags))
    signature = signer.sign(_signed_message(signer.public, anchor, listed, data))
    sizes = len(tags).to_bytes(8, "little") + len(listed).to_bytes(8, "little")
    around = signature + signer.public + _NO_TARGET_AN_ANCHOR + anchor + sizes
    return {
        "id": items.b64url(sha256(signature).digest()),
        "signer": signer.name,
        "anchor": anchor.hex(),
        "raw": _ED25519 + around + listed + data,
    }


def _told(tags: bytes) -> _Told | None:
    """What Avro tag bytes tell; None unless they are written by `tags_of`."""
    kind = _answering().get(tags[: -ID_LETTERS - 1])
    if kind is None:
        if len(tags) > _MOST_TAG_BYTES:
            return None
        try:
            return _told_of_order(tags)
        except _Foreign:
            return None
    cause = tags[-ID_LETTERS - 1 : -1]
    is_name = tags[-1] == 0 and cause.isascii()
    return _Told(kind, "", cause.decode("ascii"), "") if is_name else None


@cache
def _answering() -> dict[bytes, str]:
    """Tag bytes of a fact that answers an order, up to the order's id -> the fact's kind."""
    blank = "x" * ID_LETTERS
    return {_avro(tags_of(kind, cause=blank))[: -ID_LETTERS - 1]: kind for kind in messages.KINDS}


@lru_cache(_TAGS_KEPT)
def _told_of_order(tags: bytes) -> _Told:
    """The same for tags without a cause: few, and the same again and again.

    raises _Foreign: so only what `tags_of` writes is kept
    """
    try:
        found = {name.decode(): value.decode() for name, value in avro.read_tags(tags)}
    except ValueError as error:  # also what is no UTF-8
        raise _Foreign from error
    names = ("Kind", "Log-Origin", "Cause", "On-Behalf-Of")
    told = _Told(*(found.get(name, "") for name in names))
    wanted = _avro(tags_of(told.kind, origin=told.origin, cause=told.cause, speaker=told.speaker))
    if told.kind not in messages.KINDS or wanted != tags:
        raise _Foreign
    return told


def _avro(tags: list[tuple[str, str]]) -> bytes:
    return avro.write_tags([(name.encode(), value.encode()) for name, value in tags])


@lru_cache(1 << 10)
def _listed(tags: tuple[tuple[str, str], ...]) -> bytes:
    """The same; facts that answer no order have few tags, again and again."""
    return _avro(list(tags))


def _count(told: _Told) -> bytes:
    """The number of tags as the item writes it."""
    optional = (told.origin, told.cause, told.speaker)
    return (4 + sum(map(bool, optional))).to_bytes(8, "little")


# --- the deep hash, with all that repeats made once: it is a chain, and owners come again ---------


def _signed_message(owner: bytes, anchor: bytes, tags: bytes, data: bytes) -> bytes:
    """What `items.Item.signed_message` gives for these fields and no target."""
    chain, sha = _chain_of(owner), sha384
    for part in (anchor, tags, data):
        blob = sha(_length(len(part)) + sha(part).digest()).digest()
        chain = sha(chain + blob).digest()
    return chain


@lru_cache(_OWNERS_KEPT)
def _chain_of(owner: bytes) -> bytes:
    """The chain up to the target, which is empty."""
    chain = sha384(b"list8").digest()
    kind = str(items.ED25519).encode()
    for part in (b"dataitem", b"1", kind, owner, b""):
        chain = sha384(chain + items.deep_hash(part)).digest()
    return chain


@lru_cache(_OWNERS_KEPT)
def _name_of(owner: bytes) -> str:
    """The name of an owner's key; one text for all that it signed, since a log keeps many."""
    return owner.hex()


@lru_cache(1 << 12)
def _length(size: int) -> bytes:
    return sha384(b"blob" + str(size).encode()).digest()
