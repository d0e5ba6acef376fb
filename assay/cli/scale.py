"""The scale, `python -m evaluator DOOR`, as a process of its own; its refusals become ours."""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import typer

from assay.errors import AssayError

STOPPED = 130  # what Ctrl-C ends a process with


class CheckFailed(AssayError):
    """The scale broke, or refused: then code and facts are its own."""

    code, status = "check.broken", 500
    next_step = "Run it again without --json to see what it said."


def run_scale(door: str, arguments: Sequence[str], *, is_json: bool = False) -> None:
    """Run a door of the scale to its end, which is that of the command.

    is_json  its document goes to stdout, and a refusal is raised, to be told as every other one is
    raises   CheckFailed
    """
    command = [sys.executable, "-m", "evaluator", door, *arguments]
    if not is_json:
        raise typer.Exit(subprocess.run(command, check=False).returncode)
    done = subprocess.run([*command, "--json"], stdout=subprocess.PIPE, text=True, check=False)
    refusal_in(done.stdout, done.returncode)
    sys.stdout.write(done.stdout)
    raise typer.Exit(done.returncode)


def refusal_in(said: str, code: int, *, hint: str = "", noise: str = "") -> None:
    """Raise what a door of the scale refused; nothing when it answered.

    said   its stdout, whose last line is the document     hint  is added to the next step
    noise  its stderr, told when it broke and said nothing
    raises CheckFailed
    """
    told = _document(said)
    if code == STOPPED or (told is not None and "error" not in told):
        return
    if told is None:
        raise CheckFailed("The scale broke.", next_step=noise.strip()[-500:])
    refused = told["error"]
    next_step = f"{refused['next']} {hint}".strip()
    error = CheckFailed(str(refused["message"]), next_step=next_step, **refused["facts"])
    error.code, error.status = str(refused["code"]), 422
    raise error


def _document(said: str) -> dict[str, Any] | None:
    try:
        found = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return None
    return found if isinstance(found, dict) else None
