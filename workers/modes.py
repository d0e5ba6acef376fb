"""Who may read the site's folder: its own user, and nobody else. Mended at each start, and said."""

import stat
from collections.abc import Iterator
from pathlib import Path

OTHERS = 0o077
OPEN = frozenset({"bases", "static", "tiles"})  # everybody may have what is in them


def mend(data: Path, keys: Path) -> list[str]:
    """Take from everybody else what lies in the folders of data and keys; a line for each.

    Of the data what lies directly in it: nobody comes further where the folder is closed.
    """
    return [said for path in _secrets(data, keys) if (said := _close(path))]


def _secrets(data: Path, keys: Path) -> Iterator[Path]:
    for folder in (data, keys):
        if folder.is_dir():
            yield folder
            yield from sorted(one for one in folder.iterdir() if one.name not in OPEN)


def _close(path: Path) -> str:
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode) or not found.st_mode & OTHERS:
        return ""
    mode = stat.S_IMODE(found.st_mode)
    path.chmod(mode & ~OTHERS)
    return f"{path} was open to others ({mode:04o}); it is closed now ({mode & ~OTHERS:04o})."
