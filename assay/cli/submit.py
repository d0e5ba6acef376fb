"""`assay submit`: check, upload, sign, wait, receipt."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from assay import messages
from assay.bounds import fitting
from assay.cli import alike, openings, show
from assay.cli.caller import AsJson, Caller, Competition, caller_of
from assay.cli.competitions import competition_named
from assay.cli.scale import CheckFailed, refusal_in
from assay.client import Client, ClientError
from assay.errors import AssayError
from assay.linked import followed
from assay.messages.submissions import TITLE

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
LIBRARY_MISSING = "scale.library_missing"  # a tokenizer, or torch: only some competitions need them
CHECKED_WITH = {
    "--task": "manifest.json",
    "--inputs": "public.inputs",
    "--labels": "public.labels",
}
ENDED = {
    "scored": 0, "eliminated": 0, "revealed": 0, "final_scored": 0, "refused": 5,
}  # fmt: skip
LOOK_EVERY_S = 1.0
RECEIPT = (
    "submission", "competition", "title", "state", "queue", "score", "answer", "eliminated",
    "refused", "local_score", "ignored", "remaining", "next_slot", "receipt",
)  # fmt: skip


class AdapterFileMissing(AssayError):
    """The folder is no adapter that peft saved. Facts: path."""

    code, status = "cli.adapter_file_missing", 422
    next_step = "Name the folder that `assay train --out` or peft's save_pretrained wrote."


class TermInvalid(AssayError):
    """A licence tag is not written as TAG=VALUE. Facts: given."""

    code, status = "cli.term_invalid", 422
    next_step = "Write --licence TAG=VALUE, once per tag, or put them into a file for --terms."


app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="Example: assay submit adapter -c docstrings --wait")
def submit(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    adapter: Annotated[Path, typer.Argument(help="Folder that peft saved.")],
    competition: Competition = "",
    *,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it is scored.")] = False,
    title: Annotated[str, typer.Option(help="What readers see; default: the folder's name.")] = "",
    licence: Annotated[
        list[str] | None, typer.Option(help="TAG=VALUE of your terms; default: what is required.")
    ] = None,
    terms: Annotated[Path | None, typer.Option(help="JSON file: a list of [tag, value].")] = None,
    parents: Annotated[list[str] | None, typer.Option(help="Id of a work it comes from.")] = None,
    check: Annotated[bool, typer.Option(help="Check the files before the upload.")] = True,
    as_json: AsJson = False,
) -> None:
    """Enter the LoRA adapter in folder ADAPTER.

    The log gets a commitment alone; what opens it is kept on this machine and told to the site.
    Safe to run again: the same bytes are the same submission. Ends with 0 scored or eliminated,
    5 refused, 1 failed.
    """
    caller = caller_of(context)
    config, tensors = need_files(adapter)
    local_score = ""
    with caller.member() as client:
        found = competition_named(client, caller.competition(competition))
        if check:
            told = _check(client, caller, adapter, found)
            local_score = str(told.get("score", ""))
            _note_ignored(caller, told.get("ignored", ()))
            alike.note_alike(caller, told.get("alike", ()), told["public"], parents or ())
        tags = _tags(licence or [], terms) or found["required_tags"]
        said = (
            title or fitting(adapter.resolve().name, TITLE),
            tuple((str(name), str(value)) for name, value in tags),
            tuple(parents or ()),
        )
        commitment, opening = openings.drawn(caller, str(found["id"]), (config, tensors), said)
        for path in (config, tensors):
            upload(client, caller, path)
        openings.hand_in(client, str(found["id"]), opening, commitment)
        order = messages.SubmissionCommit(str(found["id"]), commitment, *said)
        entry = _commit(client, caller, order)
        state = _wait(client, caller, entry) if wait else client.get(f"/api/submissions/{entry}")
    _print_receipt(state, local_score, as_json=as_json)
    code = ENDED.get(str(state["state"]), 0)
    if code:
        raise typer.Exit(code)


def need_files(adapter: Path) -> tuple[Path, Path]:
    """Where the bytes of config and tensors are; links as in a hub's cache are followed.

    raises AdapterFileMissing
    """
    config, tensors = (_real_file(adapter / name) for name in (CONFIG, TENSORS))
    return config, tensors


def _real_file(path: Path) -> Path:
    if not path.is_file():
        raise AdapterFileMissing(f"{path.parent} has no {path.name}.", path=str(path))
    real = followed(path)
    if real is None:
        raise AdapterFileMissing(
            f"{path} is a link that leads out of its folder.",
            next_step="Copy the real file into the folder.",
            path=str(path),
        )
    return real


def _note_ignored(caller: Caller, names: Sequence[str]) -> None:
    if names:
        show.note(
            f"Ignored, as it changes no number: {', '.join(names)}.", is_quiet=caller.is_quiet
        )


def _check(client: Client, caller: Caller, adapter: Path, found: dict[str, Any]) -> dict[str, Any]:
    """What the server's own code says, with the score on the public slice.

    public   the adapters that it was compared with; empty when a library is missing here
    raises   CheckFailed
    """
    hashes = {one["name"]: str(one["sha256"]) for one in found["files"]}
    command = [sys.executable, "-m", "evaluator", "check", str(adapter), "--json"]
    for option, name in CHECKED_WITH.items():
        path = caller.home.cache_path(hashes[name])
        client.download(hashes[name], path)
        command += [option, str(path)]
    mine = caller.home.settings().get("account", "")
    public = alike.public_adapters(client, str(found["id"]), owner=mine)
    files = alike.fetch(client, public, caller.home.folder / "cache" / alike.FOLDER)
    command += ["--against", *map(str, files)] if files else []
    progress = show.Progress("check", is_quiet=caller.is_quiet)
    progress.say("running")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    progress.say("done")
    progress.close()
    hint = "(--no-check sends it all the same.)"
    try:
        refusal_in(done.stdout, done.returncode, hint=hint, noise=done.stderr)
    except CheckFailed as error:
        if error.code != LIBRARY_MISSING:
            raise
        show.note(f"Not checked before the upload. {error} {error.next_step}")
        return {"public": []}
    told: dict[str, Any] = json.loads(done.stdout)
    return {**told, "public": public}


def _tags(given: Sequence[str], terms: Path | None) -> list[tuple[str, str]]:
    """raises TermInvalid"""
    if terms is not None:
        found = json.loads(terms.read_text())
        return [(str(name), str(value)) for name, value in found]
    pairs = [one.partition("=") for one in given]
    if wrong := [name for name, equals, _ in pairs if not equals]:
        raise TermInvalid(f"{wrong[0]!r} has no value.", given=wrong[0])
    return [(name, value) for name, _, value in pairs]


def upload(client: Client, caller: Caller, path: Path) -> None:
    """Send a file, and show how much of it is there."""
    progress = show.Progress(f"upload {path.name}", is_quiet=caller.is_quiet)
    client.upload(path, told=progress)
    progress.close()


def _commit(client: Client, caller: Caller, order: messages.SubmissionCommit) -> str:
    """Sign and send; the same files, terms and title in the same competition are one order."""
    key = caller.key()
    try:
        answer = client.order(order, key, idempotency=order.commitment)
    except ClientError as error:
        if error.code != "submission.exists":
            raise
        show.note("These files were entered before; their terms and title stay.")
        return str(error.facts["submission"])
    show.note(f"Submission {answer['id']} is committed.", is_quiet=caller.is_quiet)
    openings.note_entry(caller, order.commitment, str(answer["id"]))
    return str(answer["id"])


def _wait(client: Client, caller: Caller, entry: str) -> dict[str, Any]:
    """Look again until the entry has its public result."""
    progress = show.Progress("waiting", is_quiet=caller.is_quiet)
    while True:
        state: dict[str, Any] = client.get(f"/api/submissions/{entry}")
        if state["state"] in ENDED:
            progress.say(str(state["state"]))
            progress.close()
            return state
        place = state.get("place_in_queue")
        progress.say(_queued(state) if place else state["state"])
        time.sleep(LOOK_EVERY_S)


def _queued(state: dict[str, Any]) -> str:
    """Where an entry waits, and for how long about."""
    wait_s = state.get("expected_wait_s", 0)
    return f"{state['state']}, place {state['place_in_queue']} in the queue, about {wait_s} s"


def _print_receipt(state: dict[str, Any], local_score: str, *, as_json: bool) -> None:
    if as_json:
        show.put({**state, "receipt": state["receipt_url"]}, as_json=True)
        return
    refused = state.get("refused") or {}
    lines = {
        "submission": state["id"],
        "competition": state.get("competition"),
        "title": state.get("title"),
        "state": state["state"],
        "queue": _queued(state) if state.get("place_in_queue") else None,
        "score": state.get("score"),
        "answer": state.get("answer"),
        "eliminated": show.stop(state.get("eliminated")),
        "local_score": local_score,
        "refused": " ".join(
            str(refused[name]) for name in ("code", "cause", "next") if name in refused
        ),
        "ignored": ", ".join(state.get("ignored", ())),
        "remaining": state.get("remaining"),
        "next_slot": show.moment(state.get("next_slot_at_ms")),
        "receipt": state.get("receipt_url"),
    }
    show.put(
        {name: lines[name] for name in RECEIPT if lines[name] not in (None, "", "-")}, as_json=False
    )
