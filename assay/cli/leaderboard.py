"""`assay leaderboard`: the board of a competition, also one that is still moving."""

import time
from typing import Annotated, Any

import typer

from assay.cli import show
from assay.cli.caller import AsJson, caller_of, suggest
from assay.client import Client, ClientError

COLUMNS = ("rank", "owner", "score", "low", "high", "final_score", "prize", "state", "title")
LOOK_EVERY_S = 2.0
WATCHED = 100  # places of a board that moves

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="Example: assay leaderboard docstrings --watch")
def leaderboard(
    context: typer.Context,
    competition: Annotated[
        str, typer.Argument(envvar="ASSAY_COMPETITION", help="Id of the competition.")
    ] = "",
    *,
    watch: Annotated[
        bool, typer.Option("--watch", help="The first 100 places, again when they change.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """The board of a competition."""
    caller = caller_of(context)
    wanted = caller.competition(competition)
    with caller.client() as client:
        try:
            if watch:
                _watch(client, wanted, as_json=as_json)
            _print(list(client.listed(_path(wanted))), as_json=as_json)
        except ClientError as error:
            suggest(client, error, "/api/competitions", wanted)


def _watch(client: Client, wanted: str, *, as_json: bool) -> None:
    """Ask for one place, which tells the board's version, and for more when that is another."""
    version, shown = "", dict[str, Any]()
    while True:
        now = client.get(_path(wanted), limit=1)["version"]
        page = client.get(_path(wanted), limit=WATCHED) if now != version else shown
        if page["items"] != shown.get("items"):
            _print(page["items"], as_json=as_json)
            if page["next"]:
                show.note(f"All places: assay leaderboard {wanted}", is_quiet=as_json)
        version, shown = now, page
        time.sleep(LOOK_EVERY_S)


def _path(wanted: str) -> str:
    return f"/api/competitions/{wanted}/leaderboard"


def _print(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    if not rows:
        told = "Nobody is on the board yet. Next: assay competitions show"
        show.note(told, is_quiet=as_json)
    columns = [name for name in COLUMNS if any(name in row for row in rows)]
    show.put_rows(rows, columns, as_json=as_json)
