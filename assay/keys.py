"""Ed25519 keys: made on the user's machine, in files of mode 0600, named by their public half."""

import os
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from tempfile import mkstemp
from typing import NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from nacl.bindings import (
    crypto_sign,
    crypto_sign_BYTES,
    crypto_sign_open,
    crypto_sign_PUBLICKEYBYTES,
)
from nacl.exceptions import BadSignatureError

from assay.errors import AssayError


class KeyUnusable(AssayError):
    """A key file cannot be read, or holds no Ed25519 key. Facts: path."""

    code, status = "keys.unusable", 422
    next_step = "Make a key with `assay keys new`, or restore the file from your backup."


class KeyExists(AssayError):
    """A key file is there already and is never overwritten. Facts: path."""

    code, status = "keys.exists", 409
    next_step = "Use the key that is there, or name another file."


def new_key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def write_key(path: Path, key: Ed25519PrivateKey) -> None:
    """Store the 32 private bytes as hex, readable by the owner alone; never over another key.

    The file appears whole or not at all, so that another process never reads half a key.
    raises KeyExists
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, draft = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "w") as file:
            file.write(key.private_bytes_raw().hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError as error:
        raise KeyExists(f"{path} holds a key already.", path=str(path)) from error
    finally:
        Path(draft).unlink()


def read_key(path: Path) -> Ed25519PrivateKey:
    """raises KeyUnusable"""
    try:
        return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
    except (OSError, ValueError) as error:
        raise KeyUnusable(f"No key could be read: {error}.", path=str(path)) from error


def read_or_make_key(path: Path) -> Ed25519PrivateKey:
    """The key in `path`; made there when the file is missing. Two makers agree on one key."""
    with suppress(KeyExists):
        write_key(path, new_key())
    return read_key(path)


def next_key(path: Path) -> Ed25519PrivateKey:
    """The key that will take the place of the one in `path`: the same at every call until then."""
    return read_or_make_key(_next(path))


def take_next(path: Path) -> Path:
    """Put the next key into `path`, at once for every reader; the old file is kept beside it.

    Harmless when it was cut off, and when it was done.
    returns  where the old key is now
    """
    aside = path
    if path.exists():
        aside = path.with_name(f"{path.name}.retired-{public_hex(read_key(path))[:8]}")
    if _next(path).exists():
        if aside != path:
            with suppress(FileExistsError):
                os.link(path, aside)
        _next(path).replace(path)
    return aside


def key_of(path: Path, public: str) -> Ed25519PrivateKey:
    """The key of this name: the one in `path`, the next one, or one that was kept beside it.

    raises KeyUnusable
    """
    aside = path.with_name(f"{path.name}.retired-{public[:8]}")
    for one in (path, aside, _next(path)):
        if one.exists() and public_hex(found := read_key(one)) == public:
            return found
    raise KeyUnusable(f"The key {public[:16]}... is in no file beside {path}.", path=str(path))


def _next(path: Path) -> Path:
    return path.with_name(f"{path.name}.next")


def public_hex(key: Ed25519PrivateKey) -> str:
    """The name of a key: its 32 public bytes as 64 lower hex digits."""
    return key.public_key().public_bytes_raw().hex()


class Signer(NamedTuple):
    """A private key, made ready for many signatures."""

    public: bytes
    name: str
    secret: bytes

    def sign(self, message: bytes) -> bytes:
        """What the key's own `sign` gives, in two thirds of its time."""
        return crypto_sign(message, self.secret)[:crypto_sign_BYTES]


@lru_cache(1 << 6)
def signer(key: Ed25519PrivateKey) -> Signer:
    public = key.public_key().public_bytes_raw()
    return Signer(public, public.hex(), key.private_bytes_raw() + public)


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """True when an Ed25519 key signed the message, by the strict rules of libsodium.

    They refuse what OpenSSL takes: a key or a point R of small order, with which one signature fits
    many messages, and a key that is not written in its one way. Like OpenSSL, and unlike libraries
    that check in batches, they allow R only in the one form that the equation without a cofactor
    gives. So what verifies here verifies in OpenSSL too.
    source  RFC 8032 section 5.1.7; docs/decisions/0042-strict-signatures.md
    """
    if len(public) != crypto_sign_PUBLICKEYBYTES or len(signature) != crypto_sign_BYTES:
        return False
    try:
        crypto_sign_open(signature + message, public)
    except BadSignatureError:
        return False
    return True
