"""`assay provenance`: record what a licensed model made, and look up who made something."""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay import items, provenance, records
from assay.canonical import read_canonical, sha256_file
from assay.cli import show
from assay.cli.caller import AsJson, caller_of
from assay.merkle import leaf_hash, root_of_inclusion

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Who made an output."
)
LISTED = ["told", "account", "title", "model", "licence", "batch"]
Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", exists=True, dir_okay=False, help="Outputs.")
]


@app.command(epilog="Example: assay provenance record answer.txt --work WORK --licence GRANT")
def record(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    files: Files,
    *,
    work: Annotated[str, typer.Option(help="Id of the work that made them.")],
    licence: Annotated[str, typer.Option(help="The licence that it is used under.")] = "",
    prompt: Annotated[
        Path | None, typer.Option(help="The prompt of all of them.", exists=True, dir_okay=False)
    ] = None,
    model: Annotated[str, typer.Option(help="What you call the model.")] = "",
    as_json: AsJson = False,
) -> None:
    """Record outputs by their hashes. The files stay here: only SHA-256 sums are sent."""
    caller = caller_of(context)
    client, key = caller.member(), caller.key()
    with provenance.Batch(client, key, work=work, licence=licence, model=model) as made:
        for file in files:
            made.record(file, prompt=prompt or "")
    for answer in made.sent:
        show.put_answer(answer, answer["result"], as_json=as_json)


@app.command(epilog="Example: assay provenance lookup answer.txt")
def lookup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The output.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Who recorded a file as an output, the first first. Its hash alone is sent.

    Each answer is checked here: the path of hashes, and the signature over its root. The receipt
    of a batch, which proves its place in the log, is at /log/receipt/BATCH.
    """
    wanted = sha256_file(file)
    with caller_of(context).client() as client:
        rows = list(client.listed("/api/v1/rail/lookup", hash=wanted))
        for one in rows:
            check(one, wanted, client.raw(str(one["order_url"])))
    told = rows if as_json else [{**one, "told": show.moment(one["at_ms"])} for one in rows]
    show.put_rows(told, LISTED, as_json=as_json)
    if not rows:
        show.note("Nobody has recorded it.", is_quiet=as_json)


def check(one: dict[str, Any], wanted: str, order: bytes) -> None:
    """That a record is of this output, and leads to the root that its maker signed.

    order   the signed bytes of the batch's order;  raises RecordInvalid, BadItem
    """
    line, signed = str(one["line"]).encode(), items.read_strict(order)
    body = read_canonical(signed.data)
    try:
        path = [bytes.fromhex(part) for part in one["path"]]
        place, size = int(one["place"]), int(str(body["size"]))
        root = root_of_inclusion(leaf_hash(line), place, size, path).hex()
    except (KeyError, ValueError) as error:
        raise _unproved() from error
    if (
        records.read_line(line).output != wanted
        or root != body["root"]
        or signed.id != one["batch"]
    ):
        raise _unproved()


def _unproved() -> records.RecordInvalid:
    reason = "the record is not proved"
    return records.RecordInvalid(f"The site's answer does not hold: {reason}.", reason=reason)
