"""How a door of the scale ends: a document on stdout, an error with its code, an exit status."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from assay.errors import AssayError
from evaluator.errors import DataFileMissing

REFUSED = 5


def run_door(work: Callable[[], None], *, is_json: bool) -> NoReturn:
    """Do the work and exit: 0, or 5 with the error when the input is refused.

    is_json  the error goes to stdout as {"error": {code, message, next, facts}}, for whoever
             started this process; else to stderr, as the command line tells every error
    """
    try:
        work()
    except AssayError as error:
        if is_json:
            show_json({"error": error.as_dict()})
        else:
            sys.stderr.write(f"Error: {error}\n{error.next_step}\n({error.code})\n")
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


def ignored_line(ignored: Sequence[str]) -> str:
    """What of an adapter changes no number, in a line; empty when there is nothing."""
    return f"ignored   {', '.join(ignored)}" if ignored else ""


def show_json(document: Mapping[str, object]) -> None:
    """One line of JSON on stdout, at once."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


def show_lines(*lines: str) -> None:
    """Lines for a person on stdout; empty ones are left out."""
    sys.stdout.write("".join(line + "\n" for line in lines if line.strip()))
    sys.stdout.flush()
