"""Signatures of foreign wallets, only checked and never made here: Arweave's RSA, Ethereum's curve.

source  ANS-104 signature types 1 and 3 as Irys-xyz/arbundles checks them; EIP-191 for the words
        that an Ethereum wallet signs; SEC 1 section 4.1.6 for how v leads back to a key
"""

from coincurve import PublicKey
from coincurve.ecdsa import cdata_to_der, deserialize_compact
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from assay.keccak import keccak256

RSA_EXPONENT = 65537
FIRST_V = 27  # Bitcoin's way to write which of two keys is meant; Ethereum kept it


def rsa_verifies(owner: bytes, signature: bytes, message: bytes) -> bool:
    """True when the RSA key with this modulus (512 bytes, big endian) signed the message.

    A shorter modulus in the same 512 bytes verifies nothing: its signatures are shorter too.
    """
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO)  # wallets differ in salt
    try:
        key = rsa.RSAPublicNumbers(RSA_EXPONENT, int.from_bytes(owner, "big")).public_key()
        key.verify(signature, message, pss, hashes.SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def ethereum_verifies(owner: bytes, signature: bytes, message: bytes) -> bool:
    """True when the key signed the message as a wallet signs words for a person (EIP-191).

    owner      65 bytes, the point without compression: 04 x y
    signature  65 bytes, r s v; as in the public implementation v is not looked at, and the larger
               of the two s is refused
    """
    try:
        compact = cdata_to_der(deserialize_compact(signature[:64]))
        return PublicKey(owner).verify(compact, personal_hash(message), hasher=None)
    except ValueError:
        return False


def ethereum_is_plain(owner: bytes, signature: bytes, message: bytes) -> bool:
    """True for the one v that wallets write: 27 or 28, whichever leads back to the key.

    Nobody's signature covers v: with any v allowed, one order could have 256 ids.
    """
    which = signature[64] - FIRST_V
    if which not in (0, 1):
        return False
    try:
        compact = signature[:64] + bytes([which])
        found = PublicKey.from_signature_and_message(compact, personal_hash(message), hasher=None)
    except ValueError:
        return False
    return found.format(compressed=False) == owner


def personal_hash(message: bytes) -> bytes:
    """The 32 bytes that are signed for a message. EIP-191, version 0x45."""
    return keccak256(f"\x19Ethereum Signed Message:\n{len(message)}".encode() + message)
