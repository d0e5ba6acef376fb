"""The name of what locked a job up. It travels with every score as `policy_sha256`."""

import hashlib
import json
from collections.abc import Sequence

from workers.sandbox import seccomp
from workers.sandbox.levels import Level

UNTRIED = ""  # nothing was tried on it: tests, and nobody else


def policy_document(
    backend: str, level: Level, filters: Sequence[str], probe_sha256: str
) -> dict[str, object]:
    """What the name stands for: the same on every host where the same release holds as much.

    backend       "zygote" or "fresh"
    filters       names of the system call filters that jails put on
    probe_sha256  `trial.Trial.sha256`: the cases tried on this host, and that none got out
    """
    return {
        "backend": backend,
        "filters": {name: seccomp.read_filter(name).sha256 for name in filters},
        "level": level.value,
        "probe_sha256": probe_sha256,
    }


def policy_name(backend: str, level: Level, filters: Sequence[str], probe_sha256: str) -> str:
    """The SHA-256 of the document in canonical JSON, in hex.

    The standard library writes that form for plain ASCII, and nothing else stands in it.
    """
    document = policy_document(backend, level, filters, probe_sha256)
    written = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode()).hexdigest()
