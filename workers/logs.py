"""The logs of the site's processes, cut while they are written: strangers fill no disk by them."""

import shutil
from pathlib import Path

MOST_BYTES, KEPT = 8 << 20, 3  # of one log; how many older pieces stay beside it


def cut(log: Path, *, most_bytes: int = MOST_BYTES) -> bool:
    """Put a log that is too long aside, as NAME.1, and the older ones behind it; the oldest goes.

    Its writer goes on in the same file, which is empty then: it only ever appends. What it writes
    between the copy and the cut is lost.
    returns  whether it was too long
    """
    if not log.is_file() or log.stat().st_size <= most_bytes:
        return False
    for number in range(KEPT, 1, -1):
        older = _aside(log, number - 1)
        if older.is_file():
            older.replace(_aside(log, number))
    shutil.copyfile(log, _aside(log, 1))
    _aside(log, 1).chmod(0o600)
    with log.open("r+b") as file:
        file.truncate(0)
    return True


def _aside(log: Path, number: int) -> Path:
    return log.with_name(f"{log.name}.{number}")
