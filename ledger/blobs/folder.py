"""The store as a folder: a file appears whole, and on the disk, or not at all."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.files.storage import FileSystemStorage

DRAFT = ".draft-"  # how the name of a file begins that is being written


class FolderStorage(FileSystemStorage):
    """Django's own, but for how a file is written: to a draft beside it, synced, then renamed.

    Written in place, a file cut short by a crash would keep its name for ever: equal names are
    equal bytes, so nobody would write it again.
    """

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        target.parent.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=target.parent, prefix=DRAFT, delete=False) as draft:
            try:
                for chunk in content.chunks():
                    draft.write(chunk)
                draft.flush()
                if self.file_permissions_mode is not None:
                    os.fchmod(draft.fileno(), self.file_permissions_mode)
                os.fsync(draft.fileno())
            except BaseException:
                Path(draft.name).unlink()
                raise
        Path(draft.name).replace(target)
        _sync(target.parent)
        return name


def _sync(folder: Path) -> None:
    """Put the folder's list of names on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
