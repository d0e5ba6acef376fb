"""`assay`: finds its commands by name and loads only the one that is asked for.

Commands of this room stand in COMMANDS. Rooms above, which this one may not import, offer theirs as
entry points of the group `assay.commands`; a name with a dot (`licence.verify`) goes into a group.
"""

import importlib
import re
import sys
from collections.abc import Sequence
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points, version
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from assay.cli import show
from assay.errors import AssayError, did_you_mean

GROUP = "assay.commands"
_HYPHEN_FIRST = re.compile(r"-[A-Za-z0-9_-]{42}")  # ids are 43 characters of base64url
COMMANDS = MappingProxyType(
    {
        "auth": ("assay.cli.auth:app", "Sign in and out; who is signed in."),
        "competitions": ("assay.cli.competitions:app", "Find competitions and get their files."),
        "submit": ("assay.cli.submit:app", "Enter an adapter into a competition."),
        "submissions": ("assay.cli.submissions:app", "Your entries and their scores."),
        "nominate": ("assay.cli.nominate:app", "Say which of your entries decide."),
        "rerun": ("assay.cli.rerun:app", "Compute a score again, and compare its bits."),
        "leaderboard": ("assay.cli.leaderboard:app", "The board of a competition."),
        "models": ("assay.cli.models:app", "Find models by what they do."),
        "pull": ("assay.cli.pull:app", "Get a model as a folder, or a data set as its file."),
        "terms": ("assay.cli.terms:app", "Licence terms: of a work, of a file, of your own."),
        "licence": ("assay.cli.licence:app", "Look at licences and buy them."),
        "provenance": ("assay.cli.provenance:app", "Record what a model made, and look it up."),
        "ledger": ("assay.cli.ledger:app", "Balance, statement, and royalties to draw."),
        "account": ("assay.cli.account:app", "Close your account."),
        "keys": ("assay.cli.keys:app", "The keys that sign for you: make, replace, revoke."),
        "log": ("assay.cli.log:app", "Receipts, and copies of a whole log."),
        "witness": ("assay.cli.witness:witness", "Cosign the checkpoints of logs."),
        "config": ("assay.cli.config:app", "Settings of this machine."),
    }
)
ELSEWHERE = MappingProxyType(
    {
        "base": "Register base models on this machine, or list them.",
        "train": "Train a LoRA adapter for a competition.",
        "check": "Check an adapter as the server does, on the public slice.",
        "audit": "Verify a site's log, signatures and balances from outside.",
        "explain": "The messages that led to a balance, a score or a transfer.",
    }
)
INTEGRITY = frozenset({
    "client.download_damaged", "ledger.blob_damaged", "log.damaged", "log.note_invalid",
    "log.key_not_announced", "terms.differ",
})  # fmt: skip
FAILURE, USAGE, NETWORK, SIGN_IN, REFUSED, DAMAGED = 1, 2, 3, 4, 5, 6
INTERRUPTED = 130


def exit_code(error: AssayError) -> int:
    """1 failure, 2 usage, 3 network, 4 sign-in, 5 refused by rule, 6 integrity."""
    is_damage = error.code in INTEGRITY or error.code.startswith(("audit.", "grant."))
    rules = (
        (is_damage and error.code != "grant.expired", DAMAGED),
        (error.status in (502, 503, 504), NETWORK),
        (error.code.startswith("auth."), SIGN_IN),
        (error.code.startswith(("usage.", "cli.", "money.")), USAGE),
        (400 <= error.status < 500, REFUSED),
    )
    return next((code for fits, code in rules if fits), FAILURE)


def _ids_last(words: list[str]) -> list[str]:
    """The same words, with ids that begin with a hyphen behind `--`: no id is read as an option."""
    ids = [one for one in words if _HYPHEN_FIRST.fullmatch(one)]
    if not ids or "--" in words:
        return words
    return [*(one for one in words if one not in ids), "--", *ids]


