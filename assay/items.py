"""ANS-104 data items: the envelope of every message. Make, read, verify.

Layout: u16 LE signature type | signature | owner | presence byte (+32 target) | presence byte
(+32 anchor) | u64 LE tag count | u64 LE tag bytes | Avro tags | data. The id is the SHA-256 of the
signature, base64url. What is signed is the deep hash of
["dataitem", "1", signature type, owner, target, anchor, Avro tag bytes as one blob, data]; the text
of ANS-104 section 2 says otherwise, but only this verifies items of the public implementations.

source  ArweaveTeam/arweave-standards, ANS-104; vectors in tests/vectors/ans104.json
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256, sha384
from types import MappingProxyType
from typing import Self, TypeAlias

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import avro, keys, wallets
from assay.errors import AssayError

RSA, ED25519, ETHEREUM = 1, 2, 3
SIZES = {RSA: (512, 512), ED25519: (64, 32), ETHEREUM: (65, 65)}  # signature, owner; bytes
_CHECKS = MappingProxyType(
    {RSA: wallets.rsa_verifies, ED25519: keys.verifies, ETHEREUM: wallets.ethereum_verifies}
)
MOST_ITEM_BYTES = 65_535  # a tile bundle counts an entry's bytes in a u16

Node: TypeAlias = "bytes | Sequence[Node]"
Tags: TypeAlias = tuple[tuple[bytes, bytes], ...]


class BadItem(AssayError):
    """The bytes are not a data item that we accept. Facts: reason, a stable word."""

    code, status = "items.invalid", 422
    next_step = "Make the item with the Assay client, or with any ANS-104 library."


def deep_hash(node: Node) -> bytes:
    """SHA-384 of nested lists of bytes, as Arweave defines it."""
    if isinstance(node, bytes):
        return sha384(_sha384(b"blob" + str(len(node)).encode()) + _sha384(node)).digest()
    total = _sha384(b"list" + str(len(node)).encode())
    for child in node:
        total = _sha384(total + deep_hash(child))
    return total


def _sha384(raw: bytes) -> bytes:
    return sha384(raw).digest()


@dataclass(frozen=True)
class Item:
    """One data item, signed or not yet. `raw_tags` keeps the Avro bytes as they came."""

    signature_type: int
    owner: bytes
    tags: Tags
    data: bytes
    target: bytes = b""
    anchor: bytes = b""
    signature: bytes = b""
    raw_tags: bytes | None = None

    @property
    def id(self) -> str:
        """base64url of the SHA-256 of the signature, 43 characters."""
        return b64url(sha256(self.signature).digest())

    @property
    def signer(self) -> str:
        """The name of the owner's key, 64 lower hex digits; see key_name."""
        return key_name(self.signature_type, self.owner)

    @property
    def tag_bytes(self) -> bytes:
        return avro.write_tags(self.tags) if self.raw_tags is None else self.raw_tags

    @property
    def signed_message(self) -> bytes:
        """The 48 bytes that the signature is over."""
        kind = str(self.signature_type).encode()
        fields = [self.owner, self.target, self.anchor, self.tag_bytes, self.data]
        return deep_hash([b"dataitem", b"1", kind, *fields])

    def encode(self) -> bytes:
        head = self.signature_type.to_bytes(2, "little") + self.signature + self.owner
        counts = len(self.tags).to_bytes(8, "little") + len(self.tag_bytes).to_bytes(8, "little")
        places = _optional(self.target) + _optional(self.anchor)
        return head + places + counts + self.tag_bytes + self.data

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """raises BadItem; the signature is not checked here"""
        reader = _Reader(raw)
        signature_type = reader.number(2)
        if signature_type not in SIZES:
            raise _bad("signature_type")
        signature, owner = (reader.take(size) for size in SIZES[signature_type])
        target, anchor = reader.optional(), reader.optional()
        count, size = reader.number(8), reader.number(8)
        raw_tags = reader.take(size)
        try:
            tags = avro.read_tags(raw_tags)
        except ValueError as error:
            raise _bad(str(error)) from error
        if len(tags) != count or count > avro.MOST_TAGS:
            raise _bad("tag_count")
        rest = reader.rest()
        return cls(signature_type, owner, tags, rest, target, anchor, signature, raw_tags)

    def is_signed(self) -> bool:
        """True when the owner's signature is over exactly this item."""
        return verifies(self.signature_type, self.owner, self.signature, self.signed_message)

    def is_plainly_signed(self) -> bool:
        """The same, and nobody but the owner could have written the signature in another way."""
        if self.signature_type == ETHEREUM:
            message = self.signed_message
            return wallets.ethereum_is_plain(self.owner, self.signature, message) and verifies(
                ETHEREUM, self.owner, self.signature, message
            )
        return self.is_signed()

    def tag(self, name: str) -> str | None:
        """The value of a tag, or None."""
        wanted = name.encode()
        return next((value.decode() for key, value in self.tags if key == wanted), None)


