"""`assay submissions`: your entries and what became of them."""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay import messages
from assay.cli import openings, show
from assay.cli.caller import AsJson, caller_of, need_yes
from assay.cli.submit import need_files, upload
from assay.commitment import commitment_of
from assay.wire import Nano

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Your entries."
)
LISTED = ["id", "competition", "state", "score", "final", "title"]


@app.command("list", epilog="Example: assay submissions list")
def list_mine(context: typer.Context, *, as_json: AsJson = False) -> None:
    """Your entries, the newest first."""
    with caller_of(context).member() as client:
        rows = list(client.listed("/api/submissions"))
    show.put_rows(rows if as_json else [_row(one) for one in rows], LISTED, as_json=as_json)
    if not rows:
        told = "You have not entered anything. Next: assay competitions list"
        show.note(told, is_quiet=as_json)


@app.command("show", epilog="Example: assay submissions show ID")
def show_one(
    context: typer.Context,
    submission: Annotated[str, typer.Argument(metavar="ID", help="Id of the entry.")],
    *,
    as_json: AsJson = False,
) -> None:
    """One entry: state, place in the queue, score, or why it was stopped or refused."""
    with caller_of(context).client() as client:
        found: dict[str, Any] = client.get(f"/api/submissions/{submission}")
    show.put(found if as_json else _facts(found), as_json=as_json)


@app.command(epilog="Example: assay submissions resume ID")
def resume(
    context: typer.Context,
    submission: Annotated[str, typer.Argument(metavar="ID", help="Id of the entry.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Run an eliminated entry on the whole board slice, against a deposit.

    The deposit comes back at the end when the full score stands on a paid place then and there;
    otherwise it goes to the winners. Safe to run again.
    """
    caller = caller_of(context)
    with caller.member() as client:
        entry: dict[str, Any] = client.get(f"/api/submissions/{submission}")
        contest: dict[str, Any] = client.get(f"/api/competitions/{entry['competition']}")
        order = messages.SubmissionResume(submission, Nano(int(contest["deposit_nano"])))
        answer = client.order(order, caller.key(), idempotency=f"resume/{submission}")
    found: dict[str, Any] = answer["result"]
    show.put_answer(answer, found if as_json else _facts(found), as_json=as_json)


@app.command(epilog="Example: assay submissions deliver ID adapter")
def deliver(
    context: typer.Context,
    submission: Annotated[str, typer.Argument(metavar="ID", help="Id of the entry.")],
    adapter: Annotated[Path, typer.Argument(help="Folder with the very same files.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Hand the files of an entry in once more, when the site has lost them. Safe to run again."""
    caller = caller_of(context)
    competition, opening = openings.of_entry(caller, submission)
    with caller.member() as client:
        for path in need_files(adapter):
            upload(client, caller, path)
        openings.hand_in(
            client, competition, opening, commitment_of(caller.account(), competition, opening)
        )
        found: dict[str, Any] = client.get(f"/api/submissions/{submission}")
    show.put(found if as_json else _facts(found), as_json=as_json)


@app.command("open", epilog="Example: assay submissions open ID --yes")
def open_one(
    context: typer.Context,
    submission: Annotated[str, typer.Argument(metavar="ID", help="Id of the entry.")],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Tell everybody, in the log, what your commitment holds: after the close, for good.

    The site opens the entries that decide by itself. This is for when it does not, and it needs
    only what was kept on this machine.
    """
    caller = caller_of(context)
    _, opening = openings.of_entry(caller, submission)
    need_yes("Everybody will read the hashes of its files for ever.", is_given=yes)
    with caller.member() as client:
        order = messages.SubmissionOpen(submission, opening)
        answer = client.order(order, caller.key(), idempotency=f"open/{submission}")
    found: dict[str, Any] = answer["result"]
    show.put_answer(answer, found if as_json else _facts(found), as_json=as_json)


def _row(found: dict[str, Any]) -> dict[str, object]:
    return {**found, "final": show.score(found.get("final_score_e9"))}


def _facts(found: dict[str, Any]) -> dict[str, object]:
    facts = {name: value for name, value in found.items() if value not in (None, "", {})}
    for name in ("since_ms", "next_slot_at_ms"):
        if name in facts:
            facts[name.removesuffix("_ms")] = show.moment(facts.pop(name))
    if "eliminated" in facts:
        facts["eliminated"] = show.stop(facts["eliminated"])
    return facts