class House(TyperGroup):
    """All commands by name, loaded when used; errors become a few lines and an exit code."""

    def list_commands(self, _context: Any) -> list[str]:
        return sorted({*COMMANDS, *(name for name in _offered() if "." not in name)})

    def get_command(self, _context: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS:
            module, _, name = COMMANDS[cmd_name][0].partition(":")
            command = _command(getattr(importlib.import_module(module), name))
            _add_offered(command, cmd_name)
            return command
        offered = _offered().get(cmd_name)
        return _command(offered.load()) if offered else None

    def resolve_command(self, context: Any, args: list[str]) -> Any:
        """raises a usage error that names the closest command"""
        known = self.list_commands(context)
        if args and args[0] not in known and not args[0].startswith("-"):
            hint = did_you_mean(args[0], known)
            context.fail(f"No such command {args[0]!r}. {hint}".strip())
        return super().resolve_command(context, args)

    def format_commands(self, context: Any, formatter: Any) -> None:
        """The list of commands, from their sentences here, so that help loads none of them."""
        names = self.list_commands(context)
        with formatter.section("Commands"):
            formatter.write_dl([(name, _sentence(name)) for name in names])

    def main(  # type: ignore[override]  # the rest goes through
        self, args: Sequence[str] | None = None, **extra: Any
    ) -> Any:
        """Run; ends the process with the exit code of what happened."""
        words = _ids_last(list(sys.argv[1:] if args is None else args))
        extra["standalone_mode"] = False
        try:
            code = super().main(words, **extra)
        except AssayError as error:
            _say(error.as_dict(), words)
            code = exit_code(error)
        except typer.Abort:
            _say({"code": "cli.stopped", "message": "Stopped.", "next": "", "facts": {}}, words)
            code = FAILURE
        except TyperException as error:
            code = _usage(error, words)
        if code == INTERRUPTED:
            print(
                "Stopped. Run the same command again to go on; nothing is done twice.",
                file=sys.stderr,
            )
        sys.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    cls=House,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: assay auth login --url https://assay.example --account ada",
)


def _show_version(*, is_asked: bool) -> None:
    if is_asked:
        try:
            print(f"assay {version('assay')}")
        except PackageNotFoundError:
            print("assay, not installed")
        raise typer.Exit


@app.callback()
def begin(  # noqa: PLR0913, PLR0917 - each option is an argument
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="ASSAY_URL", help="Address of the site.")] = "",
    token: Annotated[
        str, typer.Option(envvar="ASSAY_TOKEN", help="Speak with this token.", show_envvar=True)
    ] = "",
    home: Annotated[
        Path | None,
        typer.Option(envvar="ASSAY_HOME", help="Folder of settings, keys and token."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say only results.")] = False,
    is_version: Annotated[  # noqa: ARG001 - its callback acts
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            help="Show the version.",
            callback=lambda value: _show_version(is_asked=value),
        ),
    ] = False,
) -> None:
    """Competitions for model adapters: measured in a sandbox, paid from escrow, proven by a log."""
    context.obj = (home, url, token, quiet)  # a Caller is made of it by who needs one


def main() -> None:
    """The program `assay`."""
    app()


def _offered() -> dict[str, EntryPoint]:
    """The commands of the rooms above, by name."""
    return {point.name: point for point in entry_points(group=GROUP)}


def _add_offered(command: Any, group: str) -> None:
    for name, point in _offered().items():
        if name.startswith(f"{group}."):
            command.add_command(_command(point.load()), name.removeprefix(f"{group}."))


def _command(found: Any) -> Any:
    """The command of a typer app, or of a plain function."""
    if isinstance(found, typer.Typer):
        return typer.main.get_command(found)
    single = typer.Typer(rich_markup_mode=None, add_completion=False)
    single.command()(found)
    return typer.main.get_command(single)


def _sentence(name: str) -> str:
    if name in COMMANDS:
        return COMMANDS[name][1]
    return ELSEWHERE.get(name, f"See `assay {name} --help`.")


def _usage(error: Any, words: Sequence[str]) -> int:
    """A wrong command line: click's own words, or JSON."""
    if "--json" in words:
        message = error.format_message()
        told = {"code": "usage.wrong", "message": message, "next": "Add --help.", "facts": {}}
        _say(told, words)
    else:
        error.show()
    return int(error.exit_code)


def _say(problem: dict[str, object], words: Sequence[str]) -> None:
    if "--json" in words:
        show.note(show.json_of(problem))
        return
    show.note(f"Error: {problem['message']}")
    if problem["next"]:
        show.note(str(problem["next"]))
    show.note(f"({problem['code']})")
