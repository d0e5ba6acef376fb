"""`assay rerun`: compute a score again from what the site made public, and compare its bits."""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay.canonical import canonical
from assay.cli import show
from assay.cli.caller import AsJson, caller_of
from assay.cli.scale import run_scale
from assay.client import Client

FILES = {  # field of the receipt -> the file beside it, as the scale looks for it
    "manifest_sha256": "manifest.json",
    "inputs_sha256": "inputs.blob",
    "adapter_sha256": "adapter.blob",
}
RECEIPT = "receipt.json"

app = typer.Typer(rich_markup_mode=None, add_completion=False)


@app.command(epilog="Example: assay rerun ID --batch 3")
def rerun(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    submission: Annotated[str, typer.Argument(metavar="ID", help="Id of the entry.")],
    *,
    batch: Annotated[int, typer.Option(min=-1, help="One batch alone, from 0; -1: all.")] = -1,
    slice_name: Annotated[
        str, typer.Option("--slice", help="Which score: final, or public.")
    ] = "final",
    out: Annotated[Path | None, typer.Option(help="Folder for what is downloaded.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compute the score of an entry again, and compare the bits of its answers.

    Ends with 0 when all are the same, with 6 when some differ, with 5 when something is refused.
    """
    caller = caller_of(context)
    folder = out or Path(f"rerun-{submission[:12]}-{slice_name}")
    with caller.client() as client:
        receipt = client.get(f"/api/submissions/{submission}/receipts/{slice_name}")
        _download(client, receipt, folder)
    show.note(f"Everything is in {folder}; computing.", is_quiet=as_json or caller.is_quiet)
    chosen = ["--batch", str(batch)] if batch >= 0 else []
    run_scale("rerun", [str(folder / RECEIPT), *chosen], is_json=as_json)


def _download(client: Client, receipt: dict[str, Any], folder: Path) -> None:
    """The receipt and every file that it names, each checked against its hash."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECEIPT).write_bytes(canonical(receipt))
    for field, name in FILES.items():
        if receipt[field]:
            client.download(str(receipt[field]), folder / name)
