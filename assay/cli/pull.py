"""`assay pull`: an adapter as the folder that peft loads, or a data set as its file."""

from pathlib import Path, PurePosixPath
from typing import Annotated, Any
from zipfile import BadZipFile, ZipFile

import typer

from assay.canonical import sha256_file
from assay.cli import show
from assay.cli.caller import AsJson, Caller, caller_of, file_in
from assay.client import Client, DownloadDamaged

app = typer.Typer(rich_markup_mode=None, add_completion=False)
SUMS = "SHA256SUMS"
KINDS = (".zip", ".jsonl", ".bin")


@app.command(epilog="Example: assay pull WORK --out model")
def pull(
    context: typer.Context,
    work: Annotated[str, typer.Argument(metavar="WORK", help="Id of the work.")],
    *,
    out: Annotated[
        Path | None, typer.Option(help="Folder to write to; default: the name that the site gives.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Get an adapter as the folder that peft loads, or a data set as its file.

    What a broken connection left is gone on with. Every file is checked against its SHA-256, and
    against SHA256SUMS. What is there and whole is not fetched again. A work with restricted access
    comes to who holds a licence for it, by a signature of the key on this machine.
    """
    caller = caller_of(context)
    with caller.client() as client:
        told = client.get(f"/api/works/{work}/download")
        folder = out or Path(_stem(str(told["name"])))
        is_whole = bool(told["files"]) and all(_is_here(folder, one) for one in told["files"])
        is_fresh = not is_whole and _fetch(client, caller, folder, told)
    files = [str(one["name"]) for one in told["files"]] or [str(told["name"])]
    answer = {"work": work, "folder": str(folder), "kind": told["kind"], "files": files}
    show.put({**answer, "fetched": is_fresh}, as_json=as_json)
    if told["files"]:
        show.note(f"Next: read {folder / 'README.md'}", is_quiet=as_json or caller.is_quiet)


def _stem(name: str) -> str:
    return next((name.removesuffix(kind) for kind in KINDS if name.endswith(kind)), name)


def _fetch(client: Client, caller: Caller, folder: Path, told: dict[str, Any]) -> bool:
    """Bring the file, and unpack it when it is a ZIP; False when it was there."""
    target = file_in(folder, str(told["name"]))
    if not told["files"] and target.is_file() and sha256_file(target) == told["sha256"]:
        return False
    url = str(told["url"])
    if told["is_gated"]:
        signed = client.delivery(str(told["work"]), caller.account(), caller.key())
        url = str(signed["url"])
    drawn = show.Progress(target.name, is_quiet=caller.is_quiet)
    is_fresh = client.download(str(told["sha256"]), target, path=url, told=drawn)
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
    _check_sums(folder, {str(one["name"]): str(one["sha256"]) for one in files})


def _check_sums(folder: Path, told: dict[str, str]) -> None:
    """SHA256SUMS names every other file, as it is. raises DownloadDamaged"""
    lines = file_in(folder, SUMS).read_text().splitlines() if SUMS in told else []
    named = {name: sha256 for sha256, _, name in (line.partition("  ") for line in lines)}
    for name, sha256 in told.items():
        if name != SUMS and named.get(name) != sha256:
            raise DownloadDamaged(f"{SUMS} names another file.", file=name)


def _is_here(folder: Path, one: dict[str, Any]) -> bool:
    path = file_in(folder, str(one["name"]))
    return path.is_file() and sha256_file(path) == one["sha256"]
