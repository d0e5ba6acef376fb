"""`assay leaderboard`: the board as the server ranks it; nothing is ranked or rounded here."""

import time
from typing import Annotated, Any

import typer

from assay.cli import show
from assay.cli.caller import AsJson, caller_of, suggest
from assay.client import Client, ClientError

COLUMNS = ("rank", "owner", "score", "low", "high", "final_score", "prize", "state", "title")
LOOK_EVERY_S = 2.0

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="Example: assay leaderboard docstrings --watch")
def leaderboard(
    context: typer.Context,
    competition: Annotated[
        str, typer.Argument(envvar="ASSAY_COMPETITION", help="Id of the competition.")
    ] = "",
    *,
    watch: Annotated[bool, typer.Option("--watch", help="Print it again when it changes.")] = False,
    as_json: AsJson = False,
) -> None:
    """The board of a competition."""
    caller = caller_of(context)
    wanted = caller.competition(competition)
    shown: list[dict[str, Any]] | None = None
    with caller.client() as client:
        while True:
            rows = _rows(client, wanted)
            if rows != shown:
                _print(rows, as_json=as_json)
                shown = rows
            if not watch:
                return
            time.sleep(LOOK_EVERY_S)


def _rows(client: Client, wanted: str) -> list[dict[str, Any]]:
    try:
        return list(client.listed(f"/api/competitions/{wanted}/leaderboard"))
    except ClientError as error:
        suggest(client, error, "/api/competitions", wanted)


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if not rows:
        told = "Nobody is on the board yet. Next: assay competitions show"
        show.note(told, is_quiet=as_json)
    columns = [name for name in COLUMNS if any(name in row for row in rows)]
    show.put_rows(rows, columns, as_json=as_json)
