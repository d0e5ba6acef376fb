"""Links in a folder of one's own: the cache of a hub keeps its files elsewhere.

Only a client follows them, and uploads bytes; the server takes none. A link that leads anywhere
else is not followed: a folder from a stranger could name any file of the reader's.
"""

from pathlib import Path

SNAPSHOTS, BLOBS = "snapshots", "blobs"


def followed(path: Path) -> Path | None:
    """Where a file's bytes are: the path itself, or what a link leads to; None: it leads away.

    A link may lead within its folder, and from `snapshots/REVISION/` to `blobs/` beside it, to a
    plain file of the owner that the link has.
    """
    if not path.is_symlink():
        return path
    try:
        real = path.resolve(strict=True)
        is_plain = real.is_file() and real.stat().st_uid == path.lstat().st_uid
    except (OSError, RuntimeError):  # it leads to nothing, or to itself
        return None
    return real if is_plain and any(map(real.is_relative_to, _rooms(path))) else None


def _rooms(path: Path) -> list[Path]:
    """The folders that a link of this place may lead into."""
    folder = path.parent.resolve()
    caches = [one.parent / BLOBS for one in folder.parents if one.name == SNAPSHOTS]
    return [folder, *caches]
