"""`assay competitions`: find one, look at it, get its files."""

import json
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import typer

from assay.cli import alike, show
from assay.cli.caller import AsJson, Caller, caller_of, file_in, suggest
from assay.client import Client, ClientError
from assay.money import show_tokens

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Find competitions."
)
Id = Annotated[str, typer.Argument(envvar="ASSAY_COMPETITION", help="Id of the competition.")]
LISTED = ["id", "state", "prize", "closes", "title"]
WIDTH = 79


@app.command("list", epilog="Example: assay competitions list")
def list_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Every competition, the newest first."""
    with caller_of(context).client() as client:
        rows = list(client.listed("/api/competitions"))
    show.put_rows(rows if as_json else [_row(one) for one in rows], LISTED, as_json=as_json)
    if not rows:
        told = "There is no competition yet. Anybody may sponsor one on the site, under Sponsor."
        show.note(told, is_quiet=as_json)


@app.command("show", epilog="Example: assay competitions show docstrings")
def show_one(context: typer.Context, competition: Id = "", *, as_json: AsJson = False) -> None:
    """What a competition asks, pays and requires."""
    caller = caller_of(context)
    with caller.client() as client:
        found = competition_named(client, caller.competition(competition))
    if as_json:
        show.put(found, as_json=True)
    else:
        show.put_text(f"{_page(found)}\n")


@app.command(epilog="Example: assay competitions download docstrings --out docstrings")
def download(
    context: typer.Context,
    competition: Id = "",
    *,
    out: Annotated[Path | None, typer.Option(help="Folder to write to; default: the id.")] = None,
    adapters: Annotated[
        bool, typer.Option("--adapters", help="Public adapters of the base too, for `assay check`.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Get a competition's files; each is checked against its SHA-256.

    What is there already and whole is not fetched again.
    """
    caller = caller_of(context)
    with caller.client() as client:
        found = competition_named(client, caller.competition(competition))
        folder = out or Path(str(found["id"]))
        fresh = [one["name"] for one in found["files"] if _fetch(client, caller, folder, one)]
        if adapters:
            public = alike.public_adapters(client, str(found["id"]))
            alike.fetch(client, public, folder / alike.FOLDER)
    target = folder / "competition.json"
    target.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    told = {"folder": str(folder), "files": len(found["files"]), "fetched": len(fresh)}
    show.put(told, as_json=as_json)
    show.note(f"Next: assay train {folder} --out adapter", is_quiet=as_json or caller.is_quiet)


def competition_named(client: Client, wanted: str) -> dict[str, Any]:
    """A competition's JSON. raises ClientError, with the closest id when there is none"""
    try:
        found: dict[str, Any] = client.get(f"/api/competitions/{wanted}")
    except ClientError as error:
        suggest(client, error, "/api/competitions", wanted)
    return found


def _fetch(client: Client, caller: Caller, folder: Path, file: dict[str, Any]) -> bool:
    target = file_in(folder, str(file["name"]))
    told = show.Progress(f"{file['name']:<16}", is_quiet=caller.is_quiet)
    is_fresh = client.download(str(file["sha256"]), target, told=told)
    told.close()
    return is_fresh


def _row(found: dict[str, Any]) -> dict[str, object]:
    prize = f"{show_tokens(int(found['prize_nano']))} tokens"
    closes = show.moment(found.get("closes_at_ms"))
    return {**found, "prize": prize, "closes": closes}


def _page(found: dict[str, Any]) -> str:
    """What a person needs to decide: what it is, what it pays, what it asks, and how to go on."""
    name, title = str(found["id"]), f"{found['title']}  ({found['state']})"
    summary = [fill(line, WIDTH) for line in str(found.get("summary", "")).splitlines()]
    facts = {**_terms(found), **_scoring(found)}
    width = max(map(len, facts))
    lines = [f"{word:<{width}}  {value}" for word, value in facts.items() if value]
    grants = [f"  {tag}: {value}" for tag, value in found.get("required_tags", [])]
    ways = [f"assay competitions download {name}", f"assay leaderboard {name}"]
    parts = [[title], summary, lines, ["Your licence must grant", *grants], ["Next", *ways]]
    if not grants:
        del parts[3]
    return "\n\n".join("\n".join(part) for part in parts if part)


def _terms(found: dict[str, Any]) -> dict[str, str]:
    """Money and time."""
    places = [show_tokens(int(one)) for one in found.get("places_nano", [])]
    runs = f"{found['quota']} in {show.duration(int(found['window_s']))}"
    return {
        "id": str(found["id"]),
        "sponsor": str(found["sponsor"]),
        "prize": f"{show_tokens(int(found['prize_nano']))} tokens",
        "places": ", ".join(places) + (" tokens, when each is won" if places else ""),
        "opens": show.moment(found.get("opens_at_ms")),
        "closes": show.moment(found.get("closes_at_ms")),
        "runs": f"{runs} for each miner",
        "entries": str(found.get("entries", "")),
    }


def _scoring(found: dict[str, Any]) -> dict[str, str]:
    """What is scored, on what, and what is to be beaten."""
    evaluator = found.get("evaluator", {})
    examples = "{public_examples} open, {board_examples} for the board, {final_examples} decide"
    return {
        "base": str(found["base"]),
        "metric": str(found["metric"]),
        "baseline": str(found.get("baseline", "")),
        "examples": examples.format(**evaluator),
        "race": "yes: an entry that cannot place is stopped" if evaluator.get("race") else "",
        "evaluator": str(found["manifest_sha256"]),
        "files": ", ".join(str(one["name"]) for one in found["files"]),
        "note": "; ".join(found.get("marks", [])),
    }
