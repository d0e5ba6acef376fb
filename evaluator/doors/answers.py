"""How a door of the scale ends: a document on stdout, an error with its code, an exit status."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from assay.errors import AssayError
from evaluator.errors import DataFileMissing

REFUSED = 5


def run_door(work: Callable[[], None], *, is_json: bool) -> NoReturn:
    """Do the work and exit: 0, or 5 with the error when the input is refused.

    is_json  the error goes to stdout as {"error": {code, message, next, facts}}
    """
    try:
        work()
    except AssayError as error:
        if is_json:
            show_json({"error": error.as_dict()})
        else:
            show_lines(f"Refused: {error.code}", f"  {error}", f"  {error.next_step}")
        sys.exit(REFUSED)
    sys.exit(0)


def read_downloaded(path: Path) -> bytes:
    """The bytes of a file of a downloaded competition; raises DataFileMissing."""
    if not path.is_file():
        raise DataFileMissing(
            f"There is no file {path}.",
            next_step="Give the folder that `assay competitions download` wrote.",
            file=path.name,
        )
    return path.read_bytes()


def show_json(document: Mapping[str, object]) -> None:
    """One line of JSON on stdout, at once."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def show_lines(*lines: str) -> None:
    """Lines for a person on stdout; empty ones are left out."""
    sys.stdout.write("".join(line + "\n" for line in lines if line.strip()))
    sys.stdout.flush()
