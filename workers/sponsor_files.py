"""What a worker does with a stranger's files: a door of the scale, in the reader's jail.

A worker's own process never parses them; it gets one JSON document, or a refusal with its code.
"""

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from assay.messages import FileRef
from competitions.errors import PreparationRefused
from evaluator.bases.catalogue import STORE_VARIABLE, store
from evaluator.task.splitting import SLICES
from ledger import blobs
from workers.sandbox.reader import Allowance, run_reader, taken

MOST_NAME = 60  # characters of a file's name that are kept
LOOK = Allowance(60, 2 << 30)  # at one file: to preview it, to split it


def asked(folder: Path, words: Sequence[str], allowance: Allowance) -> dict[str, Any]:
    """The document of `python -m evaluator WORDS`, which may write into the folder alone.

    raises PreparationRefused with the door's own code, and when it takes too long or ends early
    """
    try:
        done = run_reader(
            ["-m", "evaluator", *words],
            folder,
            allowance,
            read_only=[store()] if store().is_dir() else [],
            environment={STORE_VARIABLE: str(store())},
        )
    except subprocess.TimeoutExpired as error:
        raise PreparationRefused(
            f"Reading the files took over {allowance.wall_s:.0f} s."
        ) from error
    found = _document(done.said)
    if done.exit_code == 0 and found is not None:
        return found
    told = (found or {}).get("error")
    if isinstance(told, dict) and {"code", "message", "next"} <= told.keys():
        raise PreparationRefused.told(told)
    raise PreparationRefused(f"The reader ended early: {done.noise[-300:]}")


def preview(file: FileRef, *, metric: str, columns: Mapping[str, str]) -> dict[str, Any]:
    """The document of evaluator/task/preview.py about a stored file; its faults are in it.

    columns  the evaluator's name of a column -> its name in the file, where the sponsor said
    raises   PreparationRefused
    """
    with TemporaryDirectory(prefix="assay-preview-") as held:
        folder = Path(held)
        words = ["preview", _copied(file, folder), "--metric", metric, *_columns(columns)]
        return asked(folder, words, LOOK)


def split(
    file: FileRef, words: Mapping[str, str], *, columns: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """The document of evaluator/doors/split.py, and the bytes of {"train", "public", "final"}.

    words   {"metric", "seed"} and, where the sponsor chose them, "group" and "parts"
    raises  PreparationRefused; NotPlain when the reader left something else than a file
    """
    with TemporaryDirectory(prefix="assay-split-") as held:
        folder = Path(held)
        told = [f"--{name}={value}" for name, value in words.items()]
        where = ["--out", str(folder / "out"), *told, *_columns(columns)]
        found = asked(folder, ["split", _copied(file, folder), *where], LOOK)
        return found, {name: taken(folder / "out", f"{name}.jsonl") for name in SLICES}


def _copied(file: FileRef, folder: Path) -> str:
    """A copy under the sponsor's own name for it, as far as that is plain: faults speak of it."""
    name = Path(file.name)
    plain = re.sub(r"[^\w.-]+", "-", name.stem)[:MOST_NAME] or "file"
    path = folder / f"{plain}{name.suffix.lower()}"
    blobs.copy_to(file.sha256, path)
    return str(path)


def _columns(columns: Mapping[str, str]) -> list[str]:
    return [f"--column={name}={there}" for name, there in columns.items()]


def _document(said: str) -> dict[str, Any] | None:
    try:
        found = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None
