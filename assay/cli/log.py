"""`assay log`: receipts. `export` and `import` come from the room of the audit."""

import time
from pathlib import Path
from typing import Annotated

import typer

from assay import merkle, notes
from assay.cli import show
from assay.cli.caller import AsJson, caller_of
from assay.client import Client, ClientError
from assay.errors import AssayError
from assay.items import Item

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="The log's proofs."
)
WAIT_S, PAUSE_S = 30.0, 0.5
PROOF, ITEM = ".tlog-proof", ".item"


class EntryMissing(AssayError):
    """There is no file of the entry that a receipt is about. Facts: path."""

    code, status = "usage.entry_missing", 422
    next_step = "Name it: --entry FILE. `assay log receipt ID` writes both files."


@app.command(epilog="Example: assay log receipt ID --out receipts")
def receipt(
    context: typer.Context,
    item: Annotated[str, typer.Argument(metavar="ID", help="Id of a message.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder to write to.")] = Path(),
    as_json: AsJson = False,
) -> None:
    """Get a message and the proof that it is in the log; waits until a checkpoint covers it."""
    with caller_of(context).client() as client:
        raw, proof = client.raw(f"/log/entry/{item}"), receipt_of(client, item)
    out.mkdir(parents=True, exist_ok=True)
    # A name that begins with a dash would be taken for an option.
    name = f"message{item}" if item.startswith("-") else item
    (out / f"{name}{ITEM}").write_bytes(raw)
    (out / f"{name}{PROOF}").write_text(proof, encoding="utf-8")
    told = {"entry": str(out / f"{name}{ITEM}"), "receipt": str(out / f"{name}{PROOF}")}
    show.put({"id": item, **told, "bytes": len(proof.encode())}, as_json=as_json)


@app.command(epilog="Example: assay log verify ID.tlog-proof --key LOG_KEY")
def verify(
    path: Annotated[Path, typer.Argument(metavar="RECEIPT", help="A .tlog-proof file.")],
    *,
    key: Annotated[str, typer.Option(help="The log's verifier key: log_key in /api/log.")],
    entry: Annotated[
        Path | None, typer.Option(help="The message's bytes; default: ID.item beside the receipt.")
    ] = None,
    witness: Annotated[
        list[str] | None, typer.Option(help="Verifier key of a witness that must have cosigned.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check offline that a message is in the log, under a checkpoint that its key signed.

    Ends with 0 when it is, with 6 when it is not proven.
    """
    item = entry or path.with_suffix(ITEM)
    if not item.is_file():
        raise EntryMissing(f"There is no file {item}.", path=str(item))
    raw, text = item.read_bytes(), path.read_text(encoding="utf-8")
    index = notes.check_proof(text, key, merkle.leaf_hash(raw), witnesses=witness or [])
    checkpoint = notes.read_checkpoint(notes.note_in_proof(text), key)
    message = Item.decode(raw)
    told = {"index": index, "id": message.id, "kind": message.tag("Kind") or ""}
    told |= {"origin": checkpoint.origin, "size": checkpoint.size, "root": checkpoint.root.hex()}
    show.put({**told, "witnesses": len(witness or [])}, as_json=as_json)


def receipt_of(client: Client, item: str) -> str:
    """The receipt, as soon as there is one. raises ClientError"""
    until_s = time.monotonic() + WAIT_S
    while True:
        try:
            return client.text(f"/log/receipt/{item}")
        except ClientError as error:
            if error.code != "log.receipt_not_yet" or time.monotonic() > until_s:
                raise
        time.sleep(PAUSE_S)
