"""`assay keys`: make, list and back up the keys that sign for you."""

from pathlib import Path
from typing import Annotated

import typer

from assay import keys
from assay.cli import show
from assay.cli.caller import AsJson, caller_of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="The keys that sign for you.",
)
Name = Annotated[str, typer.Argument(help="Name of the key on this machine.")]


@app.command(epilog="Example: assay keys new")
def new(context: typer.Context, name: Name = "default", *, as_json: AsJson = False) -> None:
    """Make an Ed25519 key. An existing one is never overwritten."""
    caller = caller_of(context)
    path = caller.home.key_path(name)
    keys.write_key(path, keys.new_key())
    show.note(
        "Back it up: `assay keys export`. Who has it signs for you.", is_quiet=caller.is_quiet
    )
    public = keys.public_hex(keys.read_key(path))
    show.put({"name": name, "public": public, "path": str(path)}, as_json=as_json)


@app.command("list", epilog="Example: assay keys list --json")
def list_keys(context: typer.Context, *, as_json: AsJson = False) -> None:
    """The keys on this machine, by their public part."""
    home = caller_of(context).home
    rows = [
        {"name": name, "public": keys.public_hex(keys.read_key(home.key_path(name)))}
        for name in home.key_names()
    ]
    show.put_rows(rows, ["name", "public"], as_json=as_json)
    if not rows:
        told = "There is no key on this machine. `assay auth login` makes one, or `assay keys new`."
        show.note(told, is_quiet=as_json)


@app.command(epilog="Example: assay keys export --out backup.key")
def export(
    context: typer.Context,
    name: Name = "default",
    *,
    out: Annotated[
        Path | None, typer.Option(help="Write it there, for you alone; else to stdout.")
    ] = None,
) -> None:
    """The private key as 64 hex digits. Keep it where nobody else reads it."""
    caller = caller_of(context)
    key = caller.key(name)
    if out is None:
        show.note("This is the private key.", is_quiet=caller.is_quiet)
        print(key.private_bytes_raw().hex())
        return
    keys.write_key(out, key)
    show.note(f"The key {name} is in {out}.", is_quiet=caller.is_quiet)
