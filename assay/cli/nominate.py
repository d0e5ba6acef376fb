"""`assay nominate`: which of your entries decide."""

from typing import Annotated, Any
from uuid import uuid4

import typer

from assay import messages
from assay.cli import show
from assay.cli.caller import AsJson, Competition, caller_of
from assay.cli.competitions import competition_named

app = typer.Typer(rich_markup_mode=None, add_completion=False)
COLUMNS = ["id", "state", "score", "title"]


@app.command(epilog="Example: assay nominate ID ID -c docstrings")
def nominate(
    context: typer.Context,
    submissions: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Entries of yours that decide.")
    ] = None,
    competition: Competition = "",
    *,
    by_rule: Annotated[
        bool, typer.Option("--by-rule", help="Take your word back: the rule chooses.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Name the entries that decide for you after the close, or see which would.

    Only they are scored on the sealed slice and opened. Until the close you may name others; the
    last word counts. Without a word the best of the board decides, and your newest other entry.
    """
    caller, names = caller_of(context), tuple(submissions or ())
    with caller.member() as client:
        wanted = str(competition_named(client, caller.competition(competition))["id"])
        if not names and not by_rule:
            found = client.get(f"/api/competitions/{wanted}/nomination")
            _put(found, found, as_json=as_json)
            return
        order = messages.SubmissionNominate(wanted, () if by_rule else names)
        answer = client.order(order, caller.key(), idempotency=f"nominate/{uuid4().hex}")
    _put(answer, answer["result"], as_json=as_json)


def _put(answer: dict[str, Any], found: dict[str, Any], *, as_json: bool) -> None:
    """The entries that would decide; after an order with its id and the address of its receipt."""
    if not as_json:
        show.put_rows(found["decide"], COLUMNS, as_json=False)
        chosen = "by the rule" if found["is_by_rule"] else "by you"
        found = {"competition": found["competition"], "chosen": chosen}
    if "receipt" in answer:
        show.put_answer(answer, found, as_json=as_json)
    else:
        show.put(found, as_json=as_json)
