"""Read an adapter's folder without following, waiting for, or believing anything in it.

Two files are read. Whatever else lies there is never opened; its names are noted.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ELOOP, ENXIO
from itertools import islice
from pathlib import Path

from evaluator.errors import (
    AdapterFileKind,
    AdapterFileMissing,
    AdapterFileSize,
)
from evaluator.intake.names import shown
from evaluator.intake.sources import FileSource

CONFIG_NAME = "adapter_config.json"
TENSORS_NAME = "adapter_model.safetensors"
DROPPED_NAMES = frozenset({"README.md"})  # peft writes it; nobody reads it, and nobody is told
MOST_LISTED = 10_000  # other files whose names are looked at
MOST_CONFIG_BYTES = 64 * 1024


@contextmanager
def open_folder(path: Path) -> Iterator[int]:
    """A handle on an adapter's folder; raises AdapterFileMissing, AdapterFileKind."""
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except NotADirectoryError as error:
        name = shown(str(path))
        raise AdapterFileKind(f"{name} is not a folder.", file=shown(path.name)) from error
    except OSError as error:
        raise _not_opened(f"The folder {shown(str(path))}", shown(path.name), error) from error
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def open_file(folder: int, name: str, limit: int) -> Iterator[FileSource]:
    """A plain file of one name inside an open folder, opened once.

    limit   most bytes that it may have
    raises  AdapterFileMissing, AdapterFileKind, AdapterFileSize; the source raises AdapterLayout
            when the file changes while it is read
    """
    _refuse_kind(name, _look(folder, name))  # before it is opened: opening a device may act
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(name, flags, dir_fd=folder)
    except OSError as error:
        if error.errno in {ELOOP, ENXIO}:  # a link or a socket, put there since the look
            raise AdapterFileKind(f"{name} is a link or a socket.", file=name) from error
        raise _not_opened(f"The file {name}", name, error) from error
    try:
        found = os.fstat(file)
        _refuse_kind(name, found)
        refuse_size(name, found.st_size, limit)
        yield FileSource(file, name)
    finally:
        os.close(file)


def refuse_size(name: str, size: int, limit: int) -> None:
    """Raise AdapterFileSize when the file is over its limit."""
    if size > limit:
        raise AdapterFileSize(
            f"{name} has {size} bytes; the limit is {limit}.", file=name, bytes=size, limit=limit
        )


def others_in(folder: int) -> set[str]:
    """Names of what else lies in an open folder, up to 10,000 of them."""
    known = DROPPED_NAMES | {CONFIG_NAME, TENSORS_NAME}
    with os.scandir(folder) as entries:
        return {one.name for one in islice(entries, MOST_LISTED)} - known


def is_there(folder: int, name: str) -> bool:
    """True when an open folder has something of this name, whatever it is."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError:
        return False
    return True


def _look(folder: int, name: str) -> os.stat_result:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        raise _not_opened(f"The file {name}", name, error) from error


def _refuse_kind(name: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        told = "a link" if stat.S_ISLNK(found.st_mode) else "not a plain file with one name"
        raise AdapterFileKind(f"{name} is {told}.", file=name)


def _not_opened(what: str, name: str, error: OSError) -> AdapterFileMissing:
    if isinstance(error, FileNotFoundError):
        return AdapterFileMissing(f"{what} is missing.", file=name)
    problem = (error.strerror or "unknown").lower()
    return AdapterFileMissing(
        f"{what} cannot be opened: {problem}.",
        next_step="Give a folder that this user may read.",
        file=name,
    )
