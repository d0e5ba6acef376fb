"""The commands `assay train`, `check` and `base`: light doors that start the scale as a process.

Neither torch nor any model library is imported here, so that `assay --help` stays quick. Plain
functions: the command line wraps them itself.
"""

from pathlib import Path
from typing import Annotated

import typer

from assay.cli import alike
from assay.cli.home import home_at
from assay.cli.scale import run_scale

Folder = Annotated[Path, typer.Argument(help="Folder that `assay competitions download` wrote.")]
Adapter = Annotated[Path, typer.Argument(help="Folder with the adapter that peft saved.")]


def train(  # noqa: PLR0913 - each option of a command is an argument
    context: typer.Context,
    competition: Folder,
    *,
    out: Annotated[Path, typer.Option(help="Folder for the adapter.")],
    steps: Annotated[int, typer.Option(min=1, help="Updates of 32 examples each.")] = 60,
    rank: Annotated[int, typer.Option(min=1, help="Rank of the LoRA matrices.")] = 8,
    rate: Annotated[
        float, typer.Option(help="Learning rate of LoRA; the head's is tenfold.")
    ] = 1e-3,
    seed: Annotated[
        int | None,
        typer.Option(help="The same seed trains the same adapter. Without it: one of your own."),
    ] = None,
    layers: Annotated[int, typer.Option(min=1, help="How many of the last layers to adapt.")] = 3,
    threads: Annotated[int, typer.Option(min=1, help="Cores to use.")] = 2,
    seconds: Annotated[
        int, typer.Option(min=0, help="End after so much time, 0: after all steps.")
    ] = 0,
    keep_every: Annotated[
        int, typer.Option(min=0, help="Save beside OUT after every so many steps too.")
    ] = 0,
) -> None:
    """Train a LoRA adapter for a downloaded COMPETITION on its pinned base model.

    Run it again after it was stopped: it goes on from its last record in OUT.
    """
    if seed is None:
        seed = home_at(context.find_root().params.get("home")).training_seed()
    wanted = {
        "--train": competition / "train.jsonl",
        "--manifest": competition / "manifest.json",
        "--out": out,
        "--steps": steps,
        "--rank": rank,
        "--alpha": 2 * rank,
        "--rate": rate,
        "--head-rate": 10 * rate,
        "--seed": seed,
        "--layers": layers,
        "--threads": threads,
        "--seconds": seconds,
        "--keep-every": keep_every,
    }
    run_scale("train", [str(part) for pair in wanted.items() for part in pair])


def check(
    adapter: Adapter,
    *,
    competition: Annotated[
        Path, typer.Option("-c", "--competition", help="Folder of the downloaded competition.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Score the ADAPTER on the public slice, with the code that the server runs.

    Where the competition was downloaded with --adapters, it says too which of them it is like.
    """
    wanted = {
        "--task": competition / "manifest.json",
        "--inputs": competition / "public.inputs",
        "--labels": competition / "public.labels",
    }
    arguments = [str(part) for pair in wanted.items() for part in pair]
    public = sorted((competition / alike.FOLDER).glob("*.blob"))
    against = ["--against", *map(str, public)] if public else []
    run_scale("check", [str(adapter), *arguments, *against], is_json=json)


base = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Base models of this machine, in the folder that ASSAY_BASES names.",
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


@base.command(epilog="Example: assay base add ./my-model --licence Apache-2.0 --author ada")
def add(
    source: Annotated[
        str, typer.Argument(metavar="PATH|HUB-ID", help="A folder, or owner/name on a hub.")
    ],
    *,
    licence: Annotated[str, typer.Option(help="SPDX id of the weights' licence.")],
    author: Annotated[str, typer.Option(help="The account that royalties go to.")],
    name: Annotated[str, typer.Option(help="What competitions call it; else the folder's.")] = "",
    json: AsJson = False,
) -> None:
    """Pin every file of a base model by its hash, and keep a copy. Twice is harmless."""
    options = ["--licence", licence, "--author", author, *(["--name", name] if name else [])]
    run_scale("base", ["add", source, *options], is_json=json)


@base.command("list", epilog="Example: assay base list")
def list_bases(*, json: AsJson = False) -> None:
    """Every base model that a competition can name here."""
    run_scale("base", ["list"], is_json=json)