def make(
    key: Ed25519PrivateKey, tags: Sequence[tuple[str, str]], data: bytes, *, anchor: bytes
) -> Item:
    """A signed item; `anchor` is 32 bytes, the SHA-256 of an idempotency key."""
    owner = key.public_key().public_bytes_raw()
    pairs = tuple((name.encode(), value.encode()) for name, value in tags)
    blank = Item(ED25519, owner, pairs, data, anchor=anchor)
    return replace(blank, signature=key.sign(blank.signed_message))


def read_strict(raw: bytes) -> Item:
    """An item for our own log: small enough, canonical tags, no tag twice, signed by its owner.

    raises BadItem
    """
    if len(raw) > MOST_ITEM_BYTES:
        raise _bad("too_large")
    item = Item.decode(raw)
    names = [name for name, _ in item.tags]
    if avro.write_tags(item.tags) != item.raw_tags:
        raise _bad("tags_not_canonical")
    if len(set(names)) != len(names):
        raise _bad("tag_twice")
    if not all(_is_utf8(part) for pair in item.tags for part in pair):
        raise _bad("tag_not_utf8")
    if not item.is_plainly_signed():
        raise _bad("signature")
    return item


def verifies(signature_type: int, owner: bytes, signature: bytes, message: bytes) -> bool:
    """True when the owner's key of this type signed the message; sizes are those of SIZES."""
    if (len(signature), len(owner)) != SIZES[signature_type]:
        return False
    return _CHECKS[signature_type](owner, signature, message)


def key_name(signature_type: int, owner: bytes) -> str:
    """What the books call a key, 64 lower hex digits: an Ed25519 key itself, else its SHA-256.

    For an RSA key that is the address of its Arweave wallet, in hex.
    """
    return owner.hex() if signature_type == ED25519 else sha256(owner).hexdigest()


def bundle(items: Sequence[Item]) -> bytes:
    """ANS-104 section 3: a 32-byte count, (size, id) of each item, the items."""
    raws = [item.encode() for item in items]
    head = len(items).to_bytes(32, "little")
    for item, raw in zip(items, raws, strict=True):
        head += len(raw).to_bytes(32, "little") + sha256(item.signature).digest()
    return head + b"".join(raws)


def unbundle(raw: bytes) -> list[Item]:
    """raises BadItem"""
    reader = _Reader(raw)
    count = reader.number(32)
    if 32 + 64 * count > len(raw):
        raise _bad("truncated")
    heads = [(reader.number(32), reader.take(32)) for _ in range(count)]
    items = []
    for size, name in heads:
        item = Item.decode(reader.take(size))
        if sha256(item.signature).digest() != name:
            raise _bad("bundle_id")
        items.append(item)
    if reader.rest():
        raise _bad("bundle_trailing_bytes")
    return items


def b64url(raw: bytes) -> str:
    """base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class _Reader:
    """Takes bytes from the front; anything missing is a bad item."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self._at = raw, 0

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._raw):
            raise _bad("truncated")
        self._at += size
        return self._raw[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def optional(self) -> bytes:
        flag = self.take(1)
        if flag not in (b"\0", b"\1"):
            raise _bad("presence_byte")
        return self.take(32) if flag == b"\1" else b""

    def rest(self) -> bytes:
        return self.take(len(self._raw) - self._at)


def _optional(field: bytes) -> bytes:
    return b"\1" + field if field else b"\0"


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _bad(reason: str) -> BadItem:
    return BadItem(f"The bytes are no acceptable data item: {reason}.", reason=reason)
