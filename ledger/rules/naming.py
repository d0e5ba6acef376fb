"""Which files a text names: every run of exactly 64 lower hex digits may be a SHA-256."""

import re

_HASH = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")


def hashes_in(raw: bytes) -> set[str]:
    """What may be names of files in these bytes; rather one too many than one too few."""
    return {hit.decode() for hit in _HASH.findall(raw)}
