"""`assay models`: find a model by what it does, and look at it. `assay pull` gets its files."""

from pathlib import Path
from typing import Annotated, Any

import typer

from assay import messages
from assay.canonical import sha256_hex
from assay.cli import show
from assay.cli.caller import AsJson, caller_of
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


@app.command(epilog="Example: assay models change-terms WORK --tags terms.txt")
def change_terms(
    context: typer.Context,
    work: Id,
    *,
    tags: Annotated[Path, typer.Option(help="A tag a line: `Name: value`.", exists=True)],
    as_json: AsJson = False,
) -> None:
    """Put a work of yours under other terms, for later sales; what was bought stays as it is."""
    caller = caller_of(context)
    with caller.member() as client:
        number = int(client.get(f"/api/works/{work}")["terms_version"]) + 1
        order = messages.TermsChange(work, number, tuple(_tags(tags)))
        answer = client.order(order, caller.key(), idempotency=f"terms.change/{work}/{number}")
    show.put_answer(answer, answer["result"], as_json=as_json)


@app.command(epilog="Example: assay models withdraw WORK")
def withdraw(context: typer.Context, work: Id, *, as_json: AsJson = False) -> None:
    """Take a work of yours off the market for good; what was bought holds."""
    caller = caller_of(context)
    with caller.member() as client:
        order = messages.WorkWithdraw(work)
        answer = client.order(order, caller.key(), idempotency=f"work.withdraw/{work}")
    show.put_answer(answer, answer["result"], as_json=as_json)


@app.command(epilog='Example: assay models dispute WORK --why "It is my data, taken from ..."')
def dispute(
    context: typer.Context,
    work: Id,
    *,
    why: Annotated[str, typer.Option(help="What is wrong with it; everybody can read this.")],
    as_json: AsJson = False,
) -> None:
    """Say that a work is not its owner's to sell; the operator rules on it."""
    caller = caller_of(context)
    with caller.member() as client:
        order = messages.WorkDispute(work, why)
        words = sha256_hex(why.encode())
        answer = client.order(order, caller.key(), idempotency=f"work.dispute/{work}/{words}")
    show.put_answer(answer, answer["result"], as_json=as_json)


def _tags(file: Path) -> list[tuple[str, str]]:
    """The tags of a file, a line each. raises BadParameter"""
    lines = [one for one in file.read_text().splitlines() if one.strip()]
    pairs = [one.partition(":") for one in lines]
    if not all(sign for _, sign, _ in pairs):
        raise typer.BadParameter(f"{file.name}: write a tag a line, as `Name: value`")
    return [(name.strip(), value.strip()) for name, _, value in pairs]


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
