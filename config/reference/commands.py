"""docs/cli.md: the help of every command, as the program itself prints it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from django.apps import apps
from django.core.management import get_commands, load_command_class

from assay.cli.main import app
from config.reference.tables import MADE_BY, table

WIDTH = 88
INTRODUCTION = """`assay` is the command line for miners, buyers and auditors. It speaks HTTP and
keeps keys on this machine. Every command is safe to run again. Results go to stdout, everything
else to stderr; `--json` prints one JSON document. [errors.md](errors.md) lists codes and exit
statuses."""
OPERATOR = """Run them in the project's folder with `.venv/bin/python manage.py`. The
[runbook](runbook.md) says when."""


def commands_page() -> str:
    """The whole page."""
    parts = [f"# Commands\n\n{MADE_BY}\n\n{INTRODUCTION}"]
    root = typer.main.get_command(app)
    parts += [f"## {name}\n\n```\n{_help(name, one)}\n```" for name, one in _walk("assay", root)]
    shown = table(("command", "what it does"), _of_the_operator())
    parts.append(f"## Commands of the operator\n\n{OPERATOR}\n\n{shown}")
    return "\n\n".join(parts) + "\n"


def helps() -> dict[str, str]:
    """Command -> its help, for whoever reads the words that people see."""
    root = typer.main.get_command(app)
    return {name: _help(name, one) for name, one in _walk("assay", root)}


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """A command and all below it, in order of name."""
    yield name, command
    if not hasattr(command, "list_commands"):
        return
    context = _context(name, command)
    for word in sorted(command.list_commands(context)):
        yield from _walk(f"{name} {word}", command.get_command(context, word))


def _help(name: str, command: Any) -> str:
    """The help text at a fixed width; a folder of this machine is no default to be shown."""
    for one in command.params:
        default = one.default
        if isinstance(default, Path) and default.is_absolute():
            one.show_default = "a folder of the platform"
    lines = command.get_help(_context(name, command)).splitlines()
    return "\n".join(line.rstrip() for line in lines).strip()


def _context(name: str, command: Any) -> Any:
    return command.context_class(
        command, info_name=name, terminal_width=WIDTH, max_content_width=WIDTH, color=False
    )


def _of_the_operator() -> list[tuple[str, str]]:
    """manage.py commands of our own rooms, with their help."""
    rooms = {one.name for one in apps.get_app_configs() if "." not in one.name}
    own = rooms & {"config", "workers", "web", "competitions", "licensing", "ledger"}
    return [
        (f"`manage.py {name}`", load_command_class(room, name).help)
        for name, room in sorted(get_commands().items())
        if room in own
    ]
