"""Read an adapter's folder without following, blocking on, or believing anything in it."""

import os
import stat
from pathlib import Path

from evaluator.errors import (
    AdapterFileKind,
    AdapterFileMissing,
    AdapterFileSize,
    AdapterFileUnknown,
)
from evaluator.intake.names import shown

CONFIG_NAME = "adapter_config.json"
TENSORS_NAME = "adapter_model.safetensors"
DROPPED_NAMES = frozenset({"README.md"})  # peft writes it; nobody reads it
MOST_CONFIG_BYTES = 64 * 1024


def read_folder(path: Path, *, most_tensor_bytes: int) -> tuple[bytes, bytes]:
    """The bytes of config and tensors, each read once into a bounded buffer.

    raises AdapterFileMissing, AdapterFileUnknown, AdapterFileKind, AdapterFileSize
    """
    try:
        folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise AdapterFileMissing(f"There is no folder {path}.", file=path.name) from error
    except NotADirectoryError as error:
        raise AdapterFileKind(f"{path} is not a folder.", file=path.name) from error
    try:
        _refuse_others(folder)
        config = _read(folder, CONFIG_NAME, MOST_CONFIG_BYTES)
        return config, _read(folder, TENSORS_NAME, most_tensor_bytes)
    finally:
        os.close(folder)


def refuse_size(name: str, size: int, limit: int) -> None:
    """Raise AdapterFileSize when the file is over its limit."""
    if size > limit:
        raise AdapterFileSize(
            f"{name} has {size} bytes; the limit is {limit}.", file=name, bytes=size, limit=limit
        )


def _refuse_others(folder: int) -> None:
    known = DROPPED_NAMES | {CONFIG_NAME, TENSORS_NAME}
    with os.scandir(folder) as entries:
        for entry in entries:  # stops at the first stranger, however many there are
            if entry.name not in known:
                name = shown(entry.name)
                raise AdapterFileUnknown(f"The file {name} is not part of an adapter.", file=name)


def _read(folder: int, name: str, limit: int) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        file = os.open(name, flags, dir_fd=folder)
    except FileNotFoundError as error:
        raise AdapterFileMissing(f"The file {name} is missing.", file=name) from error
    except OSError as error:  # a symbolic link, a socket, a device without a driver
        raise AdapterFileKind(f"{name} is not a plain file.", file=name) from error
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
            raise AdapterFileKind(f"{name} is not a plain file with one name.", file=name)
        refuse_size(name, found.st_size, limit)
        with os.fdopen(file, "rb", closefd=False) as opened:
            raw = opened.read(limit + 1)
    finally:
        os.close(file)
    refuse_size(name, len(raw), limit)
    return raw
