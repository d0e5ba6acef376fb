"""`assay terms`: what the terms of a work say. Other commands come from the room of licences."""

from typing import Annotated

import typer

from assay.cli import show
from assay.cli.caller import AsJson, caller_of

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Licence terms."
)


@app.callback()
def group() -> None:
    """Licence terms: of a work, of a file, of your own."""


@app.command("show", epilog="Example: assay terms show WORK")
def show_one(
    context: typer.Context,
    work: Annotated[str, typer.Argument(metavar="WORK", help="Id of the work.")],
    *,
    as_json: AsJson = False,
) -> None:
    """The terms of a work that hold now: in sentences, and the tags as they were given."""
    with caller_of(context).client() as client:
        found = client.get(f"/api/works/{work}")
    told = {name: found[name] for name in ("id", "title", "owner", "terms_version", "state")}
    if as_json:
        show.put({**told, "tags": found["tags"], "uses": found["uses"]}, as_json=True)
        return
    show.put(told, as_json=False)
    show.put_text("\n" + "".join(f"{one['sentence']}\n" for one in found["uses"]) + "\n")
    show.put_rows([{"tag": name, "value": value} for name, value in found["tags"]],
                  ["tag", "value"], as_json=False)  # fmt: skip
