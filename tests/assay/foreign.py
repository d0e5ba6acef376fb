"""Wallets of other people: RSA and Ethereum keys that sign items as their programs do."""

from dataclasses import dataclass, replace
from functools import cache

from coincurve import PrivateKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from assay import items, wallets
from assay.canonical import canonical, sha256_hex
from assay.messages import KIND_OF
from assay.wire import to_json
from tests.signing import tags_of


@dataclass(frozen=True)
class Wallet:
    """A key of one type, and how it signs."""

    signature_type: int
    owner: bytes
    sign: object

    @property
    def name(self):
        return items.key_name(self.signature_type, self.owner)


@cache
def rsa_wallet(bits=4096):
    key = rsa.generate_private_key(65537, bits)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    owner = key.public_key().public_numbers().n.to_bytes(512, "big")
    return Wallet(items.RSA, owner, lambda words: key.sign(words, pss, hashes.SHA256()))


def ethereum_wallet(secret=b"\x11" * 32):
    key = PrivateKey(secret)

    def sign(words):
        raw = key.sign_recoverable(wallets.personal_hash(words), hasher=None)
        return raw[:64] + bytes([raw[64] + wallets.FIRST_V])

    return Wallet(items.ETHEREUM, key.public_key.format(compressed=False), sign)


def ed25519_wallet(secret=bytes(range(32))):
    key = Ed25519PrivateKey.from_private_bytes(secret)
    return Wallet(items.ED25519, key.public_key().public_bytes_raw(), key.sign)


def signed(wallet, tags=(), data=b"hello", anchor=b"a" * 32):
    """An item of a wallet."""
    pairs = tuple((name.encode(), value.encode()) for name, value in tags)
    item = items.Item(wallet.signature_type, wallet.owner, pairs, data, anchor=anchor)
    return replace(item, signature=wallet.sign(item.signed_message))


def order(wallet, body, idempotency):
    """A person's order, signed by a wallet."""
    anchor = bytes.fromhex(sha256_hex(idempotency.encode()))
    return signed(wallet, tags_of(KIND_OF[type(body)]), canonical(to_json(body)), anchor)
