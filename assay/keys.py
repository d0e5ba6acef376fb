"""Ed25519 keys: made on the user's machine, in files of mode 0600, named by their public half."""

import os
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from assay.errors import AssayError

FIELD_P = 2**255 - 19
_ORDER_8_Y = (
    2707385501144840649318225287225658788936804267575313519463743609750303402022,
    55188659117513257062467267217118295137698188065244968500265048394206261417927,
)
# y-coordinates of the points of order 1, 2, 4 and 8, also in their non-reduced spelling. With such
# a "key" one signature verifies for many messages (seen with OpenSSL), so none is accepted.
SMALL_ORDER_Y = frozenset({0, 1, FIELD_P - 1, FIELD_P, FIELD_P + 1, *_ORDER_8_Y})


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


def public_hex(key: Ed25519PrivateKey) -> str:
    """The name of a key: its 32 public bytes as 64 lower hex digits."""
    return key.public_key().public_bytes_raw().hex()


def verifies(public: bytes, signature: bytes, message: bytes) -> bool:
    """True when an Ed25519 key that is not of small order signed the message."""
    if int.from_bytes(public, "little") & ((1 << 255) - 1) in SMALL_ORDER_Y:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
