"""`assay config`: settings of this machine."""

from typing import Annotated

import typer

from assay.cli import show
from assay.cli.caller import AsJson, caller_of
from assay.cli.home import DEFAULTS, SETTINGS

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Settings of this machine.",
)
Name = Annotated[str, typer.Argument(help="url, account or competition.")]


@app.command(epilog="Example: assay config view")
def view(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Every setting, what it means, and the file that holds them."""
    home = caller_of(context).home
    found = {**DEFAULTS, **home.settings()}
    rows = [
        {"setting": name, "value": found.get(name, ""), "meaning": meaning}
        for name, meaning in SETTINGS.items()
    ]
    show.put_rows(rows, ["setting", "value", "meaning"], as_json=as_json)
    show.note(f"in {home.settings_path}", is_quiet=as_json)


@app.command("set", epilog="Example: assay config set competition docstrings")
def set_one(
    context: typer.Context,
    name: Name,
    value: Annotated[str, typer.Argument(help="The new value.")],
) -> None:
    """Change one setting."""
    if name == "url" and not value.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{value!r} is no address: it begins with http:// or https://")
    caller_of(context).home.change(**{name: value})


@app.command(epilog="Example: assay config unset competition")
def unset(context: typer.Context, name: Name) -> None:
    """Take one setting away, so that its default counts."""
    caller_of(context).home.change(**{name: None})
