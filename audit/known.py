"""What this auditor remembers of the logs it has seen, so that none can rewrite its past."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from assay.errors import AssayError

FILE = "known_logs.json"


class MemoryUnreadable(AssayError):
    """The file of known logs cannot be used. Facts: path."""

    code, status = "audit.memory_unreadable", 500
    next_step = "Restore the file from a backup; when you delete it, the next look is a first look."


@dataclass(frozen=True)
class KnownLog:
    """A log as it was last seen in good order.

    log_key  its verifier key     size, root  of its newest checkpoint then; root is hex
    """

    log_key: str
    size: int = 0
    root: str = ""

    def grown(self, size: int, root: str) -> "KnownLog":
        return replace(self, size=size, root=root)


def recall(home: Path, place: str) -> KnownLog | None:
    """What is remembered of the log at a place. raises MemoryUnreadable"""
    found = _read(home / FILE).get(place)
    return KnownLog(**found) if found else None


def remember(home: Path, place: str, log: KnownLog) -> None:
    """Replace what is known; the file is whole at every moment. raises MemoryUnreadable"""
    path = home / FILE
    logs = {**_read(path), place: asdict(log)}
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(logs, indent=1, sort_keys=True) + "\n")
    fresh.replace(path)


def _read(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        logs = json.loads(path.read_text())
        return {place: asdict(KnownLog(**one)) for place, one in logs.items()}
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise MemoryUnreadable(f"{path} cannot be read: {error}.", path=str(path)) from error
