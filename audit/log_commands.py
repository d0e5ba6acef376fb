"""`assay log export` and `assay log import`."""

from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from assay.cli import show
from assay.cli.caller import AsJson, caller_of
from audit.copying import Copying
from audit.mirror import mirror_at

Key = Annotated[str, typer.Option(help="The log's verifier key, when you know it.")]


def export_log(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="URL|FOLDER", help="The site, or a copy of it.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to; run again, it is brought up.")],
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Copy a log and its tables into a folder that any web server can serve as it is.

    Run it again: only what is new is fetched. What does not extend the copy is refused. Audit the
    folder, or the server in front of it: `assay audit FOLDER`.
    """
    _copy(context, place, out, key, as_json=as_json)


def import_log(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="A folder that `assay log export` wrote.")],
    target: Annotated[Path, typer.Argument(help="The mirror's folder.")],
    *,
    key: Key = "",
    as_json: AsJson = False,
) -> None:
    """Take an exported folder into a mirror, once it is shown that it extends what is there."""
    _copy(context, str(source), target, key, as_json=as_json)


def _copy(context: typer.Context, place: str, folder: Path, key: str, *, as_json: bool) -> None:
    is_quiet = as_json or caller_of(context).is_quiet
    with closing(show.Progress("entries", is_quiet=is_quiet)) as bar:
        done = Copying(mirror_at(place), folder, key, bar).run()
    show.put({**asdict(done), "folder": str(folder)}, as_json=as_json)
