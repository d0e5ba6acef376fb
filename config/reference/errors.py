"""docs/errors.md: every error that a caller can act on, grouped by the room that raises it."""

import importlib
import re
from collections.abc import Iterator

from assay.cli.main import DAMAGED, FAILURE, NETWORK, REFUSED, SIGN_IN, USAGE
from assay.errors import AssayError
from config import env
from config.reference.tables import MADE_BY, sentence, table
from licensing.rules.terms import UDL_VERSIONS

ROOMS = {
    "config": "the wiring",
    "workers": "the hands",
    "audit": "the stranger",
    "competitions": "the contest",
    "licensing": "the rights",
    "ledger": "the record",
    "web": "the face",
    "evaluator": "the scale",
    "assay": "the shared words and the command line",
}
HEAD = ("code", "status", "what it means", "facts", "what to do next")
INTRODUCTION = f"""Every refusal has one form: `code`, `message`, `next` and `facts`. A code never
changes its meaning. Pages show the code below the message; the API answers with
`{{"code", "message", "next", "facts"}}` and the HTTP status below; the command line prints the same
object with `--json`.

The command line ends with {FAILURE} (failure), {USAGE} (usage), {NETWORK} (network), {SIGN_IN}
(sign-in), {REFUSED} (refused by a rule) or {DAMAGED} (integrity). Two codes are its own:
`usage.wrong` for a command line that cannot be read, and `cli.stopped` when somebody stopped it.

Where the last column is empty, the error itself names the next step."""
_HAS_CODE = re.compile(r"^    code\b[^\n]*= *\(?\"", re.MULTILINE)


def errors_page() -> str:
    """The whole page."""
    found = error_classes()
    parts = [f"# Errors\n\n{MADE_BY}\n\n{INTRODUCTION}"]
    for room, says in ROOMS.items():
        mine = [one for one in found if one.__module__.partition(".")[0] == room]
        rows = [_row(one) for one in sorted(mine, key=lambda one: one.code)]
        parts.append(f"## {room}: {says}\n\n{table(HEAD, rows)}")
    ids = table(("version", "id"), [(one, f"`{name}`") for name, one in UDL_VERSIONS.items()])
    parts.append(f"## Ids of the Universal Data License\n\n{ids}")
    return "\n\n".join(parts) + "\n"


def error_classes() -> list[type[AssayError]]:
    """Every class of the house with a `code` of its own."""
    for module in _modules():
        importlib.import_module(module)
    found = {one for one in _below(AssayError) if "code" in vars(one)} | {AssayError}
    return [one for one in found if one.__module__.partition(".")[0] in ROOMS]


def _modules() -> Iterator[str]:
    """The modules of the house that give a class a code."""
    for room in ROOMS:
        for path in sorted((env.HOUSE / room).rglob("*.py")):
            if _HAS_CODE.search(path.read_text(encoding="utf-8")):
                yield ".".join(path.relative_to(env.HOUSE).with_suffix("").parts)


def _below(family: type[AssayError]) -> Iterator[type[AssayError]]:
    for one in family.__subclasses__():
        yield one
        yield from _below(one)


def _row(error: type[AssayError]) -> tuple[str, ...]:
    meaning, _, facts = sentence(error.__doc__).partition(" Facts: ")
    facts = facts.removesuffix(".")
    return f"`{error.code}`", str(error.status), meaning, facts or "none", error.next_step
