"""One entry of the log: from signed bytes to a typed body, and who speaks in it."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import items, messages, wire
from assay.canonical import NotCanonical, canonical, read_canonical, sha256_hex
from assay.errors import did_you_mean
from ledger.errors import MessageRefused
from ledger.rules.envelope import open_plain, seal, tags_of


@dataclass(frozen=True)
class Entry:
    """A verified message.

    id       base64url of the hash of its signature, 43 characters
    signer   the name of the owner's key, 64 lower hex digits (assay/items.py)
    origin   the name of the log that an order is meant for; facts have none
    speaker  the account that the operator signs for (On-Behalf-Of), or ""
    cause    the id of the order that a fact answers, or ""
    anchor   the SHA-256 of its idempotency key: one entry per signer and anchor
    order    that order, once it is found; None for orders and for facts of the clock
    actor    the account that speaks, once the key is looked up
    """

    id: str
    kind: str
    body: Any
    signer: str
    origin: str
    speaker: str
    cause: str
    anchor: str
    raw: bytes
    actor: str = ""
    order: "Entry | None" = None


def make_item(body: object, key: Ed25519PrivateKey, **told: str) -> items.Item:
    """A signed item for a body.

    told  origin, cause, speaker, idempotency (what makes the anchor)
    """
    kind = messages.KIND_OF[type(body)]
    idempotency = told.pop("idempotency")
    anchor = bytes.fromhex(sha256_hex(idempotency.encode()))
    return items.make(key, tags_of(kind, **told), canonical(wire.to_json(body)), anchor=anchor)


def make_entry(body: object, key: Ed25519PrivateKey, **told: str) -> Entry:
    """A signed entry for a body. told: as for `make_item`. What was just made is not checked."""
    kind = messages.KIND_OF[type(body)]
    idempotency = told.pop("idempotency")
    tags, data = tags_of(kind, **told), canonical(wire.to_json(body))
    sealed = seal(key, tags, data, anchor=sha256(idempotency.encode()).digest())
    told = {"origin": "", "speaker": "", "cause": "", **told}
    return wire.made(
        Entry, {**sealed, **told, "kind": kind, "body": body, "actor": "", "order": None}
    )


def read_entry(raw: bytes) -> Entry:
    """The entry in signed bytes; everything about it is checked but who the signer is.

    raises BadItem, MessageRefused, BodyInvalid
    """
    plain = open_plain(raw)
    if plain is None:
        return _read_any(raw)
    plain["body"] = _body(plain["kind"], plain.pop("data"))
    return wire.made(Entry, {**plain, "raw": raw, "actor": "", "order": None})


def _read_any(raw: bytes) -> Entry:
    """The entry in bytes that no client of ours wrote, or the reason why it is none."""
    item = items.read_strict(raw)
    kind = item.tag("Kind") or ""
    tagged = {"origin": "Log-Origin", "cause": "Cause", "speaker": "On-Behalf-Of"}
    told = {field: item.tag(name) or "" for field, name in tagged.items()}
    if kind not in messages.KINDS:
        raise _refused("kind_unknown", kind, did_you_mean(kind, list(messages.KINDS)))
    wanted = tuple((name.encode(), value.encode()) for name, value in tags_of(kind, **told))
    if item.tags != wanted:
        raise _refused("tags", kind)
    if len(item.anchor) != 32 or item.target:
        raise _refused("envelope", kind)
    return Entry(
        item.id,
        kind,
        _body(kind, item.data),
        signer=item.signer,
        origin=told["origin"],
        speaker=told["speaker"],
        cause=told["cause"],
        anchor=item.anchor.hex(),
        raw=raw,
    )


def _body(kind: str, data: bytes) -> Any:
    try:
        value = read_canonical(data)
    except NotCanonical as error:
        raise _refused("json", kind) from error
    return wire.from_json(messages.KINDS[kind].body, value)


def _refused(reason: str, kind: str, hint: str = "") -> MessageRefused:
    return MessageRefused(
        f"The log does not take this message: {reason}.", next_step=hint, reason=reason, kind=kind
    )
