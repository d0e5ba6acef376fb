"""One entry of the log: from signed bytes to a typed body, and who speaks in it."""

from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import items, messages, wire
from assay.canonical import NotCanonical, canonical, read_canonical, sha256_hex
from assay.errors import did_you_mean
from ledger.errors import MessageRefused

PROTOCOL, VARIANT = "Assay", "1"


@dataclass(frozen=True)
class Entry:
    """A verified message.

    id       base64url of the hash of its signature, 43 characters
    signer   the name of the owner's key, 64 lower hex digits (assay/items.py)
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
    speaker: str
    cause: str
    anchor: str
    raw: bytes
    actor: str = ""
    order: "Entry | None" = None


def tags_of(kind: str, *, cause: str = "", speaker: str = "") -> list[tuple[str, str]]:
    """The tags of an item for our log, in their one order."""
    tags = [("Data-Protocol", PROTOCOL), ("Variant", VARIANT), ("Kind", kind)]
    tags.append(("Content-Type", "application/json"))
    if cause:
        tags.append(("Cause", cause))
    if speaker:
        tags.append(("On-Behalf-Of", speaker))
    return tags


def make_item(body: object, key: Ed25519PrivateKey, **told: str) -> items.Item:
    """A signed item for a body. told: cause, speaker, idempotency (what makes the anchor)."""
    kind = messages.KIND_OF[type(body)]
    idempotency = told.pop("idempotency")
    anchor = bytes.fromhex(sha256_hex(idempotency.encode()))
    return items.make(key, tags_of(kind, **told), canonical(wire.to_json(body)), anchor=anchor)


def read_entry(raw: bytes) -> Entry:
    """The entry in signed bytes; everything about it is checked but who the signer is.

    raises BadItem, MessageRefused, BodyInvalid
    """
    item = items.read_strict(raw)
    kind = item.tag("Kind") or ""
    told = {"cause": item.tag("Cause") or "", "speaker": item.tag("On-Behalf-Of") or ""}
    if kind not in messages.KINDS:
        raise _refused("kind_unknown", kind, did_you_mean(kind, list(messages.KINDS)))
    wanted = tuple((name.encode(), value.encode()) for name, value in tags_of(kind, **told))
    if item.tags != wanted:
        raise _refused("tags", kind)
    if len(item.anchor) != 32 or item.target:
        raise _refused("envelope", kind)
    try:
        value = read_canonical(item.data)
    except NotCanonical as error:
        raise _refused("json", kind) from error
    body: Any = wire.from_json(messages.KINDS[kind].body, value)
    return Entry(
        item.id,
        kind,
        body,
        signer=item.signer,
        speaker=told["speaker"],
        cause=told["cause"],
        anchor=item.anchor.hex(),
        raw=raw,
    )


def _refused(reason: str, kind: str, hint: str = "") -> MessageRefused:
    return MessageRefused(
        f"The log does not take this message: {reason}.", next_step=hint, reason=reason, kind=kind
    )
