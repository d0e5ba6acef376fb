"""The commitment of an entry: it fixes owner, competition and files, and tells none of the files.

    sha256("assay-entry-v2" || lp(owner) || lp(competition) || salt || config || tensors)

lp is a length as u64 little-endian and then the UTF-8 bytes; salt and the SHA-256 of the two files
are 32 bytes each. The owner stands in it: a commitment that somebody copies opens for nobody.
"""

import secrets
from hashlib import sha256

from assay.messages import Opening

PURPOSE = b"assay-entry-v2"


def drawn_salt() -> str:
    """32 bytes by chance, as hex: nobody can test a file that he guesses."""
    return secrets.token_hex(32)


def commitment_of(owner: str, competition: str, opening: Opening) -> str:
    """64 hex digits. raises ValueError when salt or a hash is no hex"""
    parts = (opening.salt, opening.config_sha256, opening.tensors_sha256)
    told = b"".join(bytes.fromhex(one) for one in parts)
    return sha256(PURPOSE + _lp(owner) + _lp(competition) + told).hexdigest()


def _lp(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(8, "little") + raw
