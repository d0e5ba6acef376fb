"""`assay models`: find a model by what it does, look at it, get its files."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from zipfile import BadZipFile, ZipFile

import typer

from assay.canonical import sha256_file
from assay.cli import show
from assay.cli.caller import AsJson, Caller, caller_of, file_in
from assay.client import Client, DownloadDamaged
from assay.money import show_tokens

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Models and data."
)
Id = Annotated[str, typer.Argument(metavar="WORK", help="Id of the work: 64 hex digits.")]
LISTED = ["id", "title", "base", "metric", "score", "price", "owner"]
SHOWN = ("id", "title", "kind", "owner", "competition", "base", "task", "metric", "score")


@app.command("list", epilog="Example: assay models list --metric accuracy --min-score 0.8")
def list_all(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    *,
    text: Annotated[str, typer.Option(help="In the title, owner, base or id.")] = "",
    kind: Annotated[str, typer.Option(help="adapter, base or data.")] = "",
    base: Annotated[str, typer.Option(help="Name of the base model.")] = "",
    task: Annotated[str, typer.Option(help="classification, generation, ...")] = "",
    metric: Annotated[str, typer.Option(help="accuracy, bleu, ...")] = "",
    use: Annotated[str, typer.Option(help="That the terms give: commercial, derive, ...")] = "",
    min_score: Annotated[str, typer.Option(help="Least final score, such as 0.85.")] = "",
    max_score: Annotated[str, typer.Option(help="Most final score: where lower is better.")] = "",
    as_json: AsJson = False,
) -> None:
    """The works whose licences are sold, the newest first."""
    asked = {"q": text, "kind": kind, "base": base, "task": task, "metric": metric, "use": use}
    asked |= {"min_score": min_score, "max_score": max_score}
    given: dict[str, str | int] = {name: value for name, value in asked.items() if value}
    with caller_of(context).client() as client:
        rows = list(client.listed("/api/works", **given))
    show.put_rows(rows if as_json else [_row(one) for one in rows], LISTED, as_json=as_json)
    if not rows:
        found = "Nothing like that is on offer." if given else "No works are on offer yet."
        show.note(found, is_quiet=as_json)


@app.command("show", epilog="Example: assay models show WORK")
def show_one(context: typer.Context, work: Id, *, as_json: AsJson = False) -> None:
    """What a work does, how good it is, what its terms allow, and what it was made from."""
    with caller_of(context).client() as client:
        found = client.get(f"/api/works/{work}")
    show.put(found if as_json else _facts(found), as_json=as_json)


@app.command(epilog="Example: assay models download WORK --out model")
def download(
    context: typer.Context,
    work: Id,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: the name that the site gives.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Get an adapter as the folder that peft loads, or a data set as its file.

    Every file is checked against its SHA-256. What is there and whole is not fetched again.
    """
    caller = caller_of(context)
    with caller.client() as client:
        told = client.get(f"/api/works/{work}/download")
        folder = out or Path(str(told["name"]).removesuffix(".zip").removesuffix(".jsonl"))
        is_whole = bool(told["files"]) and all(_is_here(folder, one) for one in told["files"])
        is_fresh = not is_whole and _fetch(client, caller, folder, told)
    files = [str(one["name"]) for one in told["files"]] or [str(told["name"])]
    answer = {"work": work, "folder": str(folder), "kind": told["kind"], "files": files}
    show.put({**answer, "fetched": is_fresh}, as_json=as_json)
    if told["files"]:
        show.note(f"Next: read {folder / 'README.md'}", is_quiet=as_json or caller.is_quiet)


def _fetch(client: Client, caller: Caller, folder: Path, told: dict[str, Any]) -> bool:
    """Bring the file, and unpack it when it is a ZIP; False when it was there."""
    target = file_in(folder, str(told["name"]))
    drawn = show.Progress(target.name, is_quiet=caller.is_quiet)
    is_fresh = client.download(str(told["sha256"]), target, path=str(told["url"]), told=drawn)
    drawn.close()
    if told["files"]:
        _unpack(target, folder, told["files"])
        target.unlink()
        return True
    return is_fresh


def _unpack(file: Path, folder: Path, files: list[dict[str, Any]]) -> None:
    """Write exactly the files that were named, each checked. raises DownloadDamaged"""
    try:
        with ZipFile(file) as packed:
            inside = {PurePosixPath(one.filename).name: one for one in packed.infolist()}
            for one in files:
                name = str(one["name"])
                file_in(folder, name).write_bytes(packed.read(inside[name]))
    except (BadZipFile, KeyError) as error:
        raise DownloadDamaged("The folder is not what the site told of.", file=file.name) from error
    for one in files:
        if not _is_here(folder, one):
            raise DownloadDamaged("A file is not what the site told of.", file=str(one["name"]))


def _is_here(folder: Path, one: dict[str, Any]) -> bool:
    path = file_in(folder, str(one["name"]))
    return path.is_file() and sha256_file(path) == one["sha256"]


def _row(found: dict[str, Any]) -> dict[str, object]:
    return {**found, "price": _price(found)}


def _price(found: dict[str, Any]) -> str:
    if not found["price_nano"]:
        return "not for business"
    nano = int(found["price_nano"])
    return f"{show_tokens(nano)} tokens" if nano else "free"


def _facts(found: dict[str, Any]) -> dict[str, object]:
    facts: dict[str, object] = {name: found[name] for name in SHOWN if found[name]}
    if found["score_low"]:
        facts["95 % interval"] = f"{found['score_low']} to {found['score_high']}"
    if found["baseline"]:
        facts["the base alone"] = found["baseline"]
    facts["commercial use"] = _price(found)
    facts["terms"] = " ".join(one["sentence"] for one in found["uses"])
    facts["made from"] = ", ".join(one["title"] for one in found["parents"]) or "nothing"
    return facts
